"""What a run leaves: its timeline and the count of its outcomes."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.timeline import Timeline
from groundwork.use.bundle import Tally, grouped


def test_a_timeline_is_whole_lines_in_order(tmp_path: Path) -> None:
    """Several threads write; each line is one event, and the clock never goes back."""
    timeline = Timeline(tmp_path / "run" / "timeline.jsonl")

    def tick() -> None:
        for n in range(100):
            timeline.record("tick", n=n)

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timeline.close()
    lines = (tmp_path / "run" / "timeline.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert sorted(event["n"] for event in events) == sorted(list(range(100)) * 4)
    assert {"at", "t_s", "event", "n"} == set(events[0])


phases = st.tuples(
    st.sampled_from(["setup", "call", "teardown"]), st.sampled_from(["passed", "failed", "skipped"])
)


@given(st.lists(phases))
def test_every_report_is_counted_once(reports: list[tuple[str, str]]) -> None:
    """A failed call is a failure, a failed set-up or tear-down an error, a passed one nothing."""
    tally = Tally()
    for when, outcome in reports:
        tally.count(when, outcome)
    assert tally.passed == reports.count(("call", "passed"))
    assert tally.failed == reports.count(("call", "failed"))
    assert tally.errors == sum(o == "failed" and w != "call" for w, o in reports)
    assert tally.skipped == sum(o == "skipped" for _, o in reports)


def test_a_closed_timeline_writes_into_nobody_else_s_file(tmp_path: Path) -> None:
    """A late event finds no file, and a second end closes none: its number may be another's now."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.close()
    with (tmp_path / "other").open("wb", buffering=0) as other:
        timeline.record("late")
        timeline.close()
        other.write(b"mine")
    assert (tmp_path / "other").read_bytes() == b"mine"


def test_what_was_left_out_is_told_by_reason() -> None:
    """How many tests of which files, each once, and why; on the terminal and in the report."""
    left_out = {
        "suites/a/test_one.py::test_b": "no network",
        "suites/a/test_two.py::test_c": "no disk",
        "suites/a/test_one.py::test_a": "no network",
    }
    assert grouped(left_out) == [
        "2 of suites/a/test_one.py: no network",
        "1 of suites/a/test_two.py: no disk",
    ]
