"""The matrix of faults and alerts, once all experiments of a run are over: the last test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from fixtures.declared.rules import alerts_in, load_rules, rule_files
from groundwork.use.client import Handle
from reports.matrix import Matrix, draw_matrix, write_matrix
from suites.support.matrix import kept_rows
from suites.support.seen import attach_pictures


def test_every_fault_is_told_as_declared(
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
    broker: Handle,
    out_dir: Path,
    platform: str,
) -> None:
    """Each experiment of the run has a row, and nobody was told of anything else than declared."""
    del broker  # there is a run whose matrix it is
    params = [getattr(each, "callspec", None) for each in request.session.items]
    chosen = {each.params["experiment"] for each in params if each and "experiment" in each.params}
    alerts = tuple(alerts_in(load_rules(rule_files(platform))))
    matrix = Matrix(kept_rows(out_dir), alerts)
    write_matrix(matrix, out_dir)
    for line in matrix.lines():
        record_property("matrix", line)
    allure.attach("\n".join(matrix.lines()), "matrix")
    attach_pictures(draw_matrix(matrix, out_dir), "matrix")
    assert chosen
    assert {row.experiment for row in matrix.rows} == chosen
    wrongs = [f"{row.experiment}: {wrong}" for row in matrix.rows for wrong in row.wrongs]
    assert not wrongs, "\n".join(wrongs)
