"""Stages: what a resource starts is on record, and nothing starts once it is being stopped."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base import descriptors, process
from groundwork.base.errors import CancelledError, NotYetError
from groundwork.base.ledger import Ledger, Record, read
from groundwork.base.process import ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare import stage as module
from groundwork.declare.capability import ProcessFaults
from groundwork.declare.stage import Stage
from suites.support.pond import stage_of

# A stop that doesn't wait for a start under way is over long before.
HEAD_START_S = 0.5


class Watched(Ledger):
    """A ledger that calls ``on_append`` after each transition."""

    on_append: Callable[[Record], None] | None = None

    def append(self, record: Record) -> None:
        """Write it, and tell."""
        super().append(record)
        if self.on_append is not None:
            self.on_append(record)


@pytest.fixture
def ledger(tmp_path: Path) -> Watched:
    """The ledger of an environment of the test's own."""
    return Watched.create(tmp_path / f"env-{os.getpid()}")


@pytest.fixture
def stage(ledger: Watched) -> Iterator[Stage]:
    """The stage of a resource of that environment; what a failed test leaves of it is ended."""
    made = stage_of(ledger, "pump")
    yield made
    process.end(process.find_by_token(f"{made.token}:"), grace_s=0)


SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_start_under_way_is_waited_for_by_a_stop(stage: Stage, ledger: Watched) -> None:
    """A fault is being healed in the moment in which its run dies: the process would stay."""
    stage.spawn(SLEEP)
    stage.kill()
    stopping = threading.Thread(target=stage.stop, args=(0,))

    def stop_meanwhile(record: Record) -> None:
        if record.step == "intent":
            stopping.start()
            stopping.join(timeout=HEAD_START_S)

    ledger.on_append = stop_meanwhile
    stage.revive()
    stopping.join()
    assert process.find_by_token(f"{stage.token}:") == ()
    assert stage.identities() == ()


def test_nothing_starts_after_a_stop(stage: Stage) -> None:
    """Whoever heals too late is told so, and the ledger has no intent of it."""
    stage.spawn(SLEEP)
    stage.stop(grace_s=0)
    with pytest.raises(CancelledError, match="pump is being stopped"):
        stage.revive()
    assert process.find_by_token(f"{stage.token}:") == ()


# Tells how many files it could open, whenever it is asked by a file: by a descriptor that it has.
OPENING = """
import itertools, os, time
told = os.open("told", os.O_CREAT | os.O_WRONLY)
for turn in itertools.count():
    while not os.path.exists("asked"):
        time.sleep(0.01)
    opened = []
    try:
        while len(opened) < 100:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for each in opened:
        os.close(each)
    os.unlink("asked")
    os.write(told, f"{turn} {len(opened)}\\n".encode())
"""

TIMEOUT_S = 30.0

on_linux = pytest.mark.skipif("sys.platform != 'linux'", reason="nobody sets another's limit there")


def openable(stage: Stage, turn: int) -> int:
    """How many files the process could open, by its own word, asked for the so-many-th time."""
    told = stage.workdir / "told"
    (stage.workdir / "asked").touch()

    def look() -> int:
        lines = told.read_text().splitlines() if told.exists() else []
        if len(lines) <= turn:
            raise NotYetError(f"{lines}")
        return int(lines[turn].split()[1])

    return wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="the process to tell")


def test_what_is_asked_to_end_ends_by_itself_and_is_started_again(
    stage: Stage, ledger: Watched
) -> None:
    """It isn't killed, and its end is no accident; who has ended already is let be."""
    first = stage.spawn(SLEEP)
    stage.terminate()
    stage.terminate("pump")
    assert stage.states() == {"pump": "gone (-15)"}
    stage.check_alive()
    ends = [
        each for each in read(ledger.folder) if (each.step, each.kind) == ("removed", "process")
    ]
    assert len(ends) == 1
    stage.revive()
    (second,) = stage.identities()
    assert second != first
    stage.stop(grace_s=0)


def test_what_does_not_end_is_killed_and_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be no clean end; whoever heals finds it gone, and not ending still."""
    monkeypatch.setattr(module, "END_TIMEOUT_S", 0.2)
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)"
    )
    stage.spawn([sys.executable, "-c", deaf])

    def look() -> None:
        if not (stage.workdir / "deaf").exists():
            raise NotYetError("it hears")

    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="the process to be deaf")
    with pytest.raises(
        ProcessFailedError, match=r"pump didn't end within 0.2 s of SIGTERM; killed"
    ):
        stage.terminate()
    assert stage.states() == {"pump": "gone (-9)"}
    stage.revive()
    assert len(stage.identities()) == 1
    stage.stop(grace_s=0)


@on_linux
def test_what_is_exhausted_opens_so_many_more_and_no_others(stage: Stage) -> None:
    """By its own word; exhausted twice and healed once or again it may open as many as at first."""
    identity = stage.spawn([sys.executable, "-c", OPENING])
    before = descriptors.allowed(identity)
    assert openable(stage, 0) == 100
    for turn, spare in enumerate((3, 0), 1):
        stage.exhaust(spare=spare)
        assert openable(stage, turn) == spare
        assert f"{descriptors.allowed(identity)} descriptors at most" in stage.states()["pump"]
    stage.replenish("pump")
    stage.replenish()
    assert openable(stage, 3) == 100
    assert descriptors.allowed(identity) == before
    stage.stop(grace_s=0)


@on_linux
def test_who_comes_after_what_was_exhausted_lacks_nothing(stage: Stage) -> None:
    """It was killed meanwhile: healing is of the one that was exhausted, and it has gone."""
    first = stage.spawn(SLEEP)
    before = descriptors.allowed(first)
    stage.exhaust(spare=0)
    stage.kill()
    stage.replenish()
    stage.exhaust(spare=0)
    stage.revive()
    stage.replenish()
    (second,) = stage.identities()
    assert descriptors.allowed(second) == before
    assert descriptors.allowed(first) is None
    stage.stop(grace_s=0)


@on_linux
def test_what_has_ended_of_want_is_started_again_by_its_healing(stage: Stage) -> None:
    """Who writes files may end where it can't open the next one; who has borne it is let be."""
    faults = ProcessFaults()
    first = stage.spawn(SLEEP)
    before = descriptors.allowed(first)
    faults.exhaust(stage, "", spare=0)
    faults.replenish(stage, "")
    assert stage.identities() == (first,)
    faults.exhaust(stage, "", spare=0)
    stage.kill()
    faults.replenish(stage, "")
    (second,) = stage.identities()
    assert second != first
    assert descriptors.allowed(second) == before
    stage.stop(grace_s=0)


@given(taken=st.sets(st.integers(0, 200)), spare=st.integers(0, 64))
def test_a_limit_leaves_as_many_as_it_is_told(taken: set[int], spare: int) -> None:
    """Of the numbers below it so many are free, whatever gaps there are and what is open above."""
    limit = descriptors.limit_of(taken, spare)
    assert len(set(range(limit)) - taken) == spare
    assert limit not in taken
