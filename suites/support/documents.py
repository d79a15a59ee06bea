"""Documents that are executed: their files are written, their changes made, their commands run.

A fenced block is told apart by its first line::

    ```python site.py     a file, to be written
    ```diff               a change of files that are there, as `git diff` prints it
    ```sh                 commands, each of which must succeed
    ```sh kind            the same, only where `kind` is wanted
    ```text               for people alone
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from groundwork.base import process

__all__ = ["Block", "blocks_of", "execute"]

FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PATCH_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        language: What it is in: ``python``, ``diff``, ``sh``...
        word: The path that it is to be written to; of commands, where they are wanted.
        text: What stands in it.
    """

    language: str
    word: str
    text: str


def blocks_of(document: Path) -> tuple[Block, ...]:
    """The blocks of a document, in order."""
    return tuple(Block(*match.groups("")) for match in FENCED.finditer(document.read_text()))


def execute(document: Path, root: Path, run: Callable[[str], None], wanted: str = "") -> None:
    """Do what a document says, in a folder.

    Args:
        document: A Markdown file.
        root: The folder that its paths are below.
        run: Runs the commands of one block.
        wanted: Which commands: those without a word, or those with this one.

    Raises:
        ProcessFailedError: A change doesn't fit the files that are there.
    """
    for block in blocks_of(document):
        if block.language == "sh":
            if block.word == wanted:
                run(block.text)
        elif block.language == "diff":
            change = root / "change.diff"
            change.write_text(block.text)
            argv = ["git", "apply", "--recount", "--verbose", change.name]
            process.run(argv, timeout_s=PATCH_TIMEOUT_S, cwd=root)
            change.unlink()
        elif block.word:
            file = root / block.word
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
