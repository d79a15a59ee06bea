"""The outcome of a comparison: what both sides did, pair by pair, and by which commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from groundwork.base.jsonfile import read_json, write_json
from groundwork.base.machine import Machine
from load.settings import LoadSettings
from load.versus.contests import What
from load.versus.pairs import Pair, Ratio, lines_of, ratio_of

__all__ = ["FILE", "Versus", "read", "write"]

FILE = "versus.json"


@dataclass(frozen=True)
class Versus:
    """Both sides of a comparison.

    Attributes:
        what: What was done.
        unit: What was done so many of.
        settings: What both were told.
        pairs: Each side's, in turn.
        native: The command of the native side.
        own: What the client of ours was told.
        machine: On which.
    """

    what: What
    unit: str
    settings: LoadSettings
    pairs: tuple[Pair, ...]
    native: str
    own: str
    machine: Machine

    @property
    def ratio(self) -> Ratio:
        """How fast ours is."""
        return ratio_of(self.pairs)

    def lines(self) -> Iterator[str]:
        """For people."""
        most = max(each.native.count for each in self.pairs)
        yield (
            f"{self.what}, up to {most:,} {self.unit}, {len(self.pairs)} pairs: ours is as fast "
            f"as the native tool by {self.ratio}"
        )
        yield from lines_of(self.pairs, self.unit)
        yield f"native: {self.native}"
        yield f"ours: {self.own}"


ADAPTER = TypeAdapter(Versus)


def read(folder: Path) -> Versus:
    """What a comparison has come to.

    Raises:
        UsageError: There is none, or it can't be read; names the file.
    """
    return read_json(ADAPTER, folder / FILE)


def write(versus: Versus, folder: Path) -> None:
    """Put it into a folder.

    Raises:
        OSError: It can't be written.
    """
    write_json(ADAPTER, versus, folder / FILE)
