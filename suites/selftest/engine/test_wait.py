"""Waiting with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from groundwork.base.errors import CancelledError, NotYetError, TerminalStateError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for


def test_it_returns_what_the_condition_returns() -> None:
    """A condition that comes to hold ends the wait with its value."""
    looks: Iterator[str | NotYetError] = iter([NotYetError("cold"), NotYetError("warm"), "hot"])

    def look() -> str:
        found = next(looks)
        if isinstance(found, NotYetError):
            raise found
        return found

    assert wait_for(look, deadline=Deadline.after(5), what="heat") == "hot"


def test_a_time_out_tells_everything() -> None:
    """The text of a time-out: what was expected, the last state, the logs, a hint; the cause."""

    def look() -> None:
        raise NotYetError("still cold")

    with pytest.raises(WaitTimeoutError) as caught:
        wait_for(
            look,
            deadline=Deadline.after(0.05),
            what="heat",
            describe=lambda: "log: no wood",
            hint="fetch wood",
        )
    text = "waited 0.05 s for heat\nlast state: still cold\nlog: no wood\nhint: fetch wood"
    assert str(caught.value) == text
    assert isinstance(caught.value.__cause__, NotYetError)


def test_only_named_errors_are_retried() -> None:
    """An error that nobody named ends the wait at once, as it is."""
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        raise ConnectionError if looks == 1 else ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        wait_for(look, deadline=Deadline.after(5), what="luck", retry_on=(ConnectionError,))
    assert looks == 2


def test_a_terminal_state_ends_the_wait_at_once() -> None:
    """What can't come to hold any more is not waited for."""

    def look() -> None:
        raise TerminalStateError("process exited")

    started = time.monotonic()
    with pytest.raises(TerminalStateError, match="process exited"):
        wait_for(look, deadline=Deadline.after(60), what="a corpse to rise")
    assert time.monotonic() - started < 30


def test_a_cancelled_wait_ends() -> None:
    """The end of the run ends every wait."""

    def look() -> None:
        raise NotYetError("no")

    cancel = threading.Event()
    threading.Timer(0.05, cancel.set).start()
    with pytest.raises(CancelledError, match="while waiting for Godot"):
        wait_for(look, deadline=Deadline.after(60), what="Godot", cancel=cancel)


def test_a_broken_description_hides_nothing() -> None:
    """When the logs can't be read the time-out is told all the same."""

    def look() -> None:
        raise NotYetError("no")

    def describe() -> str:
        raise OSError("gone")

    with pytest.raises(WaitTimeoutError, match=r"last state: no\n.no details: OSError: gone"):
        wait_for(look, deadline=Deadline.after(0), what="x", describe=describe)
