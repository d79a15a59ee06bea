"""The detection matrix: which fault somebody was told of, by which alert, and how soon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import TypeAdapter

from groundwork.base.jsonfile import read_json, write_json
from groundwork.checkers.paging import Cell

__all__ = ["MATRIX", "Matrix", "Row", "draw_matrix", "read_matrix", "write_matrix"]

# What the folder of it is called beside the run's timeline, and the files in it.
MATRIX = "matrix"
STEM = "matrix"

INCHES_A_COLUMN, INCHES_A_ROW = 1.15, 0.42
MARGIN_INCHES = (3.2, 2.6)
DOTS_PER_INCH = 110

# Of those colours that people of every kind of sight tell apart (Okabe and Ito).
AS_IT_MUST, AS_IT_MAY, WRONG, NOBODY = "#56b4e9", "#f0e442", "#d55e00", "1.0"


@dataclass(frozen=True)
class Row:
    """A fault, and what has come of each alert under it.

    Attributes:
        experiment: Which one.
        outcome: What it has come to, in a word.
        cells: Of each alert that is expected, allowed or was told.
        calm: Whether nothing was done that somebody could be told of.
    """

    experiment: str
    outcome: str
    cells: tuple[Cell, ...]
    calm: bool = False

    @property
    def wrongs(self) -> tuple[str, ...]:
        """What isn't as declared, a sentence each."""
        return tuple(each.wrong for each in self.cells if each.wrong)

    @property
    def told(self) -> tuple[Cell, ...]:
        """The alerts that somebody was told of."""
        return tuple(each for each in self.cells if each.told_s is not None)


@dataclass(frozen=True)
class Matrix:
    """All faults of a run.

    Attributes:
        rows: By experiment.
        declared: The alerts that there are.
    """

    rows: tuple[Row, ...]
    declared: tuple[str, ...]

    @property
    def unpaged(self) -> tuple[str, ...]:
        """The experiments that nobody was told of."""
        return tuple(e.experiment for e in self.rows if not e.told and not e.calm)

    @property
    def unraised(self) -> tuple[str, ...]:
        """The alerts that no experiment has raised."""
        raised = {name_of(cell) for row in self.rows for cell in row.told}
        return tuple(each for each in self.declared if each not in raised)

    @property
    def alerts(self) -> tuple[str, ...]:
        """The alerts that are a column: those that are expected, allowed or were told."""
        named = {name_of(cell) for row in self.rows for cell in row.cells}
        return tuple(sorted(named))

    def cell(self, row: Row, alert: str) -> Cell | None:
        """What is in a place; of several of the same name what is wrong, or was told."""
        own = [each for each in row.cells if name_of(each) == alert]
        ranked = sorted(own, key=lambda each: (not each.wrong, each.told_s is None))
        return ranked[0] if ranked else None

    def lines(self) -> Iterator[str]:
        """For a terminal, and for whoever reads text."""
        yield "| fault | outcome | somebody had to be told | somebody was told, too | wrong |"
        yield "|---|---|---|---|---|"
        for row in self.rows:
            must = ", ".join(spell(each) for each in row.cells if each.wanted == "must")
            too = ", ".join(spell(each) for each in row.told if each.wanted != "must")
            wrong = "; ".join(row.wrongs)
            told = (row.experiment, row.outcome, must or "of nothing", too or "-", wrong or "-")
            yield f"| {' | '.join(told)} |"
        yield f"faults that nobody was told of: {', '.join(self.unpaged) or 'none'}"
        yield f"alerts that no experiment has raised: {', '.join(self.unraised) or 'none'}"


def name_of(cell: Cell) -> str:
    """The alert's name without its job's."""
    return cell.alert.partition(" of ")[0]


def spell(cell: Cell) -> str:
    """A cell in words."""
    if cell.told_s is None:
        return f"{cell.alert} never"
    over = "never over" if cell.over_s is None else f"over after {cell.over_s:.1f} s"
    return f"{cell.alert} after {cell.told_s:.1f} s ({over})"


ADAPTER = TypeAdapter(Matrix)


def write_matrix(matrix: Matrix, folder: Path) -> Path:
    """Put it into a run's folder, for machines; the file.

    Raises:
        OSError: It can't be written.
    """
    own = folder / MATRIX
    own.mkdir(parents=True, exist_ok=True)
    write_json(ADAPTER, matrix, own / f"{STEM}.json")
    return own / f"{STEM}.json"


def read_matrix(folder: Path) -> Matrix | None:
    """That of a run's folder; None where it has none.

    Raises:
        UsageError: It can't be read; names the file.
    """
    file = folder / MATRIX / f"{STEM}.json"
    return read_json(ADAPTER, file) if file.is_file() else None


def draw_matrix(matrix: Matrix, folder: Path) -> tuple[Path, ...]:
    """Draw it: a row for each fault, a column for each alert, seconds where somebody was told.

    Args:
        matrix: With one row at the least.
        folder: The run's.

    Returns:
        The files, as PNG and as SVG.
    """
    alerts = matrix.alerts or ("nobody was to be told",)
    width = MARGIN_INCHES[0] + INCHES_A_COLUMN * len(alerts)
    height = MARGIN_INCHES[1] + INCHES_A_ROW * len(matrix.rows)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title("Which fault somebody was told of, by which alert, after how many seconds")
    for number, row in enumerate(matrix.rows):
        for place, alert in enumerate(alerts):
            draw_cell(axes, place, number, matrix.cell(row, alert))
    axes.set_xlim(0, len(alerts))
    axes.set_ylim(len(matrix.rows), 0)
    axes.set_xticks([each + 0.5 for each in range(len(alerts))], alerts, rotation=35, ha="right")
    names = [f"{row.experiment} ({row.outcome})" for row in matrix.rows]
    axes.set_yticks([each + 0.5 for each in range(len(names))], names)
    axes.tick_params(length=0)
    legend = (
        ("had to be told", AS_IT_MUST),
        ("may be told", AS_IT_MAY),
        ("not as declared", WRONG),
    )
    handles = [axes.bar(0, 0, color=colour, label=name) for name, colour in legend]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(legend), fontsize="small")
    own = folder / MATRIX
    own.mkdir(parents=True, exist_ok=True)
    files = tuple(own / f"{STEM}.{form}" for form in ("png", "svg"))
    for file in files:
        figure.savefig(file, dpi=DOTS_PER_INCH)
    return files


def draw_cell(axes: Axes, column: int, row: int, cell: Cell | None) -> None:
    """Draw one place: a colour for what was expected, and how long it took."""
    colour, text = NOBODY, ""
    if cell is not None:
        colour = {"must": AS_IT_MUST, "may": AS_IT_MAY, "must not": WRONG}[cell.wanted]
        colour = WRONG if cell.wrong else colour
        text = "-" if cell.told_s is None else f"{cell.told_s:.1f}"
    axes.bar(column + 0.5, 1, width=1, bottom=row, color=colour, edgecolor="0.8", linewidth=0.5)
    axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize="small")
