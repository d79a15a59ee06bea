"""Interrupts: an exception out of a signal's handler, in any moment, puts nothing out of step."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
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
STARTING = ("open", "intent process", "identity process", "launch resource")
STEPS = (*STARTING, "waiting", "stopped resource")

# How long a server takes to end, where something is to happen meanwhile.
STUBBORN_S = 4.0

# execnet waits as long before it interrupts a worker that is busy.
WORKER_S = 5.0
ATTEMPTS = 3


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

    def press_ctrl_c(self, *, alone: bool = False) -> None:
        """As a terminal does; or as who sends the signal to what was begun ``alone``."""
        (os.kill if alone else os.killpg)(self.run.pid, signal.SIGINT)

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

    def await_heard(self, presses: int) -> None:
        """Wait until it has told so often that it has heard Ctrl-C."""

        def told() -> None:
            found = self.text().count("is being removed")
            if found < presses:
                raise NotYetError(f"told {found} times")

        wait_for(told, deadline=Deadline.after(END_TIMEOUT_S), what="Ctrl-C to be heard")

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


@pytest.mark.parametrize("alone", [False, True], ids=["Ctrl-C", "a signal"])
@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_ends_a_run_at_any_step(
    terminal: Terminal,
    step: str,
    words: list[str],
    alone: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It ends at once, says so, has written the run down, and has left nothing."""
    env = {"POND_SPRING": f"slow={SLOW_S}"} if step in STARTING else {"POND_SPRING": "stubborn=2"}
    env |= {"POND_PLAN": "wait"} if step == "waiting" else {}
    terminal.start(terminal.pond.command(*words), env)
    terminal.await_step(step)
    terminal.press_ctrl_c(alone=alone)
    assert terminal.end() == INTERRUPTED, terminal.text()
    text = terminal.text()
    # Workers that are just being made by execnet have tracebacks of its own.
    assert not re.search(r'File ".*/groundwork/(base|keep|use|plugin)', text), text
    assert "INTERNALERROR" not in text
    assert "environment removed" in text
    record = json.loads((terminal.pond.root / "reports/out/latest/run.json").read_text())
    assert record["exit_code"] == INTERRUPTED
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


def test_workers_that_are_busy_are_not_waited_for(terminal: Terminal) -> None:
    """Those that wait in a test have nothing to wait for any more; xdist would give them 5 s."""
    took: list[float] = []
    while not any(each < WORKER_S for each in took) and len(took) < ATTEMPTS:
        (terminal.pond.root / "waiting").unlink(missing_ok=True)
        terminal.start(terminal.pond.command("-n", "2"), {"POND_PLAN": "wait"})
        terminal.await_step("waiting")
        pressed_s = time.monotonic()
        terminal.press_ctrl_c(alone=True)
        assert terminal.end() == INTERRUPTED, terminal.text()
        took.append(time.monotonic() - pressed_s)
    assert min(took) < WORKER_S, took


def test_what_is_only_collected_leaves_nothing_to_look_up(terminal: Terminal) -> None:
    """Nothing was to start, so an interrupted run of that kind isn't the latest one."""
    (terminal.pond.root / "check_long.py").write_text(
        "import threading\n\nopen('waiting', 'w').close()\nthreading.Event().wait(60)\n"
    )
    terminal.start([sys.executable, "-m", "pytest", "--co", "check_long.py"], {})
    terminal.await_step("waiting")
    terminal.press_ctrl_c()
    assert terminal.end() == INTERRUPTED, terminal.text()
    assert not list((terminal.pond.root / "reports").glob("**/run.json"))
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


def test_ctrl_c_while_conftests_are_read(terminal: Terminal) -> None:
    """One line, and pytest's own exit code."""
    (terminal.pond.root / "conftest.py").write_text(
        "import threading\n\nopen('waiting', 'w').close()\nthreading.Event().wait(60)\n"
    )
    terminal.start(terminal.pond.command(), {})
    terminal.await_step("waiting")
    terminal.press_ctrl_c()
    assert terminal.end() == INTERRUPTED, terminal.text()
    assert terminal.text() == "groundwork: interrupted; nothing was started\n"
    terminal.pond.await_nothing_left(GONE_TIMEOUT_S)


@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
def test_a_second_ctrl_c_breaks_no_removal_off(terminal: Terminal, words: list[str]) -> None:
    """It is told that it was heard; the run is written down, and nothing is left."""
    env = {"POND_PLAN": "wait", "POND_SPRING": f"stubborn={STUBBORN_S}"}
    terminal.start(terminal.pond.command(*words), env)
    terminal.await_step("waiting")
    terminal.press_ctrl_c()
    terminal.await_step("stopped resource")  # the mill; the spring takes its time
    terminal.press_ctrl_c()
    assert terminal.end() == INTERRUPTED, terminal.text()
    assert "groundwork: interrupted; what was started is being removed" in terminal.text()
    assert "environment removed" in terminal.text()
    assert "Traceback" not in terminal.text()
    assert terminal.pond.leftovers() == []


def test_who_presses_on_and_on_needn_t_wait(terminal: Terminal) -> None:
    """The run ends before its servers do, and says who goes on; then nothing is left."""
    env = {"POND_PLAN": "wait", "POND_SPRING": f"stubborn={STUBBORN_S}"}
    terminal.start(terminal.pond.command(), env)
    terminal.await_step("waiting")
    terminal.press_ctrl_c()
    terminal.await_step("stopped resource")
    for press in range(1, 4):
        terminal.press_ctrl_c()
        terminal.await_heard(press)
    assert terminal.end() == INTERRUPTED, terminal.text()
    assert "the keeper removes the rest by itself" in terminal.text()
    assert "Traceback" not in terminal.text()
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


def test_ctrl_c_is_too_late_where_up_keeps(terminal: Terminal) -> None:
    """What it says is so: either it is removed, or it is kept and the addresses are there."""
    terminal.start([sys.executable, "-m", "groundwork", "up"], {})
    terminal.await_step("kept")
    terminal.press_ctrl_c()
    assert terminal.end() == 0, terminal.text()
    assert "`groundwork down` ends it" in terminal.text()
    assert "Traceback" not in terminal.text()
    assert "kept" in terminal.pond.groundwork("status").output
    assert terminal.pond.groundwork("down").returncode == 0
    assert terminal.pond.leftovers() == []


OUT_OF_STEP = '''"""A time-out, as a plugin makes it: out of a signal's handler."""

import signal
import time

import pytest


class TimeUpError(Exception):
    """It took too long."""


def ring(*_):
    raise TimeUpError


def test_whoever_was_broken_off_is_answered_what_it_asks_next(groundwork_session):
    """Not what it had asked before, and not only after that has come."""
    signal.signal(signal.SIGALRM, ring)
    for seconds in (0.05, 0.2, 0.5, 1.0):
        with pytest.raises(TimeUpError):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            groundwork_session.await_ready("mill")
            while True:
                pass
        status = groundwork_session.client().status()
        assert {each.name for each in status.resources} <= {"spring", "mill"}
        groundwork_session.client().footprints(["spring"])
    assert groundwork_session.await_ready("mill").version == "pond 1.0"


def test_locks_that_nobody_waits_for_are_nobodys(groundwork_session):
    """A test that was broken off while it waited for its locks keeps nobody waiting."""
    signal.signal(signal.SIGALRM, ring)
    holder = groundwork_session.client()
    other = type(holder)(holder.path, CLIENT)
    holder.claim(["spring"], [], holder="first")
    with pytest.raises(TimeUpError):
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        other.claim(["spring"], [], holder="other")
    holder.release()
    third = type(holder)(holder.path, CLIENT)
    third.claim(["spring"], [], holder="third")
    third.release()
    for each in (other, third):
        each.close()


@pytest.mark.parametrize("number", range(60))
def test_a_test_that_is_broken_off_keeps_nothing_from_the_next(groundwork_session, number):
    """In whatever line: it lets go of its locks, or the next test of the process does."""
    signal.signal(signal.SIGALRM, ring)
    session, used = groundwork_session, frozenset({"spring"})
    needs = Needs(used, used)
    session.client().ask(used)
    with pytest.raises(TimeUpError):
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + number * 0.0001)
        while True:
            session.hold("me", needs)
            session.release(used)
    began = time.monotonic()
    session.hold("me", needs)
    session.release(used)
    assert time.monotonic() - began < 30
'''


def test_a_time_out_puts_nothing_out_of_step(pond: Pond) -> None:
    """The next answer is that to the next question, at once; locks aren't held for nobody."""
    head = (
        "from groundwork.keep.messages import ClientHello\n"
        "from groundwork.use.session import Needs\n\nCLIENT = ClientHello()\n"
    )
    text = re.sub(r"(?m)^import pytest$", f"import pytest\n\n{head}", OUT_OF_STEP, count=1)
    file = Path(pond.root / "check_alarm.py")
    file.write_text(text)
    done = pond.call([sys.executable, "-m", "pytest", file.name, "-q"], {"POND_SPRING": "slow=3"})
    assert done.returncode == 0, done.output
    assert "62 passed" in done.output
