"""The matrix of faults and alerts: what it says, and what it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundwork.base.errors import UsageError
from groundwork.checkers.paging import Cell
from reports.matrix import MATRIX, Matrix, Row, draw_matrix, read_matrix, write_matrix
from suites.support.matrix import keep_row, kept_rows

PAUSED = Row(
    "broker-paused",
    "kept",
    (
        Cell("BrokerDown", "must", 11.25, 4.0),
        Cell("ServiceDown of broker", "may", 9.5, None, "that it is over was never told"),
        Cell("HighLatencyP95", "may", None, None),
    ),
)
CUT_OFF = Row("broker-cut-off", "broken", (Cell("HighLatencyP95", "may", None, None),))
CALM = Row("undisturbed", "kept", (), calm=True)
WHOLE = Matrix((CUT_OFF, PAUSED, CALM), ("BrokerDown", "ServiceDown", "HighLatencyP95"))


def test_what_nobody_was_told_of_is_named() -> None:
    """The faults without an alert, and the alerts without a fault: allowed isn't raised."""
    assert WHOLE.unpaged == ("broker-cut-off",)
    assert WHOLE.unraised == ("HighLatencyP95",)
    text = "\n".join(WHOLE.lines())
    for said in (
        "| broker-paused | kept | BrokerDown after 11.2 s (over after 4.0 s) |",
        "ServiceDown of broker after 9.5 s (never over) | that it is over was never told |",
        "| broker-cut-off | broken | of nothing | - | - |",
        "faults that nobody was told of: broker-cut-off",
        "alerts that no experiment has raised: HighLatencyP95",
    ):
        assert said in text


def test_of_two_cells_of_one_name_the_wrong_one_is_shown() -> None:
    """A column is an alert, of whichever job."""
    right = Cell("ServiceDown of broker", "may", 9.5, 1.0)
    wrong = Cell("ServiceDown of relay", "must not", 12.0, 1.0, "nobody should have been told")
    row = Row("x", "kept", (right, wrong))
    assert Matrix((row,), ()).cell(row, "ServiceDown") == wrong
    assert Matrix((row,), ()).cell(row, "BrokerDown") is None


def test_it_is_kept_drawn_and_read_again(tmp_path: Path) -> None:
    """As it was; a run without one has none."""
    assert read_matrix(tmp_path) is None
    file = write_matrix(WHOLE, tmp_path)
    assert read_matrix(tmp_path) == WHOLE
    pictures = draw_matrix(WHOLE, tmp_path)
    assert [each.suffix for each in pictures] == [".png", ".svg"]
    drawn = pictures[1].read_text()
    for said in ("broker-paused (kept)", "11.2", "ServiceDown"):
        assert f"<!-- {said} -->" in drawn
    file.write_text("{}")
    with pytest.raises(UsageError, match=MATRIX):
        read_matrix(tmp_path)


def test_rows_are_those_of_the_run(tmp_path: Path) -> None:
    """Each in its experiment's folder, whoever has written it."""
    for row in (PAUSED, CUT_OFF):
        folder = tmp_path / "experiments" / row.experiment
        folder.mkdir(parents=True)
        keep_row(row, folder)
    assert kept_rows(tmp_path) == (CUT_OFF, PAUSED)
