"""Judges: what a resource is to run is looked at before anything starts."""

from __future__ import annotations

import pytest

from groundwork.base import ledger
from groundwork.base.ledger import things
from suites.support.pond import Pond


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_what_a_judge_refuses_starts_nothing(pond: Pond, args: list[str]) -> None:
    """One line that tells the cause, exit code 4; neither it nor anything else was launched."""
    run = pond.pytest(*args, env={"POND_MILL": "condemned"})
    assert run.returncode == 4, run.output
    (told,) = (line for line in run.output.splitlines() if "wheel.yaml" in line)
    assert told.endswith("wheel.yaml:3: 7 spokes aren't a wheel")
    assert "Traceback" not in run.output
    assert pond.steps("spring") == pond.steps("mill") == {}
    assert pond.leftovers() == []


def test_a_judge_that_cant_judge_is_a_mistake_of_the_declaration(pond: Pond) -> None:
    """What it met is one line with the resource's name; nothing was launched."""
    run = pond.pytest("-k", "mill", env={"POND_MILL": "lawless"})
    assert run.returncode == 4, run.output
    assert "ERROR: groundwork: mill: can't be judged: ZeroDivisionError: no law" in run.output
    assert "Traceback" not in run.output
    assert pond.steps("spring") == pond.steps("mill") == {}
    assert pond.leftovers() == []


def test_judges_work_at_the_same_time(pond: Pond) -> None:
    """They come before the first launch, so they must not add up: each waits for the other."""
    run = pond.pytest("-k", "mill", env={"POND_MILL": "bench", "POND_SPRING": "bench"})
    assert run.returncode == 0, run.output
    assert sorted(path.stem for path in pond.root.glob("*.seat")) == ["mill", "spring"]


def test_a_refusal_gives_back_what_was_reserved(pond: Pond) -> None:
    """In an environment that stays: no port of what wasn't started, and no folder of it."""
    kept = pond.pytest("-k", "test_spring", "--keep-env", env={"POND_MILL": "condemned"})
    assert kept.returncode == 0, kept.output
    run = pond.pytest("-k", "mill", env={"POND_MILL": "condemned"})
    assert run.returncode == 4, run.output
    (folder,) = ledger.environments(pond.state_dir)
    assert not (folder / "work" / "mill").exists()
    records = [each for each in ledger.read(folder) if each.resource == "mill"]
    assert [each.step for each in records if each.kind == "ports"] == ["ports", "removed"]
    assert [thing for thing in things(records) if thing.kind == "folder"] == []
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []
