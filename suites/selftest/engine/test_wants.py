"""What is wanted: told of where it is, reserved for it, and done without."""

from __future__ import annotations

import sys
from pathlib import Path

from groundwork.base import ledger
from groundwork.keep.events import Launched, Ready
from groundwork.keep.timeline import read
from suites.support.pond import Pond

CHECK = '''
"""Tests of a mill that wants a lake."""

import os
from pathlib import Path

import pytest
import requests


def test_mill(mill):
    """It knows where the lake would be; nobody is there."""
    with pytest.raises(requests.ConnectionError):
        requests.get(mill.endpoint("lake"), timeout=5)
    (Path(os.environ["POND"]) / "told").write_text(mill.endpoint("lake"))


def test_lake(lake):
    """It is where the mill was told."""
    assert requests.get(lake.endpoint(), timeout=5).text == "pond 1.0"
    (Path(os.environ["POND"]) / "lake").write_text(lake.endpoint())


def test_both(mill, lake):
    """The lake is there before the mill."""
    assert mill.endpoint("lake") == lake.endpoint()
'''


def run(pond: Pond, test: str, lake: str = "deep", *args: str) -> tuple[int, str]:
    """Run one of the tests; exit code and output."""
    (pond.root / "check_wants.py").write_text(CHECK)
    argv = [sys.executable, "-m", "pytest", f"check_wants.py::test_{test}", "-q", *args]
    done = pond.call(argv, {"POND_LAKE": lake})
    return done.returncode, done.output


def test_what_is_wanted_is_told_of_and_not_started(pond: Pond) -> None:
    """Its port is reserved as long as whoever was told of it lives."""
    code, output = run(pond, "mill")
    assert code == 0, output
    assert pond.steps("lake") == {}
    records = ledger.read((pond.root / "reports/out/latest").resolve())
    steps = [record.step for record in records if (record.kind, record.name) == ("ports", "lake")]
    assert steps == ["ports", "removed"]
    assert pond.leftovers() == []


def test_where_both_are_asked_for_it_is_there_first(pond: Pond) -> None:
    """Launching isn't ordered, readiness is."""
    code, output = run(pond, "both", "slow=1.5")
    assert code == 0, output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    ready = [each.resource for each in events if isinstance(each, Ready)]
    assert ready.index("lake") < ready.index("mill")
    launched = [each.resource for each in events if isinstance(each, Launched)]
    assert sorted(launched) == ["lake", "mill", "spring"]
    assert events.index(Launched("mill")) < next(
        n for n, each in enumerate(events) if isinstance(each, Ready) and each.resource == "lake"
    )
    assert pond.leftovers() == []


def test_whoever_wants_does_without(pond: Pond) -> None:
    """The lake dies at its start: that is its own failure, and nobody else's."""
    code, output = run(pond, "both", "die")
    assert code == 6, output
    assert "infrastructure failure: lake: died while starting" in output
    assert "not started because of that" not in output
    assert pond.steps("mill") == {"launch": 1, "ready": 1, "stopped": 1}
    assert pond.leftovers() == []


def test_a_kept_environment_is_adopted_by_who_starts_what_was_wanted(pond: Pond) -> None:
    """It comes up where the mill was told, each time; the mill is the same all along."""
    code, output = run(pond, "mill", "deep", "--keep-env")
    assert code == 0, output
    for _ in range(2):
        code, output = run(pond, "lake")
        assert code == 0, output
        assert "adopted environment" in output
        assert pond.steps("mill") == {}
        assert pond.steps("lake") == {"launch": 1, "ready": 1, "stopped": 1}
        assert text_of(pond, "lake") == text_of(pond, "told")
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def test_what_is_there_on_demand_is_started_by_its_name_alone(pond: Pond) -> None:
    """`up` leaves it out; named, it is started, and what nobody has named isn't."""
    lake = {"POND_LAKE": "deep"}
    whole = pond.groundwork("up", env=lake)
    assert whole.returncode == 0, whole.output
    assert {line.split()[0] for line in whole.output.splitlines() if "http://" in line} == {
        "mill",
        "spring",
    }
    assert pond.groundwork("down", env=lake).returncode == 0
    named = pond.groundwork("up", "lake", env=lake)
    assert named.returncode == 0, named.output
    told = [line for line in named.output.splitlines() if "http://" in line]
    assert [line.split()[0] for line in told] == ["lake"]
    assert pond.groundwork("down", env=lake).returncode == 0
    assert pond.leftovers() == []


def test_a_name_that_nobody_knows_starts_nothing(pond: Pond) -> None:
    """One line that says which there are; what means nothing to `up` is refused, too."""
    said = pond.groundwork("up", "sea")
    assert said.returncode == 4
    assert said.output.strip() == "groundwork: sea: no such resource; known: mill, spring"
    said = pond.groundwork("up", "mill", "--seconds", "3")
    assert (said.returncode, "groundwork up takes no --seconds" in said.output) == (4, True)
    assert pond.leftovers() == []


def text_of(pond: Pond, name: str) -> str:
    """What a test has written down."""
    return Path(pond.root / name).read_text()
