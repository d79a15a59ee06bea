"""Throughput in pictures: the steps of a rising load, pairs of two tools, what resources take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from reports.loads import BLUE, DOTS_PER_INCH, GREEN, ORANGE, RED, SKY, saved
from reports.loads import COLOURS as LINES

__all__ = [
    "Stair",
    "draw_footprints",
    "draw_growth",
    "draw_growth_of_memory",
    "draw_pairs",
    "draw_stairs",
]

INCHES = (10.0, 5.5)

MB = 1_000_000
MINUTE_S = 60.0

# Beside each other, with a gap to the next.
GROUP = 0.8

COLOURS = (SKY, BLUE, GREEN, ORANGE, RED)


@dataclass(frozen=True)
class Stair:
    """A step of a rising load.

    Attributes:
        rate_per_s: What was due in a second.
        acknowledged_per_s: What was acknowledged.
        latency_ms_p99: What 99 of 100 took.
        lateness_ms_p99: How late 99 of 100 were sent, at the most.
    """

    rate_per_s: float
    acknowledged_per_s: float
    latency_ms_p99: float
    lateness_ms_p99: float


def draw_stairs(
    stairs: Sequence[Stair], objective_ms: float, limit_ms: float, title: str, stem: Path
) -> tuple[Path, ...]:
    """Draw what was borne of what was offered, how long it took, and how late it was sent.

    Args:
        stairs: In their order.
        objective_ms: What 99 of 100 may take.
        limit_ms: How late the generator may be.
        title: Above it.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS_PER_INCH)
    above, below = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title)
    at = [each.rate_per_s for each in stairs]
    above.plot(at, at, color=SKY, linewidth=4, label="offered")
    borne = [each.acknowledged_per_s for each in stairs]
    above.plot(at, borne, color=BLUE, marker="o", label="acknowledged")
    above.set_ylabel("records / s")
    above.set_ylim(bottom=0)
    for label, colour, values, limit in (
        ("99 of 100 took", RED, [each.latency_ms_p99 for each in stairs], objective_ms),
        ("99 of 100 sent late by", "black", [each.lateness_ms_p99 for each in stairs], limit_ms),
    ):
        below.plot(at, values, color=colour, marker="o", label=label)
        below.axhline(limit, color=colour, linestyle="--", alpha=0.6, label=f"at most {limit:g} ms")
    below.set_yscale("log")
    in_steps(below.yaxis)
    below.set_ylabel("ms")
    below.set_xlabel("records that are due in a second")
    for axis in (above.yaxis, below.xaxis):
        in_full(axis)
    for axes in (above, below):
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return saved(figure, stem)


def draw_pairs(
    sides: Mapping[str, Sequence[float]], unit: str, title: str, stem: Path
) -> tuple[Path, ...]:
    """Draw pairs of two sides that did the same in turn.

    Args:
        sides: Of each, what it did in a second, pair by pair.
        unit: What it did so many of.
        title: Above it.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    names = [str(number) for number in range(1, 1 + len(next(iter(sides.values()))))]
    return draw_bars(names, sides, f"{unit} / s", "pair", title, stem)


def draw_footprints(
    memory_mb: Mapping[str, Mapping[str, float]],
    cpu_percent: Mapping[str, Mapping[str, float]],
    stem: Path,
) -> tuple[Path, ...]:
    """Draw what resources take of memory and processors, in each phase.

    Args:
        memory_mb: By phase and resource.
        cpu_percent: The same, of one processor.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG: of memory, then of processors.
    """
    files: list[Path] = []
    for found, unit, what in (
        (memory_mb, "MB", "memory"),
        (cpu_percent, "% of one processor", "processors"),
    ):
        names = list(next(iter(found.values())))
        values = {phase: [each[name] for name in names] for phase, each in found.items()}
        title = f"What each resource takes: {what}"
        own = stem.with_name(f"{stem.name}-{what}")
        files += draw_bars(names, values, unit, "", title, own)
    return tuple(files)


def draw_growth(
    by_partitions: Mapping[int, float], by_size: Mapping[int, float], stem: Path
) -> tuple[Path, ...]:
    """Draw what becomes of a rate with more partitions, and with larger records.

    Args:
        by_partitions: Records a second, by how many partitions there are.
        by_size: The same by how many bytes each has.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS_PER_INCH)
    left, right = figure.subplots(1, 2)
    figure.suptitle("How the rate grows")
    left.plot(list(by_partitions), list(by_partitions.values()), color=BLUE, marker="o")
    left.set_xlabel("partitions")
    left.set_xscale("log", base=2)
    left.set_ylabel("records / s")
    in_full(left.yaxis)
    only_at(left.xaxis, by_partitions)
    sizes = list(by_size)
    mb_per_s = [size * rate / MB for size, rate in by_size.items()]
    right.plot(sizes, list(by_size.values()), color=BLUE, marker="o", label="records / s")
    right.set_xlabel("bytes of a record")
    right.set_xscale("log")
    right.set_yscale("log")
    in_steps(right.yaxis)
    only_at(right.xaxis, by_size)
    beside = right.twinx()
    beside.plot(sizes, mb_per_s, color=ORANGE, marker="s", label="MB / s")
    beside.set_ylim(bottom=0)
    left.set_ylim(bottom=0)
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside lower right", fontsize="small", ncols=2)
    return saved(figure, stem)


def draw_growth_of_memory(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, stem: Path
) -> tuple[Path, ...]:
    """Draw what each had of memory, from the begin of a soak to its end.

    Args:
        series: By name: when it was looked, in seconds, and MB at each of these times.
        title: Above it.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS_PER_INCH)
    axes = figure.subplots()
    axes.set_title(title)
    for (name, (at_s, mb)), colour in zip(series.items(), cycle(LINES), strict=False):
        axes.plot([each / MINUTE_S for each in at_s], mb, color=colour, label=name)
    axes.set_xlabel("minutes")
    axes.set_ylabel("resident MB")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return saved(figure, stem)


def draw_bars(
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    unit: str,
    what: str,
    title: str,
    stem: Path,
) -> tuple[Path, ...]:
    """Draw bars beside each other, a group for each name."""
    figure = Figure(figsize=INCHES, layout="constrained", dpi=DOTS_PER_INCH)
    axes = figure.subplots()
    axes.set_title(title)
    at = np.arange(len(names), dtype=np.float64)
    width = GROUP / len(values)
    for number, (label, each) in enumerate(values.items()):
        place = at + (number - (len(values) - 1) / 2) * width
        axes.bar(place, each, width, color=COLOURS[number % len(COLOURS)], label=label)
    axes.set_xticks(at)
    axes.set_xticklabels(names, rotation=30 if max(map(len, names), default=0) > 3 else 0)  # noqa: PLR2004 - numbers stand upright
    axes.set_xlabel(what)
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    in_full(axes.yaxis)
    axes.grid(visible=True, axis="y", alpha=0.3)
    axes.legend(fontsize="small")
    return saved(figure, stem)


def in_full(axis: Axis) -> None:
    """Write an axis's numbers as people do: 250,000, and no powers."""
    axis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))


def in_steps(axis: Axis) -> None:
    """Mark an axis of powers at 1, 2 and 5 of each."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_formatter(NullFormatter())
    in_full(axis)


def only_at(axis: Axis, places: Iterable[float]) -> None:
    """Mark an axis where something was measured, and nowhere else."""
    axis.set_ticks(list(places))
    axis.set_minor_locator(NullLocator())
    in_full(axis)
