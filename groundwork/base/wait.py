"""Waiting: the only loop of the project that sleeps.

A good time-out text is the cheapest debugger there is, so every wait says what was expected, for
how long, the last state seen, the last log lines and a hint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from groundwork.base.errors import CancelledError, NotYetError, TerminalStateError, WaitTimeoutError

__all__ = ["Deadline", "wait_for"]

T = TypeVar("T")

# The first look comes at once; after that the pause doubles. 10 ms is short beside any server's
# start, 250 ms keeps the cost of a long wait under one percent of a core.
FIRST_PAUSE_S = 0.01
LAST_PAUSE_S = 0.25


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock until which something may take."""

    at_s: float
    timeout_s: float

    @classmethod
    def after(cls, timeout_s: float) -> Deadline:
        """The deadline that lies ``timeout_s`` seconds from now."""
        return cls(time.monotonic() + timeout_s, timeout_s)

    def left_s(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.at_s - time.monotonic())


def _no_details() -> str:
    return ""


def wait_for(
    condition: Callable[[], T],
    *,
    deadline: Deadline,
    what: str,
    describe: Callable[[], str] = _no_details,
    hint: str = "",
    retry_on: tuple[type[Exception], ...] = (),
    cancel: threading.Event | None = None,
) -> T:
    """Call ``condition`` until it returns without raising, and return what it returned.

    Args:
        condition: Raises :class:`NotYetError` with the state seen while it does not hold, and
            :class:`TerminalStateError` when it never will.
        deadline: When to give up. The condition is looked at once more after it has passed, so a
            busy machine doesn't turn a condition that holds into a time-out.
        what: What is waited for, in words that complete "waited for ...".
        describe: Called only when the wait fails; usually the last log lines.
        hint: What to look at or do when the wait fails.
        retry_on: Further transient errors, named one by one.
        cancel: Ends the wait at once when it is set.

    Raises:
        WaitTimeoutError: The deadline passed; the last error is chained.
        TerminalStateError: The condition said that it can't hold any more; nothing is retried.
        CancelledError: ``cancel`` was set.
    """
    pause_s = FIRST_PAUSE_S
    transient: tuple[type[Exception], ...] = (NotYetError, *retry_on)
    stop = cancel if cancel is not None else threading.Event()
    while True:
        expired = deadline.left_s() <= 0
        try:
            return condition()
        except TerminalStateError as error:
            raise TerminalStateError(_explain(f"{error}", "", describe, hint)) from error
        except transient as error:
            if expired:
                state = f"{error}" or type(error).__name__
                expected = f"waited {deadline.timeout_s:g} s for {what}"
                raise WaitTimeoutError(_explain(expected, state, describe, hint)) from error
        if stop.wait(min(pause_s, max(deadline.left_s(), 0.001))):
            raise CancelledError(f"the run ended while waiting for {what}")
        pause_s = min(pause_s * 2, LAST_PAUSE_S)


def _explain(expected: str, state: str, describe: Callable[[], str], hint: str) -> str:
    """The text of a failed wait; a describe that fails itself must not hide the failure."""
    try:
        details = describe().rstrip()
    except Exception as error:  # noqa: BLE001 - any failure to describe is only a missing detail
        details = f"(no details: {type(error).__name__}: {error})"
    lines = [expected]
    if state:
        lines.append(f"last state: {state}")
    if details:
        lines.append(details)
    if hint:
        lines.append(f"hint: {hint}")
    return "\n".join(lines)
