"""Kept environments: adopted by runs they fit, left alone by others, ended by command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from groundwork.base import ledger
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.pond import RUN_TIMEOUT_S, Pond

Start = Callable[..., subprocess.Popen[str]]


def test_a_kept_environment_is_adopted_and_outlives_the_run(pond: Pond) -> None:
    """The second run starts nothing and ends nothing; `down` ends it."""
    first = pond.pytest("--keep-env")
    assert first.returncode == 0, first.output
    assert pond.steps("mill") == {"launch": 1, "ready": 1}
    second = pond.pytest()
    assert second.returncode == 0, second.output
    assert "adopted environment" in second.output
    assert "environment kept; `groundwork down` ends it" in second.output
    assert pond.steps("mill") == {}
    assert len(ledger.environments(pond.state_dir)) == 1
    down = pond.groundwork("down")
    assert down.returncode == 0, down.output
    assert pond.leftovers() == []


def test_a_run_under_xdist_adopts_it_too(pond: Pond) -> None:
    """Whoever asks, the resources are those that run."""
    assert pond.groundwork("up").returncode == 0
    run = pond.pytest("-n", "2")
    assert run.returncode == 0, run.output
    assert pond.steps("mill") == {}
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def test_an_environment_that_differs_is_not_adopted(pond: Pond) -> None:
    """Another port is another environment; the kept one is left alone."""
    assert pond.groundwork("up").returncode == 0
    run = pond.pytest("--port", "mill=20555")
    assert run.returncode == 0, run.output
    assert "differs in settings or files" in run.output
    assert pond.steps("mill") == {"launch": 1, "ready": 1, "stopped": 1}
    assert "environment removed; output in" in run.output
    status = pond.groundwork("status")
    assert ": kept" in status.output
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def test_an_environment_that_is_being_removed_is_not_adopted(pond: Pond) -> None:
    """Its removal takes a while; a run that begins meanwhile is told so, and makes its own."""
    # As long as a busy machine takes to begin a run; four seconds were too short on one.
    assert pond.groundwork("up", env={"POND_SPRING": "stubborn=8"}).returncode == 0
    (kept,) = ledger.environments(pond.state_dir)
    with ThreadPoolExecutor() as pool:
        down = pool.submit(pond.groundwork, "down")

        def begun() -> None:
            if ("stopped", "mill") not in {(r.step, r.name) for r in ledger.read(kept)}:
                raise NotYetError("the mill is not stopped yet")

        wait_for(begun, deadline=Deadline.after(RUN_TIMEOUT_S), what="the removal to begin")
        run = pond.pytest()
    assert f"environment {kept.name}: it is being removed; making another" in run.output
    assert run.returncode == 0, run.output
    assert down.result().returncode == 0, down.result().output
    assert pond.leftovers() == []


def test_what_is_in_use_is_not_removed(pond: Pond, start: Start) -> None:
    """`down` ends the others, names the run, and exits with 4."""
    assert pond.groundwork("up").returncode == 0
    run = start(env={"POND_PLAN": "wait"})
    pond.await_test()
    down = pond.groundwork("down")
    assert down.returncode == 4, down.output
    assert "is using the environment; end it first" in down.output
    run.send_signal(signal.SIGINT)
    run.wait(timeout=RUN_TIMEOUT_S)
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def test_two_runs_at_once_have_nothing_in_common(pond: Pond, start: Start) -> None:
    """Each has its own environment, and removes its own only."""
    runs = [start(), start()]
    for run in runs:
        output, _ = run.communicate(timeout=RUN_TIMEOUT_S)
        assert run.returncode == 0, output
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    "how", ["removed", "gone with its folder", "written to", "cut short", "replaced"]
)
def test_a_kept_environment_that_nobody_finds_any_more_goes(pond: Pond, how: str) -> None:
    """Whose ledger somebody has touched can't be ended by `down`: its keeper does it by itself."""
    assert pond.groundwork("up").returncode == 0
    (file,) = pond.state_dir.glob("envs/*/ledger.jsonl")
    if how == "removed":
        file.unlink()
    elif how == "gone with its folder":
        shutil.rmtree(file.parent)
    elif how == "written to":
        with file.open("a") as stream:
            stream.write("{}\n")
    elif how == "cut short":
        os.truncate(file, 10)
    else:
        copy = file.with_name("copy")
        copy.write_bytes(file.read_bytes())
        copy.replace(file)
    pond.await_nothing_left(RUN_TIMEOUT_S)
