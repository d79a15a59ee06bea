"""The pace: when the next operation is due, whatever became of those before."""

from __future__ import annotations

import asyncio
import threading
import time

__all__ = ["Pace", "pause"]


class Pace:
    """So many operations a second, until somebody says stop.

    Args:
        rate: Operations a second.
        stop: Set to end it.
        catches_up: Whether what was missed is made up for at once, for the rate is what is offered;
            otherwise it is what is borne at the most, and what was missed is let go.
    """

    def __init__(self, rate: float, stop: threading.Event, *, catches_up: bool = True) -> None:
        self._interval_s = 1 / rate
        self._stop = stop
        self._catches_up = catches_up
        self._due_s = time.monotonic()

    def next(self) -> bool:
        """Wait until the next one is due; False where there is none any more."""
        wait_s = self._due_s - time.monotonic()
        if wait_s > 0:
            self._stop.wait(wait_s)
        elif not self._catches_up:
            self._due_s -= wait_s
        self._due_s += self._interval_s
        return not self._stop.is_set()


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is time to stop; others get their turn in any case."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
