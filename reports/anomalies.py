"""Pictures of anomalies: the fewest operations that show one, a line for each, on the clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from groundwork.checkers.history import NONE, SECOND_NS, History, Kind, Outcome
from groundwork.checkers.verdict import Example, Finding

__all__ = ["draw_anomaly"]

WIDTH_INCHES = 10.0
LINE_INCHES = 0.6
MARGIN_INCHES = 1.4
DOTS_PER_INCH = 110

# More than that nobody can read; the text beside it names all of them.
LINES_MAX = 16

# An operation that took no time to be seen is as wide as that part of the picture; where one begins
# in its second half, what it was about stands on its left.
NARROWEST = 0.01
HALF = 0.5

# By outcome, of those colours that people of every kind of sight tell apart (Okabe and Ito).
COLOURS = {Outcome.OK: "#009e73", Outcome.FAIL: "#d55e00", Outcome.INFO: "#e69f00"}

WORDS = {
    Kind.SEND: "send",
    Kind.POLL: "read",
    Kind.POSITION: "go to",
    Kind.COMMIT_OFFSET: "commit offset",
    Kind.COMMIT: "commit",
    Kind.ABORT: "abort",
}


def draw_anomaly(history: History, finding: Finding, example: Example, stem: Path) -> list[Path]:
    """Draw the operations of an example.

    Args:
        history: Whose.
        finding: What it is an example of.
        example: One of its.
        stem: The files without their ending.

    Returns:
        The files, as PNG and as SVG.
    """
    columns = history.columns
    found = (np.flatnonzero(columns["op"] == op) for op in example.ops[:LINES_MAX])
    ops = [rows for rows in found if len(rows)]
    ops.sort(key=lambda rows: int(columns["invoke_ns"][rows[0]]))
    begin_ns = min((int(columns["invoke_ns"][rows[0]]) for rows in ops), default=0)
    end_ns = max((int(columns["complete_ns"][rows[0]]) for rows in ops), default=1)
    height = MARGIN_INCHES + LINE_INCHES * max(1, len(ops))
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(f"{finding.anomaly}: {example.text}", fontsize="small", wrap=True)
    for line, rows in enumerate(ops):
        draw_operation(axes, history, rows, line, (begin_ns, end_ns))
    names = [history.clients[int(columns["process"][rows[0]])].name for rows in ops]
    axes.set_yticks(range(len(ops)), names, fontsize="small")
    axes.set_ylim(len(ops) - 0.4, -0.6)
    axes.set_xlabel("seconds since the first; green: it happened, red: not, yellow: nobody knows")
    axes.grid(visible=True, axis="x", alpha=0.3)
    files = [stem.with_suffix(f".{form}") for form in ("png", "svg")]
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files


def draw_operation(
    axes: Axes, history: History, rows: NDArray[np.intp], line: int, span_ns: tuple[int, int]
) -> None:
    """One bar, from its beginning to its end, with what it was about above it."""
    columns = history.columns
    begin_ns, end_ns = span_ns
    whole_s = (end_ns - begin_ns) / SECOND_NS
    at_s = (int(columns["invoke_ns"][rows[0]]) - begin_ns) / SECOND_NS
    took_ns = int(columns["complete_ns"][rows[0]]) - int(columns["invoke_ns"][rows[0]])
    width_s = max(took_ns / SECOND_NS, NARROWEST * whole_s)
    outcome = Outcome(int(columns["outcome"][rows[0]]))
    axes.barh(line, width_s, left=at_s, height=0.35, color=COLOURS[outcome])
    late = at_s > HALF * whole_s
    axes.annotate(
        label_of(history, rows),
        (at_s + width_s if late else at_s, line - 0.22),
        fontsize="small",
        ha="right" if late else "left",
        va="bottom",
    )


def label_of(history: History, rows: NDArray[np.intp]) -> str:
    """What an operation was about: the record, and where; of many the first and the last."""
    columns = history.columns
    word = WORDS[Kind(int(columns["kind"][rows[0]]))]
    if len(rows) == 1:
        value = int(columns["value"][rows[0]])
        record = f" record {value}" if value != NONE else ""
        place = place_of(history, int(rows[0]))
        return f"{word}{record} at {place}" if place else f"{word}{record}"
    first, last = place_of(history, int(rows[0])), place_of(history, int(rows[-1]))
    return f"{word} {len(rows)} records, {first} to {last}"


def place_of(history: History, row: int) -> str:
    """The partition and the offset of a row; empty where nobody knows."""
    offset = int(history.columns["offset"][row])
    number = int(history.columns["partition"][row])
    if NONE in (offset, number):
        return ""
    return f"{history.partitions[number].number}@{offset}"
