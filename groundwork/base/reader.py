"""YAML as everything that we read is read: a key that is there twice is refused, by its line."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["Reader", "fault_of", "load"]


class Reader(yaml.SafeLoader):
    """A loader that refuses a key that is there twice: most readers forget all but the last."""

    def scan_to_next_token(self) -> None:
        """Tabs may stand between words, though not indent a line, as every other reader has it."""
        super().scan_to_next_token()
        while self.peek() == "\t" and self.buffer[: self.pointer].rpartition("\n")[2].strip(" "):
            self.forward()
            super().scan_to_next_token()

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping, each of whose keys is there once."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"key {key.value!r} is there twice"
                    raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return node


def load(text: str) -> Any:
    """What a text of YAML holds.

    Raises:
        yaml.YAMLError: It isn't YAML, or has a key twice; see :func:`fault_of`.
    """
    return yaml.load(text, Loader=Reader)  # noqa: S506 - a safe loader


def fault_of(error: yaml.YAMLError) -> tuple[int, str]:
    """The line of an error, and what is wrong there, in one line."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, str(error).partition("\n")[0]
    line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
    problem = error.problem or error.context or ""
    if problem.startswith("but ") and error.context:  # "but found another document"
        problem = f"{error.context}, {problem}"
    return line, problem
