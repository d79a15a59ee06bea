"""Interrupts: an exception out of a signal's handler, in any moment, puts nothing out of step."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.base import ledger, process
from groundwork.base.errors import NotYetError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from suites.support.pond import RUN_TIMEOUT_S, Pond

# A server that takes as long isn't waited for by anybody who was told to stop. What a run takes to
# end is some seconds of a busy machine.
SLOW_S = 60.0
END_TIMEOUT_S = 40.0
GONE_TIMEOUT_S = 20.0

INTERRUPTED = 2
COMMAND_INTERRUPTED = 130

# The steps of a run after which Ctrl-C is pressed, as its ledger has them; and of its test.
STEPS = ("open", "intent process", "identity process", "launch resource", "waiting")


class Terminal:
    """A run as in a terminal: Ctrl-C reaches all of its processes, but not the keeper's session."""

    def __init__(self, pond: Pond) -> None:
        self.pond = pond
        self._run: Child | None = None
        self.log = pond.root / "terminal.log"

    def start(self, argv: list[str], env: dict[str, str]) -> None:
        """Begin it."""
        self._run = process.spawn(
            argv, env=self.pond.environment(env), log=self.log, cwd=self.pond.root
        )

    @property
    def run(self) -> Child:
        """What was begun."""
        assert self._run is not None
        return self._run

    def press_ctrl_c(self) -> None:
        """As a terminal does."""
        os.killpg(self.run.pid, signal.SIGINT)

    def end(self) -> int:
        """Wait for its end; its exit code."""

        def ended() -> int:
            code = self.run.exit_code()
            if code is None:
                raise NotYetError("it runs")
            return code

        deadline = Deadline.after(END_TIMEOUT_S)
        return wait_for(ended, deadline=deadline, what="the run to end", describe=self.text)

    def text(self) -> str:
        """What it has said."""
        return self.log.read_text()

    def await_step(self, step: str) -> None:
        """Wait until the ledger has a step, or the test waits."""

        def come() -> None:
            folders = ledger.environments(self.pond.state_dir)
            records = [record for folder in folders for record in ledger.read(folder)]
            steps = {f"{record.step} {record.kind}".strip() for record in records}
            if step not in steps and not (self.pond.root / step).exists():
                raise NotYetError(f"{sorted(steps)}")

        deadline = Deadline.after(RUN_TIMEOUT_S)
        wait_for(come, deadline=deadline, what=step, describe=self.text)


@pytest.fixture
def terminal(pond: Pond) -> Iterator[Terminal]:
    """A terminal in which nothing runs yet; what runs at the end is killed."""
    made = Terminal(pond)
    yield made
    if made.run.exit_code() is None:
        made.run.kill()


@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_ends_a_run_at_any_step(terminal: Terminal, step: str, words: list[str]) -> None:
    """It ends at once, says so, has written the run down, and has left nothing."""
    starting = step != "waiting"
    env = {"POND_SPRING": f"slow={SLOW_S}"} if starting else {"POND_PLAN": "wait"}
    terminal.start(terminal.pond.command(*words), env)
    terminal.await_step(step)
    terminal.press_ctrl_c()
    assert terminal.end() == INTERRUPTED, terminal.text()
    text = terminal.text()
    # Workers that are just being made by execnet have tracebacks of its own.
    assert not re.search(r'File ".*/groundwork/(base|keep|use|plugin)', text), text
    assert "INTERNALERROR" not in text
    if step in {"launch resource", "waiting"}:  # before that there is nobody to remove anything
        assert "environment removed" in text
        record = json.loads((terminal.pond.root / "reports/out/latest/run.json").read_text())
        assert record["exit_code"] == INTERRUPTED
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


@pytest.mark.parametrize("presses", [2, 5])
def test_an_impatient_user_leaves_nothing(terminal: Terminal, presses: int) -> None:
    """Ctrl-C again and again, while it removes what it made: whoever is left goes on with it."""
    terminal.start(terminal.pond.command(), {"POND_SPRING": f"slow={SLOW_S}"})
    terminal.await_step("launch resource")
    for _ in range(presses):
        terminal.press_ctrl_c()
    assert terminal.end() != 0
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


@pytest.mark.parametrize("step", ["open", "launch resource"])
def test_ctrl_c_ends_up_at_any_step(terminal: Terminal, step: str) -> None:
    """`groundwork up`: one line, and nothing is left."""
    argv = [sys.executable, "-m", "groundwork", "up"]
    terminal.start(argv, {"POND_SPRING": f"slow={SLOW_S}"})
    terminal.await_step(step)
    terminal.press_ctrl_c()
    assert terminal.end() == COMMAND_INTERRUPTED, terminal.text()
    assert "groundwork: interrupted; what was started is removed" in terminal.text()
    assert "Traceback" not in terminal.text()
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


OUT_OF_STEP = '''"""A time-out, as a plugin makes it: out of a signal's handler."""

import signal

import pytest


class TimeUpError(Exception):
    """It took too long."""


def ring(*_):
    raise TimeUpError


def test_whoever_was_broken_off_is_answered_what_it_asks_next(groundwork_session):
    """Not what it had asked before, and not only after that has come."""
    signal.signal(signal.SIGALRM, ring)
    for seconds in (0.05, 0.2, 0.5, 1.0):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(TimeUpError):
            groundwork_session.await_ready("mill")
            while True:
                pass
        status = groundwork_session.client().status()
        assert {each.name for each in status.resources} <= {"spring", "mill"}
        groundwork_session.client().resident_bytes(["spring"])
    assert groundwork_session.await_ready("mill").version == "pond 1.0"


def test_locks_that_nobody_waits_for_are_nobodys(groundwork_session):
    """A test that was broken off while it waited for its locks keeps nobody waiting."""
    signal.signal(signal.SIGALRM, ring)
    holder = groundwork_session.client()
    other = type(holder)(holder.path, CLIENT)
    holder.lock(["spring"], [])
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(TimeUpError):
        other.lock(["spring"], [])
    holder.release()
    third = type(holder)(holder.path, CLIENT)
    third.lock(["spring"], [])
    third.release()
    for each in (other, third):
        each.close()
'''


def test_a_time_out_puts_nothing_out_of_step(pond: Pond) -> None:
    """The next answer is that to the next question, at once; locks aren't held for nobody."""
    head = "from groundwork.keep.messages import ClientHello\n\nCLIENT = ClientHello()\n"
    text = re.sub(r"(?m)^import pytest$", f"import pytest\n\n{head}", OUT_OF_STEP, count=1)
    file = Path(pond.root / "check_alarm.py")
    file.write_text(text)
    done = process.run(
        [sys.executable, "-m", "pytest", file.name, "-q"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment({"POND_SPRING": "slow=3"}),
        check=False,
    )
    assert done.returncode == 0, done.output
    assert "2 passed" in done.output
