"""Documents that are executed: their files are written, their changes made, their commands run.

A fenced block is told apart by its first line::

    ```python site.py     a file, to be written
    ```diff site.py       a change of a file that is there: its lines, with + or - before some
    ```sh                 commands, each of which must succeed
    ```sh kind            the same, only where `kind` is wanted
    ```text               for people alone
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "blocks_of", "execute"]

FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
        ValueError: A change doesn't fit the file that is there.
    """
    for block in blocks_of(document):
        if block.language == "sh":
            if block.word == wanted:
                run(block.text)
        elif block.language == "diff":
            file = root / block.word
            file.write_text(changed(file.read_text(), block))
        elif block.word:
            file = root / block.word
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)


def changed(text: str, block: Block) -> str:
    """A file's text with a change made: the lines around it must be there, and only once.

    Raises:
        ValueError: They aren't.
    """
    lines = [line or " " for line in block.text.splitlines()]  # editors strip an empty line's blank
    old, new = (
        "".join(f"{line[1:]}\n" for line in lines if line[0] in marks) for marks in (" -", " +")
    )
    if text.count(old) != 1:
        raise ValueError(f"{block.word} holds this {text.count(old)} times:\n{old}")
    return text.replace(old, new)
