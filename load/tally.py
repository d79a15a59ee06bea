"""The tally: what one worker has sent, and what has become of it; cheap to write down."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import COLUMNS, NONE, Kind, Outcome
from load.account import Account
from load.latency import Latencies
from load.records import value_of

__all__ = ["Second", "Tally"]

US_NS = 1_000


@dataclass(frozen=True)
class Second:
    """What happened in a second.

    Attributes:
        at_s: Its end, since the start.
        scheduled: Messages that were due.
        acknowledged: Those that were acknowledged, whenever they were due.
        latency: Of the latter, from when each was due; its lateness, of the former.
    """

    at_s: float
    scheduled: int
    acknowledged: int
    latency: Latencies
    lateness: Latencies


class Tally:
    """Columns of plain numbers that grow at their end, for a hundred thousand messages a second.

    Args:
        worker: Whose.
        keep: Whether every operation is kept, for a history.
        kind: What operations are: records that are sent, or such as are read.

    Attributes:
        measured_from_ns: What was due before is no part of what is measured: a broker gets warm.
    """

    def __init__(self, worker: int = 0, *, keep: bool = True, kind: Kind = Kind.SEND) -> None:
        self.worker = worker
        self.sent = self.dropped = self.acknowledged = self.failed = self.unknown = 0
        self.latency, self.lateness = Latencies(), Latencies()
        self.measured_from_ns = 0
        self._keep, self._kind = keep, kind
        self._latency_us, self._lateness_us = array("q"), array("q")
        self._number, self._partition, self._offset = array("q"), array("q"), array("q")
        self._outcome, self._invoke_ns, self._complete_ns = array("b"), array("q"), array("q")
        self._second_latency, self._second_lateness = Latencies(), Latencies()
        self._told = (0, 0)

    # --- as it goes

    def sending(self, lateness_ns: int, *, dropped: bool = False) -> None:
        """A message was given to the client so late, or there was no room for it."""
        if dropped:
            self.dropped += 1
            return
        self.sent += 1
        self._lateness_us.append(lateness_ns // US_NS)

    def sending_all(self, dues_ns: Sequence[int], now_ns: int, sent: int) -> None:
        """So many of some messages were given to the client by now; for the others was no room."""
        self.sent += sent
        self.dropped += len(dues_ns) - sent
        self._lateness_us.extend([(now_ns - each) // US_NS for each in dues_ns[:sent]])

    def answered(
        self, number: int, partition: int, offset: int, due_ns: int, times_ns: tuple[int, int]
    ) -> None:
        """A message was acknowledged.

        Args:
            number: Which.
            partition: Where it is.
            offset: The same.
            due_ns: When it was due.
            times_ns: When it was given to the client, and when this was heard.
        """
        self.acknowledged += 1
        if due_ns >= self.measured_from_ns:
            self._latency_us.append((times_ns[1] - due_ns) // US_NS)
        if self._keep:
            self._row(Outcome.OK, number, partition, offset, times_ns)

    def counted(self, due_ns: NDArray[np.int64], heard_ns: NDArray[np.int64]) -> None:
        """Messages were acknowledged, of which nothing else is kept.

        Args:
            due_ns: When each was due, shape (n,).
            heard_ns: When its acknowledgement was heard, shape (n,).
        """
        self.acknowledged += len(due_ns)
        measured = due_ns >= self.measured_from_ns
        self._second_latency.fold((heard_ns - due_ns)[measured] // US_NS)

    def lost(self, number: int, partition: int, times_ns: tuple[int, int], *, never: bool) -> None:
        """Nobody has acknowledged a message; ``never`` where it has never left this machine.

        Of reading it is what didn't come, or ``never`` came as it should: no read that is kept.
        """
        if never:
            self.failed += 1
        else:
            self.unknown += 1
        if self._keep and self._kind is Kind.SEND:
            self._row(Outcome.FAIL if never else Outcome.INFO, number, partition, NONE, times_ns)

    def unseen(self, number: int, partition: int, offset: int, times_ns: tuple[int, int]) -> None:
        """A message was to come back, and hasn't: nobody knows what has become of it.

        Where the broker has acknowledged it, at an offset, a history says so: it must be there.
        """
        self.unknown += 1
        if self._keep:
            outcome = Outcome.INFO if offset == NONE else Outcome.OK
            self._row(outcome, number, partition, offset, times_ns)

    def _row(
        self, outcome: Outcome, number: int, partition: int, offset: int, times_ns: tuple[int, int]
    ) -> None:
        self._outcome.append(outcome)
        self._number.append(number)
        self._partition.append(partition)
        self._offset.append(offset)
        self._invoke_ns.append(times_ns[0])
        self._complete_ns.append(times_ns[1])

    def fold(self) -> None:
        """Put into histograms what was measured since the last time."""
        self._second_latency.fold(np.frombuffer(self._latency_us, dtype=np.int64))
        self._second_lateness.fold(np.frombuffer(self._lateness_us, dtype=np.int64))
        # New ones: an array that somebody looks into can't be emptied.
        self._latency_us, self._lateness_us = array("q"), array("q")

    def end_second(self, at_s: float) -> Second:
        """A second is over; what it was like."""
        before = self._told
        self._told = (self.sent + self.dropped, self.acknowledged)
        scheduled, acknowledged = (now - then for now, then in zip(self._told, before, strict=True))
        second = Second(at_s, scheduled, acknowledged, self._second_latency, self._second_lateness)
        self.latency.merge(second.latency)
        self.lateness.merge(second.lateness)
        self._second_latency, self._second_lateness = Latencies(), Latencies()
        return second

    # --- when all is over

    def account(self) -> Account:
        """What became of every message."""
        return Account(
            scheduled=self.sent + self.dropped,
            sent=self.sent,
            dropped=self.dropped,
            acknowledged=self.acknowledged,
            failed=self.failed,
            unknown=self.unknown,
        )

    def columns(self) -> Mapping[str, NDArray[np.generic]]:
        """The operations that were kept, as columns of a history, in the order of their begin.

        What was sent is numbered in that order; what was read came in it, whatever its number.
        """
        number = np.array(self._number, dtype=np.int64)
        many = len(number)
        sent = self._kind is Kind.SEND
        order = np.argsort(number, kind="stable") if sent else np.arange(many)
        found: dict[str, NDArray[np.generic]] = {
            "op": (number if sent else order) + 1,
            "kind": np.full(many, self._kind),
            "outcome": np.array(self._outcome),
            "process": np.full(many, self.worker),
            "partition": np.array(self._partition),
            "offset": np.array(self._offset),
            "value": number + value_of(self.worker, 0),
            "transaction": np.full(many, NONE),
            "generation": np.full(many, NONE),
            "invoke_ns": np.array(self._invoke_ns),
            "complete_ns": np.array(self._complete_ns),
        }
        return {name: found[name].astype(kind)[order] for name, kind in COLUMNS.items()}
