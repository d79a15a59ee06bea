"""The history of a workload: every operation of its clients, with how it came out.

A history is a table with a row for each record that was sent or read, and for each other thing that
a client did. A poll has a row for every record that it returned, next to each other and in their
order. Kept in columns, for there are millions; as Arrow on disk.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COLUMNS",
    "NONE",
    "SECOND_NS",
    "Client",
    "History",
    "Kind",
    "Outcome",
    "Partition",
    "Phase",
    "columns_of",
]

# Of the clock of histories.
SECOND_NS = 1_000_000_000

# What stands where a column means nothing for a row, or where nobody knows.
NONE = -1


class Kind(enum.IntEnum):
    """What was done.

    Attributes:
        SEND: A record was sent; ``offset`` is where, once that is acknowledged.
        POLL: A record was read, ``value`` at ``offset``. A poll that returned nothing has no rows.
        POSITION: A consumer of its own will read on elsewhere: a seek, a new assignment, a fresh
            start. ``offset`` is where, if that is known. What it polls next needn't follow.
        COMMIT_OFFSET: A member of a group has committed ``offset``, the next one to be read, in its
            ``generation``.
        COMMIT, ABORT: The end of ``transaction``.
    """

    SEND = 0
    POLL = 1
    POSITION = 2
    COMMIT_OFFSET = 3
    COMMIT = 4
    ABORT = 5


class Outcome(enum.IntEnum):
    """How an operation came out: it happened, it didn't, or nobody knows (a time-out)."""

    OK = 0
    FAIL = 1
    INFO = 2


# The columns, and their types. Times are on the machine's monotonic clock, in nanoseconds.
COLUMNS: dict[str, np.dtype] = {
    "op": np.dtype(np.int64),  # numbers operations; rows of one poll share it
    "kind": np.dtype(np.int8),
    "outcome": np.dtype(np.int8),
    "process": np.dtype(np.int32),  # the client; one that is started again is another
    "partition": np.dtype(np.int32),  # an index into the history's partitions
    "offset": np.dtype(np.int64),
    "value": np.dtype(np.int64),  # names a record; no two that are sent have the same
    "transaction": np.dtype(np.int64),  # a number of its own for each transaction
    "generation": np.dtype(np.int32),
    "invoke_ns": np.dtype(np.int64),
    "complete_ns": np.dtype(np.int64),
}


@dataclass(frozen=True)
class Client:
    """What a client was told about itself.

    Attributes:
        name: For people: the library, and what it is for.
        ordered: Of a producer: its records come into a partition in the order in which they were
            sent, also where it sends again (idempotent, or one request at a time).
        idempotent: Of a producer: a record that is sent again isn't there twice.
        acks_all: Of a producer: acknowledged is what all in-sync replicas have.
        subscribed: Of a consumer: a group gives it its partitions, and takes them away.
        committed: Of a consumer: it reads what is committed, and nothing of open or aborted
            transactions.
        group: Of a consumer that commits offsets.
    """

    name: str
    ordered: bool = True
    idempotent: bool = True
    acks_all: bool = True
    subscribed: bool = False
    committed: bool = True
    group: str = ""


@dataclass(frozen=True)
class Partition:
    """A partition as it was found after all faults were healed.

    Attributes:
        start: The first offset that is there still.
        watermark: The high watermark: one beyond the last offset that may be read by anybody.
        read_to: As far as the final read came: the position of its consumer at the end.
        compacted: Whether older records of a key are removed.
    """

    topic: str
    number: int
    start: int
    watermark: int
    read_to: int
    compacted: bool = False


@dataclass(frozen=True)
class Phase:
    """A part of the run.

    Attributes:
        progress: Whether it promises that clients get on.
        network: Whether the network is broken on purpose in it.
        spared: Of a fault: the partitions that it leaves alone, as indexes into the history's; they
            are to get on meanwhile.
    """

    name: str
    begin_ns: int
    end_ns: int
    progress: bool = True
    network: bool = False
    spared: tuple[int, ...] = ()


@dataclass(frozen=True)
class History:
    """Everything that a checker is told.

    Attributes:
        columns: The rows, a column each of :data:`COLUMNS`, all of the same length, in the order of
            ``op``; operations of one process are in the order in which it began them.
        clients: By the numbers of ``process``.
        partitions: By the numbers of ``partition``.
        phases: In their order; empty where there are none.
    """

    columns: dict[str, NDArray[Any]]
    clients: dict[int, Client]
    partitions: tuple[Partition, ...]
    phases: tuple[Phase, ...] = field(default=())

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.columns["op"])


def columns_of(rows: Sequence[Sequence[int]]) -> dict[str, NDArray[Any]]:
    """Rows, each with a number for every one of :data:`COLUMNS`, as the columns of a history."""
    table = np.array(rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    return {name: table[:, at].astype(kind) for at, (name, kind) in enumerate(COLUMNS.items())}
