"""Figures: what a run has measured, with what it usually is on the same machine."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from groundwork.base.jsonfile import read_json, write_json

__all__ = ["FOLDER", "Figure", "Weaker", "figures_of", "usual_of", "weaker_of"]

# Where a run keeps them.
FOLDER = "figures"

# What is usual is the median of so many runs before: a week of nights.
USUAL_RUNS = 7

# Between runs of the same commit on a machine that does nothing else, figures differ by a tenth.
WEAKER_SHARE = 0.15

# From there on nobody reads the digits behind the point.
WHOLE = 1_000


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        measure: Of what, as objectives call it.
        what: The same, for people.
        unit: Of its value; empty for a ratio.
        better: Whether more of it is better, or less.
        value: As it was measured.
        promised: What it should be at the least, or at the most; None where nothing is promised.
    """

    measure: str
    what: str
    unit: str
    better: Literal["more", "less"]
    value: float
    promised: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it isn't as promised."""
        if self.promised is None:
            return False
        return self.value < self.promised if self.better == "more" else self.value > self.promised

    def told(self, value: float) -> str:
        """A value in its unit, for people."""
        digits = f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.3g}"
        return f"{digits} {self.unit}".rstrip()

    @property
    def line(self) -> str:
        """All of it, for people."""
        if self.promised is None:
            return f"{self.what}: {self.told(self.value)}"
        said = "at least" if self.better == "more" else "at most"
        which = "which should be" if self.missed else "promised are"
        return f"{self.what}: {self.told(self.value)}, {which} {said} {self.told(self.promised)}"

    def write(self, folder: Path) -> None:
        """Keep it in a run's folder.

        Raises:
            OSError: It can't be written.
        """
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        write_json(FIGURE, self, folder / FOLDER / f"{self.measure}.json")


FIGURE = TypeAdapter(Figure)


def figures_of(folder: Path) -> dict[str, Figure]:
    """What a run has kept, by measure.

    Raises:
        UsageError: One can't be read; names the file.
    """
    found = (read_json(FIGURE, file) for file in sorted((folder / FOLDER).glob("*.json")))
    return {each.measure: each for each in found}


@dataclass(frozen=True)
class Weaker:
    """A figure that is worse than it usually is."""

    figure: Figure
    usual: float

    @property
    def line(self) -> str:
        """For people."""
        own = self.figure
        return f"{own.what}: {own.told(own.value)}, usually {own.told(self.usual)}"


def usual_of(measure: str, runs: Sequence[Mapping[str, Figure]]) -> float | None:
    """The median of the last runs that have measured it; None where none has.

    Args:
        measure: Which.
        runs: The figures of runs before on the same machine, the oldest first.
    """
    found = [run[measure].value for run in runs if measure in run][-USUAL_RUNS:]
    return statistics.median(found) if found else None


def weaker_of(now: Mapping[str, Figure], runs: Sequence[Mapping[str, Figure]]) -> Iterator[Weaker]:
    """What is worse by more than it differs by itself: a warning, for a machine may be busy.

    Args:
        now: The figures of a run.
        runs: Those of runs before on the same machine, the oldest first.
    """
    for measure, figure in now.items():
        usual = usual_of(measure, runs)
        if usual is None:
            continue
        least, most = usual * (1 - WEAKER_SHARE), usual * (1 + WEAKER_SHARE)
        if figure.value < least if figure.better == "more" else figure.value > most:
            yield Weaker(figure, usual)
