"""The trend: the last runs of a kind as bars, as long as they took, with what they came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from groundwork.base.errors import UsageError
from groundwork.base.jsonfile import read_json
from reports.history import Memory
from reports.judgement import Kind

__all__ = ["NAME", "Bar", "Trend", "dump_trend", "read_trend"]

# Beside a report, for whoever lists reports of several jobs.
NAME = "trend.json"

# Two weeks of nights are seen at a glance.
RUNS = 14

STEP, WIDTH, HEIGHT = 20, 16, 40

# The shortest run is seen, too.
HEIGHT_MIN = 3

SIGNS: dict[Kind, str] = {"kept": "✓", "broken": "✗", "unknown": "?"}


@dataclass(frozen=True)
class Bar:
    """A run.

    Attributes:
        x: From the left.
        height: By how long it took.
        kind: What it came to.
        sign: The same, for those who tell no colours apart.
        text: For people who point at it, or hear the page.
    """

    x: int
    height: int
    kind: Kind
    sign: str
    text: str


@dataclass(frozen=True)
class Trend:
    """The last runs of a kind, the newest on the right."""

    bars: tuple[Bar, ...]

    @classmethod
    def of(cls, runs: Sequence[Memory]) -> Trend:
        """The trend of these runs, the oldest of which comes first."""
        shown = runs[-RUNS:]
        longest_s = max((each.wall_s for each in shown), default=0.0) or 1.0
        return cls(
            tuple(
                Bar(
                    x=number * STEP,
                    height=max(HEIGHT_MIN, round(HEIGHT * each.wall_s / longest_s)),
                    kind=each.judgement,
                    sign=SIGNS[each.judgement],
                    text=f"{each.run}: {each.headline} ({each.wall_s:.0f} s)",
                )
                for number, each in enumerate(shown)
            )
        )

    @property
    def width(self) -> int:
        """Of the picture."""
        return len(self.bars) * STEP

    @property
    def text(self) -> str:
        """What the picture says."""
        said = (f"{each.kind}" for each in self.bars)
        return f"The last {len(self.bars)} runs, the newest last: {', '.join(said)}"


TREND = TypeAdapter(Trend)


def dump_trend(trend: Trend) -> str:
    """A trend as it is put beside a run's report."""
    return TREND.dump_json(trend, indent=2).decode() + "\n"


def read_trend(run_dir: Path) -> Trend | None:
    """The trend beside a run's report; None where there is none, or one that can't be read."""
    try:
        return read_json(TREND, run_dir / NAME)
    except UsageError:
        return None
