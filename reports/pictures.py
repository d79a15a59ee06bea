"""Pictures of histories: what a fault did to those who send, to be seen at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from groundwork.checkers.history import SECOND_NS, History, Kind, Outcome

__all__ = ["draw"]

MS_NS = 1_000_000

# Wide enough for a minute, and for a report's column.
INCHES = (10.0, 5.5)
DOTS_PER_INCH = 110

# Of those colours that people of every kind of sight tell apart (Okabe and Ito).
BLUE, ORANGE, RED = "#0072b2", "#e69f00", "#d55e00"


def draw(history: History, title: str, folder: Path) -> tuple[Path, ...]:
    """Draw throughput and latency, second by second, with a band for each phase of a fault.

    Args:
        history: Whose; with phases.
        title: Above it.
        folder: Where the files go, as PNG and as SVG.

    Returns:
        The files.
    """
    columns = history.columns
    begin_ns = min((each.begin_ns for each in history.phases), default=0)
    sends = np.flatnonzero((columns["kind"] == Kind.SEND) & (columns["outcome"] == Outcome.OK))
    arrived_s = (columns["complete_ns"][sends] - begin_ns) / SECOND_NS
    sent_s = (columns["invoke_ns"][sends] - begin_ns) / SECOND_NS
    took_ms = (columns["complete_ns"][sends] - columns["invoke_ns"][sends]) / MS_NS
    figure = Figure(figsize=INCHES, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    figure.suptitle(title)
    draw_throughput(above, arrived_s)
    draw_latency(below, sent_s, took_ms)
    for axes in (above, below):
        draw_faults(axes, history, begin_ns, named=axes is above)
        axes.grid(visible=True, alpha=0.3)
    below.set_xlabel("seconds since the workload was steady")
    files = tuple(folder / f"history.{form}" for form in ("png", "svg"))
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files


def draw_throughput(axes: Axes, arrived_s: np.ndarray) -> None:
    """Records that are acknowledged a second, when they are."""
    seconds = np.floor(arrived_s[arrived_s >= 0]).astype(np.int64)
    counts = np.bincount(seconds)[:-1]  # the last second isn't whole
    axes.step(np.arange(len(counts)), counts, where="post", color=BLUE)
    axes.set_ylabel("acknowledged\nrecords / s")
    axes.set_ylim(bottom=0)


def draw_latency(axes: Axes, sent_s: np.ndarray, took_ms: np.ndarray) -> None:
    """Half of the records, and 99 of 100, are acknowledged within that, by when they were sent."""
    shown = sent_s >= 0
    second = np.floor(sent_s[shown]).astype(np.int64)
    for share, colour, name in ((99, RED, "99 of 100 within"), (50, ORANGE, "half within")):
        found = [
            (each, float(np.percentile(took_ms[shown][second == each], share)))
            for each in np.unique(second)
        ]
        at, latency_ms = zip(*found, strict=True) if found else ((), ())
        axes.plot(at, latency_ms, color=colour, marker=".", linestyle="-", label=name)
    axes.set_yscale("log")
    axes.set_ylabel("from sending to\nacknowledgement, ms")
    axes.legend(loc="upper right", fontsize="small")


def draw_faults(axes: Axes, history: History, begin_ns: int, *, named: bool) -> None:
    """A band for each phase that promises no progress."""
    for phase in history.phases:
        if not phase.progress:
            first_s = (phase.begin_ns - begin_ns) / SECOND_NS
            last_s = (phase.end_ns - begin_ns) / SECOND_NS
            axes.axvspan(first_s, last_s, color="0.85", zorder=0)
            axes.annotate(
                phase.name if named else "",
                (first_s, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -3),
                textcoords="offset points",
                va="top",
                fontsize="small",
            )
