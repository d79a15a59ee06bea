"""The desk: where workers hand in what they have, which becomes the files of a load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from load.result import FAILED, Result

__all__ = ["FILES", "FOLLOWED", "GONE", "HISTORY", "PROGRESS", "Desk", "Handed", "pieces_of"]

# What the file of a worker's operations is called.
HISTORY = "sends"

# What the first worker has a line of each second written to, for whoever waits.
PROGRESS = "progress.txt"

# The file that is there once whom a load is offered to is gone for good: its master looks for it.
GONE = "gone.txt"

# Where a master serves a load's state, and each of these files below it.
FILES = "/load"

# What is asked besides by whoever follows a load: there are others who look whether all is well.
FOLLOWED = "followed"

# What travels at once: a master that takes in more answers nobody meanwhile.
PIECE_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Handed:
    """What a worker hands in; it travels as it is.

    Attributes:
        worker: Its number.
        kind: A ``line`` for whoever waits; a piece of its ``history``; its ``result``, or its
            ``failure`` in words, each of which is the last.
        text: A line, a result as JSON, a failure.
        piece: Of a history.
    """

    worker: int
    kind: Literal["line", "history", "result", "failure"]
    text: str = ""
    piece: bytes = b""


@dataclass(frozen=True)
class Desk:
    """Takes what workers hand in.

    Attributes:
        folder: Where it becomes files.
    """

    folder: Path

    def clear(self) -> None:
        """Begin anew: what an earlier load has left isn't this one's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.files():
            file.unlink()

    def files(self) -> tuple[Path, ...]:
        """What has been handed in, as files."""
        patterns = (PROGRESS, FAILED, f"{HISTORY}-*.npz", "worker-*.json")
        return tuple(file for each in patterns for file in sorted(self.folder.glob(each)))

    def take(self, handed: Handed) -> bool:
        """Take something; whether it is the last of a worker."""
        match handed.kind:
            case "line":
                with (self.folder / PROGRESS).open("a") as file:
                    file.write(f"{handed.text}\n")
            case "history":
                with (self.folder / f"{HISTORY}-{handed.worker}.npz").open("ab") as history:
                    history.write(handed.piece)
            case "result":
                Result.from_json(handed.text).write(self.folder)
            case "failure":
                (self.folder / FAILED).write_text(f"worker {handed.worker}: {handed.text}")
        return handed.kind in {"result", "failure"}


def pieces_of(file: Path) -> Iterator[bytes]:
    """A file, piece by piece."""
    with file.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece
