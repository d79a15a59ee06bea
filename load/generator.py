"""The generator: each message is sent when it is due, whatever became of those before."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import SECOND_NS
from load.arrivals import CHUNK_NS

__all__ = ["Generator", "Schedule", "Sender"]

# Where it is late it sends without a pause; what has been answered is looked at all the same.
SENT_BETWEEN_POLLS = 50

# Who is so late won't catch up: the rest is due to nobody any more, and the run is worth nothing.
BEHIND_MAX_S = 10.0

# So long before its end a chunk is told to be over: whoever is told makes no message late.
TOLD_BEFORE_NS = CHUNK_NS // 10

# Nobody is waited for longer: whoever stops a run is heard within that.
PAUSE_MAX_S = 0.05

# Who is late has no time, and takes a hundredth of a chunk all the same: in a pause of nothing
# gevent looks at no timer, and a worker whose heart isn't heard for four seconds is given up.
LATE_PAUSE_S = 0.001


class Schedule(Protocol):
    """When messages are due; see :mod:`load.arrivals`."""

    @property
    def duration_ns(self) -> int:
        """How long it is."""

    @property
    def chunks(self) -> int:
        """How many chunks there are."""

    def chunk(self, number: int) -> NDArray[np.int64]:
        """The offsets of those that are due in a chunk, in nanoseconds since the start."""


class Sender(Protocol):
    """Who sends messages, and hears what becomes of them."""

    def send_all(self, number: int, dues_ns: Sequence[int]) -> None:
        """Send messages that are due, one at least; must not wait.

        Args:
            number: Of the first of them.
            dues_ns: When each was due, on the clock.
        """

    def poll(self) -> None:
        """Hear what has become of those that were sent; must not wait."""


class Generator:
    """Sends what a schedule says, unless it is ten seconds late: then it gives up.

    Args:
        schedule: When.
        sender: By whom.
        pause: Sleeps, and lets others in this process get on.
        chunk_over: Told the number of each chunk that is over.
        clock_ns: The machine's monotonic clock, in nanoseconds.
    """

    def __init__(
        self,
        schedule: Schedule,
        sender: Sender,
        pause: Callable[[float], None],
        chunk_over: Callable[[int], None],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._schedule = schedule
        self._sender = sender
        self._pause = pause
        self._chunk_over = chunk_over
        self._clock_ns = clock_ns
        self.stopped = False

    def run(self, start_ns: int, number: int = 0) -> int:
        """Send all of it; the number of the message after the last that was due.

        Args:
            start_ns: When the schedule begins, on the clock.
            number: Of its first message.
        """
        for chunk in range(self._schedule.chunks):
            if self.stopped:
                break
            dues_ns = (self._schedule.chunk(chunk) + start_ns).tolist()
            number = self._send_chunk(dues_ns, number)
            end_ns = min((chunk + 1) * CHUNK_NS, self._schedule.duration_ns)
            self._wait(start_ns + end_ns - TOLD_BEFORE_NS)
            self._chunk_over(chunk)
            if self._clock_ns() - start_ns - end_ns > BEHIND_MAX_S * SECOND_NS:
                self.stopped = True
        return number

    def _wait(self, until_ns: int) -> None:
        """Until then, and once at least, hear what there is and let others get on."""
        self._sender.poll()
        late = self._clock_ns() > until_ns + TOLD_BEFORE_NS
        self._pause(LATE_PAUSE_S if late else 0)
        while not self.stopped and (wait_ns := until_ns - self._clock_ns()) > 0:
            self._sender.poll()
            self._pause(min(wait_ns / SECOND_NS, PAUSE_MAX_S))

    def _send_chunk(self, dues_ns: list[int], number: int) -> int:
        """Send what is due in a chunk; the number of the next message."""
        # In locals: at 100,000 messages a second ten microseconds are left for each.
        send_all, poll, clock_ns = self._sender.send_all, self._sender.poll, self._clock_ns
        first, many, unpolled = 0, len(dues_ns), 0
        while first < many:
            due_ns = dues_ns[first]
            while (wait_ns := due_ns - (now_ns := clock_ns())) > 0:
                poll()
                unpolled = 0
                if self.stopped:
                    return number
                self._pause(min(wait_ns / SECOND_NS, PAUSE_MAX_S))
            # Who is late has several that are due; together they cost less.
            most = min(many, first + SENT_BETWEEN_POLLS - unpolled)
            end = bisect_right(dues_ns, now_ns, first + 1, most)
            send_all(number, dues_ns[first:end])
            number += end - first
            unpolled += end - first
            first = end
            if unpolled >= SENT_BETWEEN_POLLS:
                poll()
                unpolled = 0
                if clock_ns() - due_ns > BEHIND_MAX_S * SECOND_NS:
                    self.stopped = True
                    return number
        return number
