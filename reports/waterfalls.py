"""Waterfalls: what came after what, how long it took, and how long it might have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

__all__ = ["Bar", "draw_waterfall"]

WIDTH_INCHES = 10.0
BAR_INCHES = 0.45
MARGIN_INCHES = 1.3
DOTS_PER_INCH = 110

# Of those colours that people of every kind of sight tell apart (Okabe and Ito).
WITHIN, LATE, ALLOWED = "#0072b2", "#d55e00", "0.88"

# Moments that are looked for are seen so late at the most.
LOOK_S = 0.1

# The text stands beside whichever is longer, and a little apart.
GAP_SHARE = 0.01
WITH_TEXT = 1.15


@dataclass(frozen=True)
class Bar:
    """A stage.

    Attributes:
        name: What it is.
        begin_s: When it began, after what all of it began with.
        end_s: When it was over.
        most_s: How long it may take.
    """

    name: str
    begin_s: float
    end_s: float
    most_s: float

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.end_s - self.begin_s


def draw_waterfall(bars: Sequence[Bar], title: str, axis: str, stem: Path) -> tuple[Path, ...]:
    """Draw stages one below the other, each over what it may take.

    Args:
        bars: The stages, in their order.
        title: Above it.
        axis: What the seconds are counted from.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    height = MARGIN_INCHES + BAR_INCHES * len(bars)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    last_s = max((max(each.end_s, each.begin_s + each.most_s) for each in bars), default=1.0)
    for row, bar in enumerate(bars):
        axes.barh(row, bar.most_s, left=bar.begin_s, height=0.8, color=ALLOWED)
        colour = WITHIN if bar.took_s <= bar.most_s + LOOK_S else LATE
        axes.barh(row, bar.took_s, left=bar.begin_s, height=0.45, color=colour)
        end_s = bar.begin_s + max(bar.took_s, bar.most_s)
        text = f"{bar.took_s:.1f} s of {bar.most_s:g} s"
        axes.text(end_s + GAP_SHARE * last_s, row, text, va="center", fontsize="small")
    axes.set_yticks(range(len(bars)), [each.name for each in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, last_s * WITH_TEXT)
    axes.set_xlabel(axis)
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    files = tuple(stem.with_name(f"{stem.name}.{form}") for form in ("png", "svg"))
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files
