"""A small Kafka of the imagination: logs, brokers and clients, step by step, and what clients see.

It knows nothing of the checker that judges its histories, and shares no code with it. Whatever
Kafka allows may happen; :mod:`suites.support.corruption` plants what it doesn't.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from groundwork.checkers.history import (
    NONE,
    Client,
    History,
    Kind,
    Outcome,
    Partition,
    columns_of,
)

__all__ = ["BEHAVIOURS", "TICK_NS", "Line", "World", "history_of", "simulate"]

# What is legal, and looks as if it weren't.
BEHAVIOURS = (
    "time-out, written",
    "time-out, not written",
    "failed send",
    "late write",
    "written twice",
    "pipelined",
    "aborted transaction",
    "commit of which nobody knows",
    "transactions interleave",
    "aborted record read by an uncommitted reader",
    "seek",
    "group goes back",
    "group skips",
    "commit goes back in a new generation",
    "retention",
    "compaction",
)

TICK_NS = 1_000


@dataclass(frozen=True)
class Line:
    """A row of a history, before it has its number."""

    kind: Kind
    process: int
    invoke_ns: int
    complete_ns: int
    outcome: Outcome = Outcome.OK
    partition: int = NONE
    offset: int = NONE
    value: int = NONE
    transaction: int = NONE
    generation: int = NONE
    at: int = 0  # tells rows of one poll from those of another that began at the same time


@dataclass
class Entry:
    """A place in a log: a record, or the marker of a transaction's end."""

    value: int
    transaction: int


@dataclass
class Reading:
    """A consumer, and where it is."""

    process: int
    committed: bool
    positions: dict[int, int] = field(default_factory=dict)
    generation: int = 0


class World:
    """Some partitions and clients; everything is left to chance.

    Attributes:
        lines: What clients did and saw.
        behaviours: What has really happened of :data:`BEHAVIOURS`.
    """

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.now_ns = 0
        self.lines: list[Line] = []
        self.behaviours: set[str] = set()
        self.clients: dict[int, Client] = {}
        self.logs: list[list[Entry]] = [[] for _ in range(chance.randint(1, 3))]
        self.starts = [0] * len(self.logs)
        self.compacted = [False] * len(self.logs)
        self.fates: dict[int, str] = {}  # of transactions: open, committed, aborted
        self._value = 0
        self._late: list[tuple[int, int]] = []
        self._offsets: dict[int, int] = {}  # the group's
        self._highest: dict[int, int] = {}  # that was ever committed
        self._busy: dict[int, tuple[int, int]] = {}  # open transactions by producer, and records
        self.idempotent = self._client(Client("idempotent"))
        self.plain = self._client(Client("plain", ordered=False, idempotent=False))
        self.writers = [self._client(Client(f"transactions {n}")) for n in range(2)]
        self.readers = [
            Reading(self._client(Client("assigned")), committed=True),
            Reading(self._client(Client("raw", committed=False)), committed=False),
        ]
        member = Client("member", subscribed=True, group="g")
        self.members = [Reading(self._client(member), committed=True) for _ in range(2)]
        for reader in self.readers:
            reader.positions = dict.fromkeys(range(len(self.logs)), 0)
        self._share_out()

    def _client(self, told: Client) -> int:
        self.clients[len(self.clients)] = told
        return len(self.clients) - 1

    def tick(self) -> int:
        """The next moment."""
        self.now_ns += TICK_NS
        return self.now_ns

    def note(self, line: Line) -> None:
        """Somebody has seen something."""
        self.lines.append(line)

    # --- sending

    def _append(self, partition: int, value: int, transaction: int = NONE) -> int:
        self.logs[partition].append(Entry(value, transaction))
        return len(self.logs[partition]) - 1

    def send(self, process: int, transaction: int = NONE) -> None:
        """Send a record; it comes out so or so, and the acknowledgement may come much later."""
        told, partition = self.clients[process], self.chance.randrange(len(self.logs))
        value, self._value = self._value, self._value + 1
        invoke_ns = self.tick()
        late_ns = self.chance.choice((1, 1, 40)) * TICK_NS
        if late_ns > TICK_NS:
            self.behaviours.add("pipelined")
        line = Line(
            Kind.SEND,
            process,
            invoke_ns,
            invoke_ns + late_ns,
            partition=partition,
            value=value,
            transaction=transaction,
        )
        fate = self.chance.choices(("ok", "written", "lost", "failed"), (12, 1, 1, 1))[0]
        if fate == "ok":
            offset = self._append(partition, value, transaction)
            if not told.idempotent and self.chance.random() < 0.2:
                self._append(partition, value)
                self.behaviours.add("written twice")
            self.note(replace(line, offset=offset))
        elif fate == "failed":
            self.behaviours.add("failed send")
            self.note(replace(line, outcome=Outcome.FAIL))
        else:
            self.note(replace(line, outcome=Outcome.INFO))
            if fate == "lost":
                self.behaviours.add("time-out, not written")
            elif told.ordered:
                self._append(partition, value, transaction)
                self.behaviours.add("time-out, written")
            else:
                self._late.append((partition, value))

    def arrive_late(self) -> None:
        """A record of a producer without order arrives long after it was given up."""
        if self._late:
            self._append(*self._late.pop(0))
            self.behaviours.add("late write")

    def transact(self, process: int) -> None:
        """A transaction begins, goes on or ends."""
        if process not in self._busy:
            transaction = len(self.fates)
            self.fates[transaction] = "open"
            self._busy[process] = (transaction, 0)
            if len(self._busy) > 1:
                self.behaviours.add("transactions interleave")
        transaction, many = self._busy[process]
        if many < 2 or self.chance.random() < 0.4:
            self.send(process, transaction)
            self._busy[process] = (transaction, many + 1)
        else:
            self.end(process)

    def end(self, process: int) -> None:
        """A transaction is committed or aborted; nobody may know."""
        transaction, _ = self._busy.pop(process)
        wish = self.chance.choice((Kind.COMMIT, Kind.COMMIT, Kind.ABORT))
        outcome, fate = Outcome.OK, "committed" if wish is Kind.COMMIT else "aborted"
        if wish is Kind.COMMIT and self.chance.random() < 0.2:
            outcome = self.chance.choice((Outcome.FAIL, Outcome.INFO))
            if outcome is Outcome.INFO:
                self.behaviours.add("commit of which nobody knows")
            if outcome is Outcome.FAIL or self.chance.random() < 0.5:
                fate = "aborted"
        if fate == "aborted":
            self.behaviours.add("aborted transaction")
        self.fates[transaction] = fate
        invoke_ns = self.tick()
        self.note(Line(wish, process, invoke_ns, self.tick(), outcome, transaction=transaction))
        for log in self.logs:
            if any(each.transaction == transaction for each in log):
                log.append(Entry(NONE, NONE))  # the marker takes a place, and is never read

    # --- reading

    def end_of(self, partition: int, *, committed: bool) -> int:
        """As far as a reader may read: what is committed ends before what is open."""
        log = self.logs[partition]
        for offset, each in enumerate(log):
            if committed and each.transaction != NONE and self.fates[each.transaction] == "open":
                return offset
        return len(log)

    def readable(self, partition: int, offset: int, *, committed: bool) -> bool:
        """Whether there is a record for such a reader."""
        entry = self.logs[partition][offset]
        if entry.value == NONE or offset < self.starts[partition]:
            return False
        fate = self.fates.get(entry.transaction, "committed")
        return fate == "committed" or not committed

    def poll(self, reader: Reading, many: int = 5) -> None:
        """Read some records, of some partitions."""
        invoke_ns, complete_ns = self.tick(), self.tick()
        for partition in sorted(reader.positions):
            end = self.end_of(partition, committed=reader.committed)
            position = max(reader.positions[partition], self.starts[partition])
            found = 0
            while position < end and found < many:
                if self.readable(partition, position, committed=reader.committed):
                    entry = self.logs[partition][position]
                    found += 1
                    self._see(entry)
                    self.note(
                        Line(
                            Kind.POLL,
                            reader.process,
                            invoke_ns,
                            complete_ns,
                            partition=partition,
                            offset=position,
                            value=entry.value,
                        )
                    )
                position += 1
            reader.positions[partition] = position

    def _see(self, entry: Entry) -> None:
        if entry.transaction != NONE and self.fates[entry.transaction] == "aborted":
            self.behaviours.add("aborted record read by an uncommitted reader")

    def seek(self) -> None:
        """A reader of its own partitions goes somewhere else, and says so."""
        reader = self.chance.choice(self.readers)
        partition = self.chance.choice(sorted(reader.positions))
        offset = self.chance.randint(0, len(self.logs[partition]))
        invoke_ns = self.tick()
        told = self.chance.choice((offset, NONE))
        self.note(
            Line(
                Kind.POSITION,
                reader.process,
                invoke_ns,
                self.tick(),
                partition=partition,
                offset=told,
            )
        )
        reader.positions[partition] = offset
        self.behaviours.add("seek")

    # --- a group

    def _share_out(self) -> None:
        """Partitions are given anew; each member begins where the group has committed."""
        order = list(self.members)
        self.chance.shuffle(order)
        for member in self.members:
            member.positions = {}
            member.generation += 1
        for partition in range(len(self.logs)):
            member = order[partition % len(order)]
            member.positions[partition] = self._offsets.get(partition, 0)

    def rebalance(self) -> None:
        """Partitions move; what was read and not committed is read again, or passed over."""
        for partition in range(len(self.logs)):
            reached = max(m.positions.get(partition, 0) for m in self.members)
            if self._offsets.get(partition, 0) < reached:
                self.behaviours.add("group goes back")
            if self.chance.random() < 0.1 and len(self.logs[partition]) > reached + 1:
                self._offsets[partition] = reached + 1
                self.behaviours.add("group skips")
            elif self.chance.random() < 0.5:  # somebody has set it back
                self._offsets[partition] = self.chance.randint(0, self._offsets.get(partition, 0))
        self._share_out()

    def commit_offsets(self) -> None:
        """A member commits where it is; a member of a new generation may be behind."""
        member = self.chance.choice(self.members)
        invoke_ns, complete_ns = self.tick(), self.tick()
        for partition, offset in sorted(member.positions.items()):
            if offset < self._highest.get(partition, 0):
                self.behaviours.add("commit goes back in a new generation")
            self._highest[partition] = max(offset, self._highest.get(partition, 0))
            self._offsets[partition] = offset
            self.note(
                Line(
                    Kind.COMMIT_OFFSET,
                    member.process,
                    invoke_ns,
                    complete_ns,
                    partition=partition,
                    offset=offset,
                    generation=member.generation,
                )
            )

    # --- what goes by itself

    def retain(self) -> None:
        """The oldest records go."""
        partition = self.chance.randrange(len(self.logs))
        end = self.end_of(partition, committed=True)
        if end > 2:
            self.starts[partition] = max(self.starts[partition], self.chance.randint(1, end // 2))
            self.behaviours.add("retention")

    def compact(self) -> None:
        """Of a compacted partition some records go."""
        partition = len(self.logs) - 1
        self.compacted[partition] = True
        for entry in self.logs[partition][:-1]:
            if entry.transaction == NONE and self.chance.random() < 0.3:
                entry.value = NONE
                self.behaviours.add("compaction")

    # --- the end

    def finish(self) -> None:
        """Everything ends, and is read to its end."""
        for process in tuple(self._busy):
            self.end(process)
        while self._late and self.chance.random() < 0.7:
            self.arrive_late()
        last = Reading(self._client(Client("the last")), committed=True)
        last.positions = dict(enumerate(self.starts))
        for _ in range(3):
            self.poll(last, many=1 + max(map(len, self.logs)))

    def partitions(self) -> tuple[Partition, ...]:
        """As they are in the end."""
        return tuple(
            Partition("t", n, self.starts[n], len(log), len(log), self.compacted[n])
            for n, log in enumerate(self.logs)
        )


def simulate(seed: int, operations: int = 60) -> World:
    """A world that has gone through about so many operations; all that happened in it is legal."""
    chance = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    world = World(chance)
    acts: list[tuple[Callable[[], object], int]] = [
        (lambda: world.send(world.idempotent), 10),
        (lambda: world.send(world.plain), 6),
        (lambda: world.transact(chance.choice(world.writers)), 12),
        (world.arrive_late, 2),
        (lambda: world.poll(chance.choice(world.readers)), 8),
        (lambda: world.poll(chance.choice(world.members)), 6),
        (world.seek, 1),
        (world.commit_offsets, 3),
        (world.rebalance, 2),
    ]
    if chance.random() < 0.3:
        acts.append((world.retain, 1))
    if chance.random() < 0.3:
        acts.append((world.compact, 1))
    does, weights = [act for act, _ in acts], [weight for _, weight in acts]
    for _ in range(operations):
        chance.choices(does, weights)[0]()
    world.finish()
    return world


def history_of(
    lines: list[Line], clients: dict[int, Client], partitions: tuple[Partition, ...]
) -> History:
    """Lines as a history: in the order in which they were begun, rows of one poll together."""
    ordered = sorted(lines, key=lambda line: (line.invoke_ns, line.process, line.at))
    numbers: dict[tuple[int, int, int], int] = {}
    rows = []
    for each in ordered:
        begun = (each.invoke_ns, each.process, each.at)
        op = numbers.setdefault(begun, len(numbers) + 1)
        head = (op, each.kind, each.outcome, each.process, each.partition, each.offset)
        tail = (each.value, each.transaction, each.generation, each.invoke_ns, each.complete_ns)
        rows.append((*head, *tail))
    return History(columns_of(rows), clients, partitions)
