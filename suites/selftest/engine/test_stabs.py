"""Whoever is killed at whichever step of a fault: it is healed, its jobs end, nothing is held.

A test has a job of the environment break its spring, which is injected, lasts a moment, and is
healed. Parent (the test's process), child (the job) and keeper are killed at each step that is put
on record or told, in a kept environment that the run has adopted.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator

import pytest
import requests

from groundwork.base import process
from suites.selftest.conftest import dug
from suites.support.pond import Pond
from suites.support.wellness import HEALTHY_TIMEOUT_S, well

# The steps of a fault that a job has injected and healed, up to the end of the claim.
STEPS = 12

CHECK = '''
"""A test whose job breaks the spring for a moment."""

import os
from pathlib import Path

import pytest


@pytest.mark.disturbs("spring")
def test_job(spring, tmp_path):
    """It tells its own number before."""
    (Path(os.environ["POND"]) / "parent").write_text(str(os.getpid()))
    asked = {"resource": "spring", "seconds": 0.2}
    done = spring.client.job("break", asked, tmp_path / "out", 30)
    assert done.exit_code == 0


def test_mill(mill):
    """Whoever comes next meets a mill that is well."""
    assert mill.client.status()
'''

DRAWN = {"POND_DAGGER": "1"}


@pytest.fixture(scope="module")
def bloody() -> Iterator[Pond]:
    """A kept environment in which test after test, and job after job, is killed."""
    with dug() as project:
        up = project.groundwork("up", env=DRAWN)
        assert up.returncode == 0, up.output
        yield project
        down = project.groundwork("down")
        assert down.returncode == 0, down.output
        assert project.leftovers() == []


def stab(pond: Pond, victim: str, step: int) -> process.Completed:
    """Have a victim killed at a step of a run that adopts what is kept."""
    (pond.root / "check_stabs.py").write_text(CHECK)
    (pond.root / "steps").unlink(missing_ok=True)
    (pond.root / "dagger").write_text(f"{victim}:{step}")
    argv = [sys.executable, "-m", "pytest", "check_stabs.py", "-q"]
    return pond.call(argv, DRAWN)


def expect_well(pond: Pond) -> None:
    """All is healthy within its time and answers, nothing is open or held, and no job runs."""
    with well(pond.state_dir) as (client, deadline):
        for each in client.status().resources:
            answer = requests.get(each.endpoint(), timeout=max(deadline.left_s(), 0.1))
            assert answer.text == "pond 1.0"


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_parent_is_killed(bloody: Pond, step: int) -> None:
    """The keeper sees its run die: it ends the job, and heals what that has broken."""
    done = stab(bloody, "parent", step)
    assert done.returncode == -signal.SIGKILL, (done.output, steps_of(bloody))
    expect_well(bloody)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_child_is_killed(bloody: Pond, step: int) -> None:
    """Its end heals what it has broken; the test goes on, and the next one meets a healthy mill."""
    done = stab(bloody, "child", step)
    assert len(steps_of(bloody)) >= step, steps_of(bloody)
    assert done.returncode in {0, 1}, done.output
    assert re.search(r"1 failed, 1 passed|2 passed", done.output), done.output
    expect_well(bloody)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_the_keeper_is_killed(pond: Pond, step: int) -> None:
    """The run that has adopted its environment removes it, job and all: exit code 6."""
    assert pond.groundwork("up", env=DRAWN).returncode == 0
    done = stab(pond, "keeper", step)
    assert done.returncode == 6, (done.output, steps_of(pond))
    assert "infrastructure failure: keeper" in done.output
    pond.await_nothing_left(HEALTHY_TIMEOUT_S)


def steps_of(pond: Pond) -> list[str]:
    """The steps that were taken until somebody was killed."""
    file = pond.root / "steps"
    return file.read_text().splitlines() if file.exists() else []
