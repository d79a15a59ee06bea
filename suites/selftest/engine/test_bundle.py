"""What a run leaves: its timeline and the count of its outcomes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from groundwork.keep.events import NAMES, Died, Event, Ready, Recorded, RunBegun
from groundwork.keep.timeline import OWN, Timeline, read
from groundwork.use.bundle import Tally, grouped


def test_a_timeline_is_whole_lines_in_order(tmp_path: Path) -> None:
    """Several threads write; each line is one event, and the clock never goes back."""
    timeline = Timeline(tmp_path / "run" / "timeline.jsonl")

    def tick() -> None:
        for n in range(100):
            timeline.record(Recorded("tick", {"n": n}))

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timeline.close()
    entries = read(tmp_path / "run" / "timeline.jsonl")
    counted = [entry.event.fields["n"] for entry in entries if isinstance(entry.event, Recorded)]
    assert sorted(counted) == sorted(list(range(100)) * 4)
    assert [entry.t_ns for entry in entries] == sorted(entry.t_ns for entry in entries)


values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=5))
words = st.text(max_size=8)
events = st.one_of(
    st.builds(
        Recorded,
        words.filter(lambda name: name not in NAMES),
        st.dictionaries(words.filter(lambda name: name not in OWN), values, max_size=3),
    ),
    st.builds(RunBegun, words),
    st.builds(Ready, words, words, st.floats(0, 1e6)),
    st.builds(Died, words, words, st.integers(-64, 255)),
)


@given(st.lists(events, max_size=8))
def test_a_timeline_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, told: list[Event]
) -> None:
    """Each event is of its own kind again, whatever is in it; a line cut short is left out."""
    path = tmp_path_factory.mktemp("run") / "timeline.jsonl"
    timeline = Timeline(path)
    for event in told:
        timeline.record(event)
    timeline.close()
    with path.open("a") as file:
        file.write('{"at": "2026-')
    assert [entry.event for entry in read(path)] == told


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "must be a mapping"),
        ("{}", "'at'"),
        ('{"at": "yesterday", "t_ns": 1, "event": "x"}', "yesterday"),
        ('{"at": "2026-01-01T00:00:00", "t_ns": 1, "event": "ready"}', "resource: Field required"),
    ],
)
def test_a_line_that_is_none_of_a_timeline_is_named(tmp_path: Path, line: str, why: str) -> None:
    """By file and line, with what is wrong."""
    path = tmp_path / "timeline.jsonl"
    path.write_text(f'{{"at": "2026-01-01T00:00:00", "t_ns": 1, "event": "tick"}}\n{line}\n')
    with pytest.raises(UsageError, match=rf"timeline.jsonl:2: no line of a timeline: .*{why}"):
        read(path)
    with pytest.raises(UsageError, match="nowhere: can't be read"):
        read(tmp_path / "nowhere")


phases = st.tuples(
    st.sampled_from(["setup", "call", "teardown"]), st.sampled_from(["passed", "failed", "skipped"])
)


@given(st.lists(phases))
def test_every_report_is_counted_once(reports: list[tuple[str, str]]) -> None:
    """A failed call is a failure, a failed set-up or tear-down an error, a passed one nothing."""
    tally = Tally()
    for when, outcome in reports:
        tally.count("test", when, outcome)
    assert tally.passed == reports.count(("call", "passed"))
    assert tally.failed == reports.count(("call", "failed"))
    assert tally.errors == sum(o == "failed" and w != "call" for w, o in reports)
    assert tally.skipped == sum(o == "skipped" for _, o in reports)


def test_a_closed_timeline_writes_into_nobody_else_s_file(tmp_path: Path) -> None:
    """A late event finds no file, and a second end closes none: its number may be another's now."""
    timeline = Timeline(tmp_path / "timeline.jsonl")
    timeline.close()
    with (tmp_path / "other").open("wb", buffering=0) as other:
        timeline.record(Recorded("late", {}))
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
