"""Panels: what a dashboard shows, as a picture of it, without Grafana.

What is drawn is what the dashboard's own JSON says (titles, units, limits, where each panel lies)
and what the store has answered to its queries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, MultipleLocator

from fixtures.declared.dashboards import COLUMNS, Dashboard, Panel, Place
from reports.units import told

__all__ = ["Line", "draw_dashboard"]

# A report's column is a screen wide; a row of Grafana's is 38 pixels of it.
WIDTH_INCHES = 15.0
ROW_INCHES = 0.36
DOTS_PER_INCH = 100

# More than a step and a half without a value is a gap.
GAP_STEPS = 1.5

# Above all panels: the dashboard's title, and what it is looked at for.
HEAD_INCHES = 0.75

# Between panels, and from a panel's edge to what it shows.
GAP_INCHES = 0.06
TITLE_INCHES = 0.32
LEFT_INCHES, RIGHT_INCHES = 0.85, 0.2
AXIS_INCHES = 0.28
LEGEND_LINE_INCHES = 0.19

# So many names stand side by side, below one another in so many lines; what is over is counted.
LEGEND_COLUMNS, LEGEND_LINES = 3, 3
NAME_LENGTH_MAX = 26

# So many spans of time beside each other, and of values on top of each other.
TICKS, HEIGHTS = 6, 4

# How much more than the highest value fits in.
ROOM = 1.04

# Of those colours that people of every kind of sight tell apart (Okabe and Ito), and greys between.
COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c00", "#444444",
)  # fmt: skip
GOOD, BAD, QUIET = "#00734f", "#c43a00", "0.45"
PANEL, EDGE, EMPTY, ELSEWHERE = "white", "0.82", "#fdeee6", "0.96"


@dataclass(frozen=True)
class Line:
    """One series, as a store has answered it.

    Attributes:
        name: Its legend.
        at_s: When, since 1970.
        values: What it was then; none of them is no number.
    """

    name: str
    at_s: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Sheet:
    """What panels are drawn on: its size, and the span of time that all of them show."""

    figure: Figure
    height: float
    begin_s: float
    end_s: float

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """A part of it to draw on, in inches from its upper left corner."""
        below = self.height - top - height
        size = (left / WIDTH_INCHES, below / self.height)
        return self.figure.add_axes((*size, width / WIDTH_INCHES, height / self.height))

    def text(self, left: float, top: float, text: str, **how: object) -> None:
        """A text, by its upper left corner."""
        at = (left / WIDTH_INCHES, 1 - top / self.height)
        self.figure.text(*at, text, **({"va": "top"} | how))  # type: ignore[arg-type]


def draw_dashboard(
    dashboard: Dashboard,
    shown: Mapping[str, Sequence[Line]],
    span_s: tuple[float, float],
    stem: Path,
    elsewhere: Mapping[str, str],
) -> tuple[Path, ...]:
    """Draw a dashboard, its panels where Grafana would place them.

    Args:
        dashboard: Which.
        shown: The series of each panel, by title; none is an empty panel, and marked as such.
        span_s: From when to when, since 1970.
        stem: The files without their ending.
        elsewhere: Panels that nothing can be seen of here, by title, and why.

    Returns:
        The files, as PNG and as SVG.
    """
    rows = max(each.place.y + each.place.height for each in dashboard.panels)
    height = HEAD_INCHES + rows * ROW_INCHES + GAP_INCHES
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="0.93")
    sheet = Sheet(figure, height, *span_s)
    sheet.text(0.15, 0.14, dashboard.title, fontsize=15, weight="bold")
    sheet.text(0.15, 0.46, dashboard.description, fontsize=9.5, color=QUIET)
    for panel in dashboard.panels:
        box = frame(sheet, panel, shown.get(panel.title, ()), elsewhere.get(panel.title, ""))
        if panel.title in elsewhere:
            note(sheet, box, elsewhere[panel.title], colour=QUIET)
        elif not shown.get(panel.title):
            note(sheet, box, "EMPTY: the store has no series for this panel", colour=BAD)
        elif panel.kind == "stat":
            draw_number(sheet, box, panel, shown[panel.title])
        else:
            draw_lines(sheet, box, panel, shown[panel.title])
    files = tuple(stem.with_name(f"{stem.name}.{form}") for form in ("png", "svg"))
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files


@dataclass(frozen=True)
class Box:
    """Where a panel lies, in inches from the upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @classmethod
    def of(cls, place: Place) -> Box:
        """By its place on the grid."""
        column = (WIDTH_INCHES - 2 * GAP_INCHES) / COLUMNS
        return cls(
            GAP_INCHES + place.x * column + GAP_INCHES / 2,
            HEAD_INCHES + place.y * ROW_INCHES + GAP_INCHES / 2,
            place.width * column - GAP_INCHES,
            place.height * ROW_INCHES - GAP_INCHES,
        )


def frame(sheet: Sheet, panel: Panel, lines: Sequence[Line], reason: str) -> Box:
    """A panel's box and its title; it is marked where nothing is in it."""
    box = Box.of(panel.place)
    colour = ELSEWHERE if reason else PANEL if lines else EMPTY
    edge = EDGE if lines or reason else BAD
    below = sheet.height - box.top - box.height
    sheet.figure.add_artist(
        Rectangle(
            (box.left / WIDTH_INCHES, below / sheet.height),
            box.width / WIDTH_INCHES,
            box.height / sheet.height,
            facecolor=colour,
            edgecolor=edge,
            linestyle="-" if lines or reason else "--",
            zorder=-1,
        )
    )
    sheet.text(box.left + 0.1, box.top + 0.08, panel.title, fontsize=9.5, weight="bold")
    return box


def note(sheet: Sheet, box: Box, text: str, *, colour: str) -> None:
    """A line in the middle of a panel that shows nothing else."""
    middle = (box.left + box.width / 2, box.top + box.height / 2 + 0.1)
    words = text if box.width > 5 else text.replace(": ", ":\n")  # noqa: PLR2004 - inches
    sheet.text(*middle, words, fontsize=9, color=colour, ha="center", va="center")


def draw_number(sheet: Sheet, box: Box, panel: Panel, lines: Sequence[Line]) -> None:
    """The last value, large, and what it was before as a line below."""
    line = lines[0]
    last = line.values[-1]
    over = panel.limit is not None and last >= panel.limit
    middle = (box.left + box.width / 2, box.top + box.height * 0.52)
    colour = BAD if over else GOOD
    sheet.text(*middle, told(last, panel.unit), fontsize=22, color=colour, ha="center", va="center")
    axes = sheet.axes(box.left + 0.1, box.top + box.height * 0.74, box.width - 0.2, 0.3)
    axes.plot(line.at_s, line.values, color=colour, linewidth=1)
    axes.fill_between(line.at_s, line.values, min(line.values), color=colour, alpha=0.15)
    axes.set_xlim(sheet.begin_s, sheet.end_s)
    axes.axis("off")


def draw_lines(sheet: Sheet, box: Box, panel: Panel, lines: Sequence[Line]) -> None:
    """Lines over time, with their names below and the limit across."""
    columns = max(1, round(LEGEND_COLUMNS * box.width / (WIDTH_INCHES / 2)))
    named = legend_of(lines, columns * LEGEND_LINES)
    rows = math.ceil(len(named) / columns)
    legend = rows * LEGEND_LINE_INCHES + 0.06
    axes = sheet.axes(
        box.left + LEFT_INCHES,
        box.top + TITLE_INCHES,
        box.width - LEFT_INCHES - RIGHT_INCHES,
        box.height - TITLE_INCHES - AXIS_INCHES - legend,
    )
    plot(axes, lines, stacked=panel.stacked)
    for index, (name, colour) in enumerate(named):
        step = (box.width - 0.3) / columns
        left = box.left + 0.2 + index % columns * step
        top = box.top + box.height - legend + index // columns * LEGEND_LINE_INCHES
        sheet.text(left, top, "\N{BLACK SQUARE}", fontsize=8, color=colour)
        sheet.text(left + 0.14, top, name, fontsize=8, color="0.25")
    scale(axes, panel, sheet, min(value for each in lines for value in each.values))


def legend_of(lines: Sequence[Line], most: int) -> list[tuple[str, str]]:
    """The names and colours of lines, as many as there is room for; the others are counted."""
    named = [
        (shortened(each.name), COLOURS[index % len(COLOURS)]) for index, each in enumerate(lines)
    ]
    if len(named) <= most:
        return named
    return [*named[: most - 1], (f"and {len(named) - most + 1} more", "white")]


def shortened(name: str) -> str:
    """A name that leaves room for others: its end tells more than its middle."""
    if len(name) <= NAME_LENGTH_MAX:
        return name
    half = NAME_LENGTH_MAX // 2
    return f"{name[: half - 1]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"


def plot(axes: Axes, lines: Sequence[Line], *, stacked: bool) -> None:
    """The lines; those that are parts of a whole on top of each other."""
    below: dict[float, float] = {}
    for index, line in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        floor = [below.get(at, 0.0) if stacked else 0.0 for at in line.at_s]
        top = [value + under for value, under in zip(line.values, floor, strict=True)]
        for part in unbroken(line.at_s):
            marker = "." if part.stop - part.start == 1 else ""
            axes.plot(line.at_s[part], top[part], color=colour, linewidth=1.3, marker=marker)
            if stacked:
                axes.fill_between(
                    line.at_s[part], top[part], floor[part], color=colour, alpha=0.3, linewidth=0
                )
        if stacked:
            below |= dict(zip(line.at_s, top, strict=True))


def unbroken(at_s: Sequence[float]) -> list[slice]:
    """The parts of a line between its gaps: where there was nothing, nothing is drawn."""
    steps = [after - before for before, after in itertools.pairwise(at_s)]
    usual = min(steps, default=0.0)
    breaks = [index + 1 for index, step in enumerate(steps) if step > GAP_STEPS * usual]
    edges = [0, *breaks, len(at_s)]
    return [slice(begin, end) for begin, end in itertools.pairwise(edges)]


def scale(axes: Axes, panel: Panel, sheet: Sheet, lowest: float) -> None:
    """The axes: seconds before the end, values in the panel's unit from 0 on, and its limit."""
    axes.set_xlim(sheet.begin_s, sheet.end_s)
    low, high = axes.get_ylim()
    low = 0.0 if lowest >= 0 else low
    high = max(high, low + ROOM * (high - low))
    if panel.limit is not None:
        axes.axhline(panel.limit, color=BAD, linestyle="--", linewidth=1)
        high = max(high, panel.limit * 1.15)
    high = high if high > low else low + 1  # of what is 0 all the time
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(locator_of(panel.unit, high - low))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, panel.unit)))
    step_s = max(1, round((sheet.end_s - sheet.begin_s) / TICKS))
    axes.set_xticks([sheet.end_s - step_s * number for number in reversed(range(TICKS + 1))])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at - sheet.end_s:.0f} s"))
    axes.tick_params(labelsize=7.5, length=0, colors="0.35")
    axes.grid(visible=True, alpha=0.25)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("0.7")


def locator_of(unit: str, span: float) -> Locator:
    """Where marks stand: at round numbers, which of bytes are others than of anything else."""
    if unit in {"bytes", "binBps"}:
        return MultipleLocator(2.0 ** math.ceil(math.log2(span / HEIGHTS)))
    return MaxNLocator(HEIGHTS)
