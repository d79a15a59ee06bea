"""Hands: records that are due, each of which waits for one that was read."""

from __future__ import annotations

import time
from collections import deque

from confluent_kafka import Message

from groundwork.checkers.history import NONE
from load.destination import Destination
from load.reader import value_in
from load.records import ForeignError, number_of
from load.tally import Tally

__all__ = ["Hands"]


class Hands:
    """Those of one worker.

    Args:
        destination: Where its records are; nobody else has written there with this run's mark.
        tally: Where it is written down what comes.
    """

    def __init__(self, destination: Destination, tally: Tally) -> None:
        self._run = destination.run
        self._tally = tally
        self._due: deque[tuple[int, int, int]] = deque()  # number, when due, when begun
        self._last = dict.fromkeys(destination.own, NONE)  # the numbers that were read last

    def __len__(self) -> int:
        """How many are due, and not there yet."""
        return len(self._due)

    def hold_out(self, number: int, due_ns: int) -> None:
        """A record is due."""
        begun_ns = time.monotonic_ns()
        self._tally.sending(begun_ns - due_ns)
        self._due.append((number, due_ns, begun_ns))

    def take(self, message: Message) -> None:
        """A record was read: it is the one that has been due for the longest time.

        What isn't what was written has failed, and so has what is before one that was read already.
        What others have written is passed over.
        """
        partition, offset = message.partition() or 0, message.offset() or 0
        try:
            worker, number = number_of(value_in(message, self._run))
        except ForeignError:
            return
        except ValueError:
            worker, number = NONE, NONE
        due, due_ns, begun_ns = self._due.popleft()
        times_ns = begun_ns, time.monotonic_ns()
        if worker != self._tally.worker or number <= self._last[partition]:
            self._tally.lost(due, partition, times_ns, never=True)
            return
        self._last[partition] = number
        self._tally.answered(number, partition, offset, due_ns, times_ns)

    def give_up(self) -> None:
        """Wait for none any more: of what isn't there nobody knows whether it would come."""
        now_ns = time.monotonic_ns()
        for number, _, begun_ns in self._due:
            self._tally.lost(number, NONE, (begun_ns, now_ns), never=False)
        self._due.clear()
