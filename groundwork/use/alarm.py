"""The alarm: ends the test that is running when its environment is gone, or its time over.

A test whose servers have just vanished may otherwise wait for each of its own deadlines in turn.
The alarm reaches it through a signal to this very process: Python runs the handler in the main
thread, also out of a blocking call, and the exception that it raises is the test's.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from groundwork.base.errors import GroundworkError

__all__ = ["Alarm"]

SIGNAL = signal.SIGUSR1


class Alarm:
    """One per process; tests run in the thread that has armed it, the main thread."""

    def __init__(self) -> None:
        self._error: GroundworkError | None = None
        self._lasting = True
        self._armed = False

    def ring(self, error: GroundworkError, *, lasting: bool = True) -> None:
        """Raise an error in the test that runs now; if it is lasting, in all that come after it."""
        if not lasting and not self._armed:
            return
        self._error, self._lasting = error, lasting
        if self._armed:
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """While a test runs, in the main thread.

        Raises:
            GroundworkError: What the alarm was rung with.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can be reached; a test elsewhere has its own deadlines
            return
        previous = signal.signal(SIGNAL, self._on_signal)
        self._armed = True
        try:
            self._check()
            yield
        finally:
            self._armed = False
            if not self._lasting:
                self._error = None
            signal.signal(SIGNAL, previous if previous is not None else signal.SIG_DFL)

    def _on_signal(self, *_: object) -> None:
        if self._armed:  # else the test has just ended by itself
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
