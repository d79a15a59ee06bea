"""`python -m suites.support.assertions`: refuses a test that can't fail by what it has seen.

A test asserts: by `assert`, by `pytest.raises` or `pytest.fail`, by waiting for a condition, or by
calling a function of the suites that does. Whether what it asserts is worth anything is for whoever
reads it; that it asserts nothing is for this.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["silent_tests"]

SUITES = Path(__file__).resolve().parent.parent

# What fails by itself where something isn't as it should be.
ASSERTING = {"wait_for", "raises", "fail", "warns"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Seen:
    """What a function does: whether it asserts by itself, and what it calls.

    Attributes:
        where: FILE:LINE.
    """

    name: str
    where: str
    asserts: bool = False
    calls: set[str] = field(default_factory=set)


def read(files: Iterable[Path]) -> Iterator[Seen]:
    """Every function of some files."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield look(node, f"{file}:{node.lineno}")


def look(function: Function, where: str) -> Seen:
    """What a function does."""
    seen = Seen(function.name, where)
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            seen.asserts = True
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            seen.calls.add(name)
    seen.asserts = seen.asserts or bool(seen.calls & ASSERTING)
    return seen


def silent_tests(files: Iterable[Path]) -> list[str]:
    """The tests among some files that assert nothing, each with its place."""
    functions = list(read(files))
    asserting = {each.name for each in functions if each.asserts}
    while True:
        more = {f.name for f in functions if f.calls & asserting} - asserting
        if not more:
            break
        asserting |= more
    return [
        f"{each.where}: {each.name} asserts nothing"
        for each in functions
        if each.name.startswith("test_") and each.name not in asserting
    ]


def main() -> int:
    """Look at all suites; 1 where a test asserts nothing."""
    found = silent_tests(sorted(SUITES.rglob("*.py")))
    for line in found:
        sys.stderr.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
