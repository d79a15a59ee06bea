"""Figures: what is measured of throughput, held to its objective, and kept beside the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import allure

from fixtures.declared.objectives import Objectives
from reports.figures import FOLDER, Figure

__all__ = ["FIGURE", "Figures"]

# What a figure's line for the terminal is called among a test's properties.
FIGURE = "figure"


@dataclass(frozen=True)
class Figures:
    """Takes what was measured.

    Attributes:
        objectives: What it is held to.
        env: On which platform.
        folder: Of the run.
        note: Puts a line among the properties of the test that measures.
    """

    objectives: Objectives
    env: str
    folder: Path
    note: Callable[[str, object], None]

    def stem(self, name: str) -> Path:
        """Where a picture of that name lies, without its ending."""
        (self.folder / FOLDER).mkdir(parents=True, exist_ok=True)
        return self.folder / FOLDER / name

    def misses(self, measure: str, value: float) -> bool:
        """Whether a value isn't as promised; nothing is kept of it."""
        return self._figure(measure, value).missed

    def expect(self, measure: str, value: float) -> None:
        """Keep a value, and see that it is as promised."""
        figure = self._figure(measure, value)
        figure.write(self.folder)
        self.note(FIGURE, figure.line)
        allure.attach(figure.line, measure)
        assert not figure.missed, figure.line

    def _figure(self, measure: str, value: float) -> Figure:
        own = self.objectives.throughput[measure]
        return Figure(measure, own.what, own.unit, own.better, value, own.limit(self.env))
