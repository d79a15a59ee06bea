"""The life of an environment, on tiny real processes: start, use, death, end."""

from __future__ import annotations

import json

import pytest

from groundwork.keep.events import HealingFailed
from groundwork.keep.timeline import read
from suites.support.pond import Pond


def test_a_run_starts_what_it_needs_and_leaves_nothing(pond: Pond) -> None:
    """A green run starts each resource once, stops it once, and leaves no trace."""
    run = pond.pytest()
    assert run.returncode == 0, run.output
    for resource in ("spring", "mill"):
        assert pond.steps(resource) == {"launch": 1, "ready": 1, "stopped": 1}
    assert pond.leftovers() == []


def test_a_run_is_written_down(pond: Pond) -> None:
    """run.json tells what was run, how it ended, and what each resource was."""
    pond.pytest()
    record = json.loads((pond.root / "reports/out/latest/run.json").read_text())
    assert record["exit_code"] == 0
    assert record["tests"] == {
        "passed": 8,
        "failed": 0,
        "errors": 0,
        "skipped": 0,
        "deselected": 0,
    }
    assert [resource["name"] for resource in record["resources"]] == ["spring", "mill"]
    assert all(resource["rss_bytes"] > 0 for resource in record["resources"])
    timeline = (pond.root / "reports/out/latest/timeline.jsonl").read_text()
    events = [json.loads(line) for line in timeline.splitlines()]
    assert [each["height_m"] for each in events if each["event"] == "splash"] == [2]
    (ready,) = (e for e in events if e["event"] == "ready" and e["resource"] == "mill")
    assert list(ready) == ["at", "t_ns", "event", "resource", "version", "ready_s"]


def test_only_what_is_selected_is_started(pond: Pond) -> None:
    """A resource that no selected test needs stays off."""
    run = pond.pytest("-k", "spring")
    assert run.returncode == 0, run.output
    assert pond.steps("mill") == {}


@pytest.mark.parametrize(
    ("args", "env", "exit_code"),
    [
        pytest.param(["-n", "3"], {}, 0, id="three workers"),
        pytest.param(["-n", "3", "-x"], {"POND_PLAN": "fail"}, 2, id="a failure under -x"),
        pytest.param(["-n", "2"], {"POND_SPRING": "stubborn=8"}, 0, id="a teardown of 8 s"),
        pytest.param(["-n", "2"], {"POND_PLAN": "crash"}, 1, id="a worker killed"),
    ],
)
def test_under_xdist_every_resource_lives_once(
    pond: Pond, args: list[str], env: dict[str, str], exit_code: int
) -> None:
    """However many workers there are and however they end: started once, stopped once."""
    run = pond.pytest(*args, env=env)
    assert run.returncode == exit_code, run.output
    for resource in ("spring", "mill"):
        assert pond.steps(resource) == {"launch": 1, "ready": 1, "stopped": 1}
    assert pond.leftovers() == []


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_death_while_starting_fails_at_once_with_its_last_log_lines(
    pond: Pond, args: list[str]
) -> None:
    """A server that exits isn't waited for; exit code 6, the log quoted, nothing left."""
    run = pond.pytest(*args, env={"POND_SPRING": "die"})
    assert run.returncode == 6, run.output
    assert "process spring ended with exit code 7" in run.output
    assert run.output.count("no water") == 1, "the story stands once, at the end"
    assert "mill: not started: spring: died while starting" in run.output
    assert "groundwork: not started because of that: mill" in run.output
    assert "Traceback" not in run.output
    assert pond.leftovers() == []


def test_a_declaration_that_gives_something_else_fails_its_resource(pond: Pond) -> None:
    """What can't be told to others is a failure of the one that gave it, not of who asks."""
    run = pond.pytest(env={"POND_SPRING": "vague"})
    assert run.returncode == 6, run.output
    assert (
        "infrastructure failure: spring: can't be started: can't tell a description: "
        "version: Input should be a valid string"
    ) in run.output
    assert "groundwork: not started because of that: mill" in run.output
    assert pond.leftovers() == []


def test_a_refusal_is_the_failure_of_the_one_that_was_refused(pond: Pond) -> None:
    """Whoever refused is well; who was refused failed, and who needs it wasn't started."""
    run = pond.pytest(env={"POND_SPRING": "refused"})
    assert run.returncode == 6, run.output
    assert "infrastructure failure: spring: not started: this water isn't ours" in run.output
    assert "groundwork: not started because of that: mill" in run.output
    assert run.output.count("infrastructure failure") == 1
    assert pond.leftovers() == []


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_death_during_the_run_is_an_infrastructure_failure(pond: Pond, args: list[str]) -> None:
    """The test in which a resource died names it, and so does the end of the run: exit code 6."""
    run = pond.pytest(*args, env={"POND_PLAN": "exit"})
    assert run.returncode == 6, run.output
    assert "ResourceDiedError: spring: process spring ended with exit code 3" in run.output
    assert "infrastructure failure: spring" in run.output
    assert pond.leftovers() == []


def test_what_can_not_be_removed_is_told(pond: Pond) -> None:
    """The tests have passed, and the run hasn't: exit code 6, what stays and why, what to do."""
    run = pond.pytest("-k", "spring", env={"POND_SPRING": "clogged"})
    assert run.returncode == 6, run.output
    assert "groundwork: not removed: spring: OSError: full of leaves" in run.output
    assert "environment not all removed; `groundwork down` tries again" in run.output
    down = pond.groundwork("down")
    assert down.returncode == 0, down.output
    assert pond.leftovers() == []


def test_what_can_not_be_healed_is_known_before_others_meet_it(pond: Pond) -> None:
    """A fault stays: exit code 6, and who comes next is told of the broken resource at once."""
    run = pond.pytest("-k", "kill or after", env={"POND_SPRING": "dry"})
    assert run.returncode == 6, run.output
    assert "spring: not healthy after a disturbance: it is dry" in run.output
    assert "1 failed, 6 deselected, 2 errors" in run.output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    unhealed = [each for each in events if isinstance(each, HealingFailed)]
    assert {(each.resource, each.error) for each in unhealed} == {("spring", "no rain")}
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--env", "moon"], "--env moon: this platform is not built; built: local"),
        (["--env", "kind"], "--env kind: this platform is not built; built: local"),
        (["--water", "oil"], "--water oil: should be 'fresh' or 'salt'"),
        (["--port", "spring=x"], "--port spring=x: should be RESOURCE=NUMBER"),
        (["--port", "sea=2000"], "--port sea=2000: no such resource; known: mill, spring"),
    ],
)
def test_bad_input_gets_one_line(pond: Pond, args: list[str], line: str) -> None:
    """What a user can mend is told in one line, with exit code 4, before anything starts."""
    run = pond.pytest(*args)
    assert run.returncode == 4
    assert [text for text in run.output.splitlines() if text] == [
        text for text in run.output.splitlines() if line in text
    ]
    assert not (pond.root / "reports").exists()
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    "how", ["removed", "removed with its folder", "replaced", "written to", "cut short"]
)
def test_a_ledger_that_somebody_else_touches_is_told(pond: Pond, how: str) -> None:
    """The run ends as an infrastructure failure that says so, and nothing is left all the same."""
    run = pond.pytest("-k", "mill or plan", env={"POND_PLAN": f"ledger {how}"})
    assert run.returncode == 6, run.output
    assert "infrastructure failure: keeper: somebody else has touched its ledger: " in run.output
    assert pond.leftovers() == []
