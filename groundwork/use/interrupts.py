"""Interrupts: while what was made is being removed, Ctrl-C is heard, but breaks nothing off."""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

from groundwork.base.undisturbed import undisturbed

__all__ = ["Hearing", "ImpatientError"]

T = TypeVar("T")

# Who presses so often while something is removed doesn't want to see its end.
PRESSES_MAX = 3


class ImpatientError(Exception):
    """Whoever sits there doesn't want to wait for the end of what is being done."""


class Hearing:
    """Hears Ctrl-C in the place of Python, which would raise KeyboardInterrupt in any line.

    Args:
        tell: Told at each press that it was heard.

    Attributes:
        presses: How often it was pressed since :meth:`begin`.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.presses = 0
        self._tell = tell
        self._waiting = False
        self._previous: object = None

    def begin(self) -> None:
        """From now on a press breaks nothing off; again, or where signals can't be heard, nothing.

        Where Ctrl-C is ignored (``nohup``), or somebody else hears it, that stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = signal.signal(signal.SIGINT, self._on_press)
            # At its end Python gives the signal back to the system, for which it is deadly.
            atexit.unregister(hear_no_more)
            atexit.register(hear_no_more)

    def end(self) -> None:
        """As it was before."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]
            self._previous = None

    def patiently(self, call: Callable[[], T]) -> T:
        """What a function returns or raises; it is called in a thread, and goes on to its end.

        Raises:
            ImpatientError: Ctrl-C was pressed again and again while it took its time.
        """
        try:
            self._waiting = True
            return undisturbed(call)
        finally:
            self._waiting = False

    def _on_press(self, *_: object) -> None:
        self.presses += 1
        self._tell()
        if self._waiting and self.presses >= PRESSES_MAX:
            self._waiting = False
            raise ImpatientError


def hear_no_more() -> None:
    """Let a process that has done all end as it would."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
