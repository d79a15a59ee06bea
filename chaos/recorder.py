"""The recorder: what clients do, and how it comes out, as a history."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from groundwork.checkers.history import (
    COLUMNS,
    NONE,
    Client,
    History,
    Kind,
    Outcome,
    Partition,
    Phase,
    columns_of,
)

__all__ = ["Acknowledged", "Begun", "Place", "Recorder"]

# A partition, an offset, and the record there; each NONE where nobody knows, or it means nothing.
Place = tuple[int, int, int]

NOWHERE: tuple[Place, ...] = ((NONE, NONE, NONE),)


# Where these columns are in a row.
KIND, OUTCOME, PARTITION, INVOKE, COMPLETE = map(
    list(COLUMNS).index, ("kind", "outcome", "partition", "invoke_ns", "complete_ns")
)


class Acknowledged(NamedTuple):
    """A record that was."""

    partition: int
    sent_ns: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation that a client has begun.

    Attributes:
        op: Its number.
        process: The client's.
        invoke_ns: When, on the machine's monotonic clock.
        partition: Of a send: where to.
        value: Of a send: the record.
        transaction: Of a send: in which.
    """

    op: int
    process: int
    invoke_ns: int
    partition: int = NONE
    value: int = NONE
    transaction: int = NONE


class Recorder:
    """Writes operations down; any thread may call it, and none waits for another."""

    def __init__(self) -> None:
        self._ops = itertools.count(1)
        self._values = itertools.count()
        self._transactions = itertools.count()
        self._sending: dict[int, Begun] = {}  # by their numbers
        self._rows: list[tuple[int, ...]] = []  # appending to a list is one step
        self._clients: dict[int, Client] = {}
        self._acknowledged = self._looked_at = 0  # of the rows, as far as they were looked at
        self._lock = threading.Lock()

    def client(self, told: Client) -> int:
        """A client begins; its number. One that begins again is another."""
        with self._lock:
            number = len(self._clients)
            self._clients[number] = told
            return number

    def transaction(self) -> int:
        """A transaction that was never begun."""
        return next(self._transactions)

    def begin(self, process: int) -> Begun:
        """A client begins an operation."""
        return Begun(next(self._ops), process, time.monotonic_ns())

    def send(self, process: int, partition: int, transaction: int = NONE) -> Begun:
        """A client begins to send a record that was never sent.

        Whatever becomes of the client: as long as nobody has told how it came out, nobody knows.
        """
        value, op = next(self._values), next(self._ops)
        begun = Begun(op, process, time.monotonic_ns(), partition, value, transaction)
        self._sending[op] = begun
        return begun

    def sent(self, begun: Begun, outcome: Outcome, offset: int = NONE) -> None:
        """It has come out, so or so."""
        place = (begun.partition, offset, begun.value)
        self.end(begun, Kind.SEND, outcome, [place], transaction=begun.transaction)
        self._sending.pop(begun.op, None)

    def end(
        self,
        begun: Begun,
        kind: Kind,
        outcome: Outcome = Outcome.OK,
        places: Iterable[Place] = NOWHERE,
        *,
        transaction: int = NONE,
        generation: int = NONE,
    ) -> None:
        """An operation has come out, so or so; a poll that returned nothing isn't written down."""
        complete_ns = time.monotonic_ns()
        head = (begun.op, int(kind), int(outcome), begun.process)
        tail = (transaction, generation, begun.invoke_ns, complete_ns)
        self._rows.extend((*head, *place, *tail) for place in places)

    def acknowledged(self) -> int:
        """How many sends have been, until now."""
        with self._lock:
            fresh = self._rows[self._looked_at :]
            self._looked_at += len(fresh)
            found = (row for row in fresh if row[KIND] == Kind.SEND and row[OUTCOME] == Outcome.OK)
            self._acknowledged += sum(1 for _ in found)
            return self._acknowledged

    def sends_from(self, row: int) -> tuple[int, list[Acknowledged]]:
        """What was acknowledged since a look that ended at ``row``; the first begins at 0.

        Returns:
            Where the next look begins; and what was seen.
        """
        fresh = self._rows[row:]
        return row + len(fresh), [
            Acknowledged(each[PARTITION], each[INVOKE], each[COMPLETE])
            for each in fresh
            if each[KIND] == Kind.SEND and each[OUTCOME] == Outcome.OK
        ]

    def history(self, partitions: Sequence[Partition], phases: Sequence[Phase] = ()) -> History:
        """All of it, once every client has ended; what no client has told of is unknown."""
        for begun in tuple(self._sending.values()):
            self.sent(begun, Outcome.INFO)
        columns = columns_of(self._rows)
        order = np.argsort(columns["op"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
        return History(columns, dict(self._clients), tuple(partitions), tuple(phases))
