"""Loads: what was offered and borne, how long it took, and who was busy with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["Second", "draw_percentiles", "draw_seconds"]

Floats = NDArray[np.float64]

# Wide enough for a minute, and for a report's column.
CURVES_INCHES, SECONDS_INCHES = (10.0, 5.5), (10.0, 8.0)
DOTS_PER_INCH = 110

# Those colours that people of every kind of sight tell apart (Okabe and Ito), but the yellow one,
# which is too faint for a line.
BLUE, ORANGE, RED, GREEN = "#0072b2", "#e69f00", "#d55e00", "#009e73"
PURPLE, SKY, BLACK = "#cc79a7", "#56b4e9", "#000000"
COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK)

# Who is busy has the same colour in every picture.
BUSY = {"generator": BLACK, "client": PURPLE, "broker": GREEN}

# The percentile of all, which has no place on an axis of nines.
WHOLE = 100

# Farther than to so many nines no run is long enough to know anything.
NINES_MAX = 9


@dataclass(frozen=True)
class Second:
    """A second of a run.

    Attributes:
        at_s: When it began, since the run did.
        scheduled: Messages that were due in it.
        acknowledged: Messages that were acknowledged in it.
        p50_ms: What half of its messages took at the most; 0 where there is none.
        p99_ms: What 99 of 100 took at the most.
        max_ms: What the slowest took.
        lateness_p99_ms: Within that 99 of 100 were sent, after they were due.
        cpu: What processes had of it, in percent of one core, by their name; empty where nobody
            has looked.
    """

    at_s: float
    scheduled: int
    acknowledged: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    lateness_p99_ms: float
    cpu: Mapping[str, float] = field(default_factory=dict)


def draw_percentiles(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, stem: Path
) -> tuple[Path, ...]:
    """Draw what took how long, by percentile, with each nine as wide as the one before it.

    The axis is that of HdrHistogram's plots: the logarithm of 1 / (1 - share). The 100th
    percentile, which is infinitely far, isn't drawn.

    Args:
        curves: By their label, points of a percentile (0 to 100) and milliseconds, ascending.
        title: Above it.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    figure = Figure(figsize=CURVES_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xscale("log")
    farthest = 10.0
    for (label, points), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        shown = [(100 / (100 - share), took_ms) for share, took_ms in points if share < WHOLE]
        at, latency_ms = zip(*shown, strict=True) if shown else ((), ())
        axes.plot(at, positive(latency_ms), color=colour, label=label)
        farthest = max((farthest, *at))
    nines = min(int(np.ceil(np.log10(farthest) - 1e-9)), NINES_MAX)
    axes.set_xlim(1.0, 10.0**nines)
    axes.set_xticks([1.0, *(10.0**each for each in range(1, nines + 1))])
    axes.set_xticklabels(["0 %", *(nines_of(each) for each in range(1, nines + 1))])
    axes.minorticks_off()
    axes.set_xlabel("percentile")
    scale_latency(axes)
    axes.grid(visible=True, alpha=0.3)
    if curves:
        axes.legend(loc="upper left", fontsize="small")
    return saved(figure, stem)


def nines_of(many: int) -> str:
    """A percentile of so many nines: 90 %, 99 %, 99.9 %."""
    return f"{100 - 10.0 ** (2 - many):.{max(many - 2, 0)}f} %"


def draw_seconds(rows: Sequence[Second], title: str, stem: Path) -> tuple[Path, ...]:
    """Draw a run second by second: the load, latency, and who was busy.

    Args:
        rows: The seconds, in their order; where some lack, or say nothing, lines have a gap.
        title: Above it.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    figure = Figure(figsize=SECONDS_INCHES, layout="constrained")
    load, latency, busy = figure.subplots(3, 1, sharex=True)
    figure.suptitle(title)
    at_s = np.array([each.at_s for each in rows], dtype=np.float64)
    draw_load(load, at_s, rows)
    draw_latency(latency, at_s, rows)
    draw_busy(busy, at_s, rows)
    for axes in (load, latency, busy):
        axes.grid(visible=True, alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            # Beside the lines: wherever it is among them, it hides some.
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    busy.set_xlabel("seconds since the load began")
    return saved(figure, stem)


def draw_load(axes: Axes, at_s: Floats, rows: Sequence[Second]) -> None:
    """Messages that were due, and that were acknowledged, in each second."""
    offered = [each.scheduled for each in rows]
    acknowledged = [each.acknowledged for each in rows]
    # The offered load lies below, and broader: what is borne in full covers its middle.
    axes.plot(at_s, offered, color=SKY, linewidth=4, drawstyle="steps-post", label="offered")
    axes.plot(at_s, acknowledged, color=BLUE, drawstyle="steps-post", label="acknowledged")
    axes.set_ylabel("messages / s")
    axes.set_ylim(bottom=0)


def draw_latency(axes: Axes, at_s: Floats, rows: Sequence[Second]) -> None:
    """What messages took in each second, and how late they were sent."""
    lines = (
        ("slowest", "0.6", "-", [each.max_ms for each in rows]),
        ("99 of 100 within", RED, "-", [each.p99_ms for each in rows]),
        ("half within", ORANGE, "-", [each.p50_ms for each in rows]),
        ("99 of 100 sent late by", BLACK, ":", [each.lateness_p99_ms for each in rows]),
    )
    for label, colour, style, took_ms in lines:
        axes.plot(at_s, positive(took_ms), color=colour, linestyle=style, marker=".", label=label)
    scale_latency(axes)


def draw_busy(axes: Axes, at_s: Floats, rows: Sequence[Second]) -> None:
    """What processes had of the processors, where somebody has looked."""
    names = list(dict.fromkeys(name for each in rows for name in each.cpu))
    others = cycle(colour for colour in COLOURS if colour not in BUSY.values())
    for name in names:
        shares = [each.cpu.get(name, np.nan) for each in rows]
        colour = BUSY.get(name) or next(others)
        axes.plot(at_s, shares, color=colour, marker=".", label=name)
    if not names:
        axes.text(0.05, 0.5, "nobody has looked", transform=axes.transAxes)
    axes.set_ylabel("CPU, % of one core")
    axes.set_ylim(bottom=0)


def scale_latency(axes: Axes) -> None:
    """An axis of microseconds to minutes, in milliseconds."""
    axes.set_ylabel("latency, ms")
    if np.isfinite(axes.dataLim.minposy):  # a logarithmic axis of no data can't be drawn
        axes.set_yscale("log")


def positive(values: Sequence[float]) -> Floats:
    """The same, with a gap where a logarithm has none: nothing took no time."""
    found = np.array(values, dtype=np.float64)
    return np.where(found > 0, found, np.nan)


def saved(figure: Figure, stem: Path) -> tuple[Path, ...]:
    """Write a picture, as PNG and as SVG."""
    files = tuple(stem.with_name(f"{stem.name}.{form}") for form in ("png", "svg"))
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files
