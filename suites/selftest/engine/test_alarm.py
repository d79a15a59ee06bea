"""The alarm: a test whose environment has died ends at once, and nothing else does."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from groundwork.base.errors import KeeperLostError
from groundwork.use.alarm import SIGNAL, Alarm

# A test that isn't woken waits that long, and fails.
TIMEOUT_S = 30.0

DEATH = KeeperLostError("the keeper died during the test")


def ring_soon(alarm: Alarm) -> threading.Thread:
    """Ring from another thread, as whoever watches the keeper does."""

    def watch() -> None:
        time.sleep(0.05)  # so that the test waits already; ringing earlier must end it just as well
        alarm.ring(DEATH)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_test_that_waits_is_ended() -> None:
    """Out of a call that would block for its whole time-out."""
    alarm = Alarm()
    never = threading.Event()
    thread = ring_soon(alarm)
    with pytest.raises(KeeperLostError, match="died during the test"), alarm.armed():
        assert never.wait(TIMEOUT_S), "it was never woken"
    thread.join()


def test_a_test_that_begins_after_it_ends_at_once() -> None:
    """The environment is dead for the next one too."""
    alarm = Alarm()
    alarm.ring(DEATH)
    for _ in range(2):
        with pytest.raises(KeeperLostError), alarm.armed():
            pytest.fail("it was begun")


def test_nothing_is_raised_between_tests() -> None:
    """Fixtures of the session are torn down in peace, and the signal is the user's again."""
    previous = signal.getsignal(SIGNAL)
    alarm = Alarm()
    with alarm.armed():
        assert signal.getsignal(SIGNAL) != previous
    alarm.ring(DEATH)
    assert signal.getsignal(SIGNAL) == previous


def test_a_test_in_another_thread_goes_on() -> None:
    """A signal reaches the main thread only; such a test has its own deadlines."""
    alarm = Alarm()
    ended: list[str] = []

    def test() -> None:
        with alarm.armed():
            alarm.ring(DEATH)
        ended.append("by itself")

    thread = threading.Thread(target=test)
    thread.start()
    thread.join(TIMEOUT_S)
    assert ended == ["by itself"]
