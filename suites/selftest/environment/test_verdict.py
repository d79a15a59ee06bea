"""Verdicts for people: what is wrong, what was too little, what it is worth; given again, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.checkers.archive import write
from groundwork.checkers.delivery import check
from groundwork.checkers.history import SECOND_NS, Partition, Phase
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import outage_of
from reports.verdict import told
from suites.support.histories import Notes

TIMEOUT_S = 60.0


def lossy() -> Notes:
    """A history in which a record is gone, and the last read has come too short."""
    notes = Notes(
        partitions=(Partition("t", 0, 0, 10, 9),),
        phases=(Phase("steady", 0, 3_500_000), Phase("kill", 3_500_000, SECOND_NS, progress=False)),
    )
    producer, consumer = notes.client(), notes.client()
    for value in range(3):
        notes.send(producer, value, value)
    notes.send(producer, 3, 3)
    notes.poll(consumer, (0, 0), (2, 2), (3, 3))
    return notes


def test_a_verdict_is_told_in_lines() -> None:
    """The judgement, each anomaly with what shows it, each doubt, the recovery, and the worth."""
    history = lossy().history()
    objective = Objective("fault", 10)
    verdict = check(history, acknowledged_min=0)
    lines = list(told(history, verdict, objective, outage_of(history, verdict, objective)))
    how = "was acknowledged at t-0@1, and nobody has read it, though t-0@3 was read"
    assert lines[:3] == [
        "invalid: 7 rows of 2 clients",
        "  lost write: 1",
        f"    record 1 {how} (operations 2, 5)",
    ]
    assert lines[3] == (
        "  too little to tell: t-0: the final read came to 9, and the high watermark is 10"
    )
    assert lines[4].startswith("  from the fault's landing on: a record that was sent then was ")
    assert "after 0.0 s; all was as before after no time that was seen" in lines[4]
    assert "lost: 1, at most 0" in lines[4]
    assert lines[5] == (
        "  missed: clients were never seen to get on as before, which should be within 10 s of its "
        "landing"
    )
    assert lines[6] == "  missed: 1 acknowledged records are lost; 0 may be"
    assert "power" in lines[7]


@pytest.mark.parametrize(
    ("left", "code", "said"),
    [(False, 4, "there is no history; `make chaos` leaves some"), (True, 1, "lost write: 1")],
)
def test_a_verdict_is_given_again(tmp_path: Path, *, left: bool, code: int, said: str) -> None:
    """Of each history that a run has left; a run without any is told so in one line."""
    folder = tmp_path / "some-run" / "histories" / "kill-broker"
    folder.mkdir(parents=True)
    if left:
        write(lossy().history(), folder)
    env = process.plain_environment({"GROUNDWORK_OUT_DIR": str(tmp_path)})
    argv = [sys.executable, "-m", "reports.verdict", "some-run"]
    done = process.run(argv, timeout_s=TIMEOUT_S, cwd=ROOT, env=env, check=False)
    assert done.returncode == code, done.output
    assert said in done.output
    assert ("histories/kill-broker:" in done.output) == left
