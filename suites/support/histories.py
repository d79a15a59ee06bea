"""Histories written by hand: a row a line, for tests of checkers."""

from __future__ import annotations

from dataclasses import dataclass, field

from groundwork.checkers.history import (
    NONE,
    Client,
    History,
    Kind,
    Outcome,
    Partition,
    Phase,
    columns_of,
)

__all__ = ["Notes"]

Row = tuple[int, ...]


@dataclass
class Notes:
    """Writes a history down; each operation takes a millisecond and begins after the one before.

    Attributes:
        partitions: Those of topic ``t``, by default one that ends at 10 and was read to there.
    """

    clients: dict[int, Client] = field(default_factory=dict)
    partitions: tuple[Partition, ...] = (Partition("t", 0, 0, 10, 10),)
    phases: tuple[Phase, ...] = ()
    rows: list[Row] = field(default_factory=list)
    ops: int = 0

    def client(self, **told: object) -> int:
        """A client that was told this; its number."""
        number = len(self.clients)
        self.clients[number] = Client(f"client {number}", **told)  # type: ignore[arg-type]
        return number

    def note(
        self,
        kind: Kind,
        process: int,
        *places: tuple[int, int],
        outcome: Outcome = Outcome.OK,
        partition: int = 0,
        transaction: int = NONE,
        generation: int = NONE,
    ) -> int:
        """An operation on places (offset, value); its number."""
        self.ops += 1
        begin_ns = self.ops * 1_000_000
        for offset, value in places or ((NONE, NONE),):
            head = (self.ops, kind, outcome, process, partition, offset, value)
            self.rows.append((*head, transaction, generation, begin_ns, begin_ns + 900_000))
        return self.ops

    def send(self, process: int, value: int, offset: int, **told: int) -> int:
        """A record that was sent, by default with success."""
        return self.note(Kind.SEND, process, (offset, value), **told)  # type: ignore[arg-type]

    def poll(self, process: int, *places: tuple[int, int], **told: int) -> int:
        """Records that were read at once."""
        return self.note(Kind.POLL, process, *places, **told)  # type: ignore[arg-type]

    def history(self) -> History:
        """What was written down."""
        return History(columns_of(self.rows), self.clients, self.partitions, self.phases)
