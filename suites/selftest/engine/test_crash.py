"""Crash safety: whoever is killed, and whenever, nothing is left.

The scratch environment kills a process right after a given transition of its ledger, so every
moment between two transitions is visited, in order, and none by luck.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from groundwork.base import ledger
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.pond import RUN_TIMEOUT_S, Pond

# One run of two resources writes: per resource ports, launch, folder, intent, identity, ready,
# stopped, and the same things' removals. A run that ends before the last fails its test.
TRANSITIONS = 22

# From the promise: what a dead run has made is gone within 10 s.
GONE_TIMEOUT_S = 10.0

Start = Callable[..., subprocess.Popen[str]]


@pytest.mark.parametrize("transition", range(1, TRANSITIONS + 1))
def test_the_controller_is_killed_after_a_transition(pond: Pond, transition: int) -> None:
    """The keeper sees its run die, and removes everything at once."""
    run = pond.pytest(env={"POND_KILL": f"controller:{transition}"})
    assert run.returncode == -signal.SIGKILL, f"transition {transition} was never reached"
    pond.await_nothing_left(GONE_TIMEOUT_S)


@pytest.mark.parametrize("transition", range(1, TRANSITIONS + 1))
def test_the_keeper_is_killed_after_a_transition(pond: Pond, transition: int) -> None:
    """The run ends as an infrastructure failure, and cleans up from the ledger."""
    run = pond.pytest(env={"POND_KILL": f"keeper:{transition}"})
    assert run.returncode == 6, run.output
    assert "infrastructure failure: keeper" in run.output
    pond.await_nothing_left(GONE_TIMEOUT_S)


def await_ready(run: subprocess.Popen[str]) -> None:
    """Read a run's output until its environment is ready."""
    assert run.stdout is not None
    for line in run.stdout:
        if "mill pond 1.0 ready" in line:
            return
    raise AssertionError("the run ended before its environment was ready")


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_ends_a_run_without_a_trace(
    pond: Pond, start: Start, args: list[str], number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM, SIGKILL, a closed terminal: nothing of the run is left."""
    run = start(*args, env={"POND_PLAN": "wait"})
    await_ready(run)
    run.send_signal(number)
    run.wait(timeout=RUN_TIMEOUT_S)
    pond.await_nothing_left(GONE_TIMEOUT_S)


def test_when_both_are_killed_the_next_run_sweeps(pond: Pond) -> None:
    """Controller and keeper die together: the next run removes what is on record."""
    pond.pytest(env={"POND_KILL": "both:12"})
    assert pond.leftovers() != []
    run = pond.pytest("-k", "spring")
    assert run.returncode == 0, run.output
    assert "removed what run" in run.output
    pond.await_nothing_left(GONE_TIMEOUT_S)


def test_what_a_dead_run_can_not_remove_stays_on_record(pond: Pond) -> None:
    """The keeper goes on past the error and ends; the next run removes what is left."""
    pond.pytest(env={"POND_KILL": "controller:12", "POND_SPRING": "clogged"})

    def ended() -> None:
        if running := pond.processes():
            raise NotYetError(f"{running}")

    wait_for(ended, deadline=Deadline.after(GONE_TIMEOUT_S), what="the keeper to end")
    (environment,) = ledger.environments(pond.state_dir)
    assert "spring: OSError: full of leaves" in (environment / "keeper.log").read_text()
    run = pond.pytest("-k", "spring")
    assert f"removed what run {environment.name} had left" in run.output
    pond.await_nothing_left(GONE_TIMEOUT_S)


def test_a_decoy_is_not_touched(pond: Pond, start: Start) -> None:
    """A server of somebody else, of the same program, outlives the clean-up after a crash."""
    decoy = start(
        "-k", "spring or plan", env={"POND_PLAN": "wait", "GROUNDWORK_STATE_DIR": "elsewhere"}
    )
    assert decoy.stdout is not None
    for line in decoy.stdout:
        if "spring pond 1.0 ready" in line:
            break
    pond.pytest(env={"POND_KILL": "controller:14"})

    def look() -> None:
        if list((pond.state_dir / "envs").iterdir()):
            raise NotYetError("the ledger is still there")

    wait_for(look, deadline=Deadline.after(GONE_TIMEOUT_S), what="the killed run to be removed")
    assert decoy.poll() is None
    decoy.send_signal(signal.SIGINT)
    decoy.wait(timeout=RUN_TIMEOUT_S)
    pond.await_nothing_left(GONE_TIMEOUT_S)


# Python runs this at every start: the porter is dead before it has read its orders.
KILL_PORTER = """
import os, signal, sys
if sys.orig_argv[1:] == ["-m", "groundwork.keep.porter"]:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_porter_killed_at_its_start_is_an_infrastructure_failure(
    pond: Pond, args: list[str]
) -> None:
    """It has opened nothing yet; nobody is told to mend a folder that he can write."""
    hook = pond.root / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(KILL_PORTER)
    run = pond.pytest(*args, env={"PYTHONPATH": str(hook)})
    assert run.returncode == 6, run.output
    assert "infrastructure failure: keeper" in run.output
    pond.await_nothing_left(GONE_TIMEOUT_S)


@pytest.mark.parametrize("args", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_test_that_hangs_is_ended_when_the_keeper_dies(
    pond: Pond, start: Start, args: list[str]
) -> None:
    """A test that waits for a server of a dead environment doesn't wait for its own deadline."""
    run = start(*args, env={"POND_PLAN": "wait"})
    pond.await_test()
    (keeper,) = (
        child
        for child in psutil.Process(run.pid).children()
        if child.cmdline()[1:] == ["-m", "groundwork.keep.keeper"]
    )
    keeper.kill()
    output, _ = run.communicate(timeout=GONE_TIMEOUT_S)
    assert run.returncode == 6, output
    assert "the keeper died during the test" in output
    pond.await_nothing_left(GONE_TIMEOUT_S)


STUCK = '''
"""A test whose keeper is stopped in the middle: it lives, and answers nobody."""

import os
import signal

import psutil
import pytest

from groundwork.base.errors import KeeperLostError
from groundwork.use import client

client.PING_INTERVAL_S = 0.2
client.PING_TIMEOUT_S = 1.0


def test_stuck(spring):
    """Whoever waits for an answer is told."""
    children = psutil.Process().children()
    (keeper,) = [each for each in children if "groundwork.keep.keeper" in each.cmdline()]
    keeper.send_signal(signal.SIGSTOP)
    with pytest.raises(KeeperLostError, match="it hasn't answered for 1 s"):
        spring.client.status()
'''


def test_a_keeper_that_does_not_answer_is_as_good_as_dead(pond: Pond) -> None:
    """Nobody waits for it for ever; it is ended, and what it owned is removed: exit code 6."""
    (pond.root / "check_stuck.py").write_text(STUCK)
    run = pond.call([sys.executable, "-m", "pytest", "check_stuck.py", "-q"])
    assert run.returncode == 6, run.output
    assert "1 passed" in run.output
    assert "infrastructure failure: keeper: it hasn't answered for 1 s" in run.output
    pond.await_nothing_left(GONE_TIMEOUT_S)
