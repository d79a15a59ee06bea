"""Documents that are executed: their files are written, their changes made, their commands run.

A fenced block is told apart by its first line::

    ```python site.py     a file, to be written
    ```diff site.py       a change of a file that is there: its lines, with + or - before some
    ```sh                 commands, each of which must succeed
    ```sh kind            the same, only where `kind` is wanted
    ```sh ci              commands that are stages of .ci/run: that is who executes them
    ```sh no-run: why     commands that nobody executes, and why
    ```text               for people alone

Whatever stands behind the language a page doesn't show.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from fixtures.paths import ROOT
from groundwork.base import process

__all__ = [
    "NO_RUN",
    "Block",
    "blocks_of",
    "changed",
    "commands_of",
    "documents",
    "execute",
    "tokens_of",
]

NO_RUN = "no-run"

# Git reads its index.
GIT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        language: What it is in: ``python``, ``diff``, ``sh``...
        word: The path that it is to be written to; of commands, where they are wanted.
        reason: Why nobody executes it, of those.
        text: What stands in it.
        line: Its first line.
    """

    language: str
    word: str
    reason: str
    text: str
    line: int


def documents() -> tuple[Path, ...]:
    """Every Markdown file that git knows, or is about to, in order."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = process.run(words, timeout_s=GIT_TIMEOUT_S, cwd=ROOT).output.splitlines()
    return tuple(ROOT / name for name in sorted(set(listed)) if (ROOT / name).is_file())


@cache
def tokens_of(document: Path) -> tuple[Token, ...]:
    """A document as Markdown's own rules read it."""
    parser = MarkdownIt("commonmark").enable("table")
    return tuple(parser.parse(document.read_text(encoding="utf-8")))


def blocks_of(document: Path) -> tuple[Block, ...]:
    """The blocks of a document, in order."""
    fences = (token for token in tokens_of(document) if token.type == "fence")
    return tuple(block_of(token) for token in fences)


def block_of(fence: Token) -> Block:
    """One block."""
    language, _, behind = fence.info.strip().partition(" ")
    word, _, reason = behind.partition(":")
    line = fence.map[0] + 1 if fence.map else 0
    return Block(language, word.strip(), reason.strip(), fence.content, line)


def commands_of(block: Block) -> list[list[str]]:
    """The commands of a block in words, without what people are told behind them."""
    lines = [shlex.split(line, comments=True) for line in block.text.splitlines()]
    return [words for words in lines if words]


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
