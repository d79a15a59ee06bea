"""An index of a history: what its rows have to do with each other, computed once for all rules."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import NONE, History, Kind, Outcome

__all__ = ["NEVER_NS", "Index", "Ints"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# When something was invoked that never was.
NEVER_NS = np.iinfo(np.int64).max

# A place is a partition and an offset in one number; offsets stay far below that.
OFFSETS = np.int64(1) << 44


# Numbers that name things are used as they are where they are at most so many times as many.
SPARSE = 4


def numbered(*arrays: Ints) -> tuple[list[Ints], int]:
    """Numbers that name things, such that they may number a table's rows; NONE stays.

    Returns:
        The arrays, with the numbers in the same order, and how many rows a table needs at most.
    """
    highest = max(int(each.max(initial=NONE)) for each in arrays)
    if highest < SPARSE * sum(map(len, arrays)):
        return list(arrays), highest + 1
    names = np.unique(np.concatenate(arrays))
    found = [np.where(each == NONE, NONE, np.searchsorted(names, each)) for each in arrays]
    return found, len(names)


class Index:
    """What rules ask of a history. ``rows`` are numbers of rows, in their order.

    Attributes:
        sends, polls: The rows of each kind.
        sent_by: Of each poll, which of ``sends`` has sent its record; NONE for nobody.
        sent_place, read_place: The places of ``sends`` (NONE where nobody knows) and of ``polls``.
        was_read: Of each send, whether anybody has read its record.
        first_read: Of each send, the first of ``polls`` that has; NONE for none.
        aborted, committed: Of each send, whether its transaction is known to have been, by its end
            or by what was read of it; False for both where it has none, or where nobody knows.
        transactional: Of each send, whether it has a transaction.
        commit_invoked_ns: Of each send, when its transaction's commit was asked for.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        columns = history.columns
        self.op: Ints = columns["op"]
        self.process: Ints = columns["process"]
        self.partition: Ints = columns["partition"]
        self.offset: Ints = columns["offset"]
        self.value: Ints = columns["value"]
        self.outcome = columns["outcome"]
        self.invoke_ns: Ints = columns["invoke_ns"]
        self.complete_ns: Ints = columns["complete_ns"]
        self.kind = columns["kind"]
        self.sends = self.rows(Kind.SEND)
        self.polls = self.rows(Kind.POLL)
        self.acknowledged: Flags = self.outcome[self.sends] == Outcome.OK
        self.sent_place = self.places(self.sends)
        self.read_place = self.places(self.polls)
        self._find_senders()
        self._find_fates()
        ends = history.partitions
        self.start = np.array([each.start for each in ends], dtype=np.int64)
        self.watermark = np.array([each.watermark for each in ends], dtype=np.int64)
        self.compacted = np.array([each.compacted for each in ends], dtype=np.bool_)

    def rows(self, kind: Kind) -> Ints:
        """The rows of one kind."""
        return np.flatnonzero(self.kind == kind)

    def places(self, rows: Ints) -> Ints:
        """The places of rows; NONE where the offset isn't known."""
        offsets = self.offset[rows]
        found = self.partition[rows].astype(np.int64) * OFFSETS + offsets
        found[offsets == NONE] = NONE
        return found

    def told(self, rows: Ints, what: str) -> Flags:
        """What the client of each row was told about itself: a field of ``Client``."""
        highest = max(self.history.clients, default=0)
        table = np.zeros(highest + 1, dtype=np.bool_)
        for process, client in self.history.clients.items():
            table[process] = getattr(client, what)
        flags: Flags = table[self.process[rows]]
        return flags

    def highest_read(self) -> Ints:
        """Of each partition the highest offset that anybody has read; NONE for nothing."""
        found = np.full(len(self.history.partitions), NONE, dtype=np.int64)
        np.maximum.at(found, self.partition[self.polls], self.offset[self.polls])
        return found

    def _find_senders(self) -> None:
        (sent, read), size = numbered(self.value[self.sends], self.value[self.polls])
        first = np.full(size + 1, NONE, dtype=np.int64)  # the last one is that of NONE
        first[sent[::-1]] = np.arange(len(sent), dtype=np.int64)[::-1]  # the first is written last
        self.sent_by: Ints = first[read]
        self.first_read: Ints = np.full(len(self.sends), NONE, dtype=np.int64)
        known = np.flatnonzero(self.sent_by != NONE)
        self.first_read[self.sent_by[known[::-1]]] = known[::-1]  # the first one is written last
        self.was_read: Flags = self.first_read != NONE

    def _find_fates(self) -> None:
        transaction: Ints = self.history.columns["transaction"]
        own = transaction[self.sends]
        self.transactional: Flags = own != NONE
        commits, aborts = self.rows(Kind.COMMIT), self.rows(Kind.ABORT)
        found, size = numbered(own, transaction[commits], transaction[aborts])
        mine, committed, aborted = found

        def of(rows: Ints, names: Ints, *outcomes: Outcome) -> Flags:
            """Of each send, whether its transaction has such an end."""
            table = np.zeros(size + 1, dtype=np.bool_)
            table[names[np.isin(self.outcome[rows], outcomes)]] = True
            flags: Flags = table[mine] & self.transactional
            return flags

        self.aborted = of(aborts, aborted, Outcome.OK) | of(commits, committed, Outcome.FAIL)
        invoked = np.full(size + 1, NEVER_NS, dtype=np.int64)
        np.minimum.at(invoked, committed, self.invoke_ns[commits])
        self.commit_invoked_ns: Ints = invoked[mine]
        self.commit_invoked_ns[~self.transactional] = 0
        # A transaction is all or nothing: one record that was read as committed, once that had been
        # asked for, tells of the rest.
        told = np.flatnonzero(self.told(self.polls, "committed") & (self.sent_by != NONE))
        senders = self.sent_by[told]
        in_time = self.complete_ns[self.polls[told]] >= self.commit_invoked_ns[senders]
        seen = np.zeros(size + 1, dtype=np.bool_)
        seen[mine[senders[in_time]]] = True
        proved = seen[mine] & self.transactional & ~self.aborted
        self.committed = of(commits, committed, Outcome.OK) | proved

    @cached_property
    def strides(self) -> tuple[Ints, Ints, Ints, Ints]:
        """The steps of consumers that were assigned their partitions, from record to record.

        The rows before and after each step, and the offsets that it goes from and to. A step from a
        known position that isn't a record's begins one before it.
        """
        rows = np.sort(np.concatenate([self.polls, self.rows(Kind.POSITION)]))
        rows = rows[~self.told(rows, "subscribed")]
        stream = self.process[rows].astype(np.int64) * len(self.history.partitions)
        stream += self.partition[rows]
        order = np.argsort(stream, kind="stable")
        stream, rows = stream[order], rows[order]
        positions = self.kind[rows] == Kind.POSITION
        offsets = self.offset[rows].copy()
        offsets[positions & (offsets != NONE)] -= 1
        unknown = positions & (self.offset[rows] == NONE)
        at = np.flatnonzero((stream[1:] == stream[:-1]) & ~positions[1:] & ~unknown[:-1])
        return rows[at], rows[at + 1], offsets[at], offsets[at + 1]
