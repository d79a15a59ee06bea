"""Corruptions: one thing planted in a simulated history that Kafka doesn't allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from groundwork.checkers.history import NONE, Client, History, Kind, Outcome
from suites.support.simulator import Line, World, history_of, simulate

__all__ = ["CORRUPTIONS", "Planted", "corrupted"]

# A world in which there is nothing to be corrupted so is left for another one.
WORLDS_MAX = 200


@dataclass(frozen=True)
class Planted:
    """A history with one corruption.

    Attributes:
        history: What clients saw.
        behaviours: The legal ones in it.
        expected: The anomalies by which it can be seen; each of them must be found.
        values: The records that it concerns.
    """

    history: History
    behaviours: frozenset[str]
    expected: frozenset[str]
    values: frozenset[int]


class Scene:
    """A simulated world, to be changed.

    Attributes:
        lines: What clients saw; changed in place.
        ends: The partitions as they are in the end.
    """

    def __init__(self, world: World, chance: Random) -> None:
        self.world = world
        self.chance = chance
        self.lines = list(world.lines)
        self.ends = list(world.partitions())
        self.clients = dict(world.clients)
        self.last = max(self.clients)  # the final reader

    def sends(self, *, acknowledged: bool = True) -> list[Line]:
        """What was sent to partitions that aren't compacted, and is there to be read for sure."""
        known = {
            each.transaction
            for each in self.lines
            if each.kind is Kind.COMMIT and each.outcome is Outcome.OK
        }
        wanted = Outcome.OK if acknowledged else Outcome.INFO
        return [
            each
            for each in self.lines
            if each.kind is Kind.SEND
            and each.outcome is wanted
            and not self.ends[each.partition].compacted
            and each.transaction in {NONE, *known}
            and self.reads(each.value, self.last)
        ]

    def reads(self, value: int, process: int | None = None) -> list[Line]:
        """Who has read a record, and where."""
        return [
            each
            for each in self.lines
            if each.kind is Kind.POLL and each.value == value and process in {None, each.process}
        ]

    def place(self, value: int) -> tuple[int, int]:
        """Where the last reader has read a record."""
        (line, *_) = self.reads(value, self.last)
        return line.partition, line.offset

    def forget(self, values: set[int]) -> None:
        """Nobody has read these."""
        self.lines = [
            each for each in self.lines if each.kind is not Kind.POLL or each.value not in values
        ]

    def swap(self, old: Line, new: Line) -> None:
        """One line is another."""
        self.lines[self.lines.index(old)] = new

    def poll_at_the_end(self, partition: int, value: int) -> None:
        """The last reader finds a record at a new end of a log."""
        end = self.ends[partition].watermark
        self.ends[partition] = replace(self.ends[partition], watermark=end + 1, read_to=end + 1)
        now_ns = self.world.tick()
        self.lines.append(
            Line(Kind.POLL, self.last, now_ns, now_ns, partition=partition, offset=end, value=value)
        )

    def history(self) -> History:
        """What clients saw now."""
        return history_of(self.lines, self.clients, tuple(self.ends))


# What a corruption tells: the anomalies that it shows, and the records; None where it can't be.
Told = tuple[set[str], set[int]] | None
Corruption = Callable[[Scene], Told]


def once(scene: Scene, lines: list[Line]) -> Line | None:
    """One of them whose record is in one place alone."""
    fit = [each for each in lines if len({r.offset for r in scene.reads(each.value)}) == 1]
    return scene.chance.choice(fit) if fit else None


def lost_in_the_middle(scene: Scene) -> Told:
    """A record that was acknowledged is a hole in the log."""
    fit = [
        each
        for each in scene.sends()
        if any(r.offset > each.offset for r in scene.lines if of(r, Kind.POLL, each.partition))
        and len({r.offset for r in scene.reads(each.value)}) == 1
    ]
    if not fit:
        return None
    gone = scene.chance.choice(fit)
    scene.forget({gone.value})
    return {"lost write"}, {gone.value}


def of(line: Line, kind: Kind, partition: int) -> bool:
    """Whether a line is of a kind, in a partition."""
    return line.kind is kind and line.partition == partition


def overwritten(scene: Scene) -> Told:
    """The log was cut off, and written anew: another record is where one was acknowledged."""
    sends = [each for each in scene.sends() if len(scene.reads(each.value)) >= 1]
    for gone in scene.chance.sample(sends, len(sends)):
        others = [
            each
            for each in sends
            if each.partition == gone.partition and each.process != gone.process
        ]
        if others and len({r.offset for r in scene.reads(gone.value)}) == 1:
            home = scene.chance.choice(others)
            scene.forget({gone.value})
            scene.swap(gone, replace(gone, offset=home.offset))
            return {"inconsistent offsets"}, {gone.value, home.value}
    return None


def tail_cut_off(scene: Scene) -> Told:
    """The watermark after the healing is below what was acknowledged."""
    sends = scene.sends()
    if not sends:
        return None
    gone = max(sends, key=lambda each: (each.partition, each.offset))
    end = scene.ends[gone.partition]
    scene.ends[gone.partition] = replace(end, watermark=gone.offset, read_to=gone.offset)
    lost = [e for e in scene.lines if of(e, Kind.SEND, gone.partition) and e.offset >= gone.offset]
    return {"lost tail"}, {each.value for each in lost if each.outcome is Outcome.OK}


def never_seen(scene: Scene) -> Told:
    """The last record of a log is there, by its watermark, and nobody has been given it."""
    sends = scene.sends()
    for gone in scene.chance.sample(sends, len(sends)):
        read = [each for each in scene.lines if of(each, Kind.POLL, gone.partition)]
        alone = len({r.offset for r in scene.reads(gone.value)}) == 1
        if alone and max(each.offset for each in read) == gone.offset:
            scene.forget({gone.value})
            return {"unseen"}, {gone.value}
    return None


def written_twice(scene: Scene) -> Told:
    """A record of an idempotent producer is in the log twice."""
    twice = once(scene, [e for e in scene.sends() if scene.clients[e.process].idempotent])
    if twice is None:
        return None
    scene.poll_at_the_end(twice.partition, twice.value)
    return {"duplicate"}, {twice.value}


def two_in_one_place(scene: Scene) -> Told:
    """Two readers are given different records at one offset."""
    unwritten = [
        each
        for each in scene.lines
        if each.kind is Kind.SEND
        and each.outcome is Outcome.INFO
        and each.transaction == NONE
        and not scene.reads(each.value)
    ]
    for other in unwritten:
        for line in scene.chance.sample(scene.lines, len(scene.lines)):
            if (
                of(line, Kind.POLL, other.partition)
                and line.process != scene.last
                and len({r.process for r in scene.reads(line.value)}) > 1
            ):
                scene.swap(line, replace(line, value=other.value))
                return {"inconsistent offsets"}, {line.value, other.value}
    return None


def exchanged(scene: Scene, *, acknowledged: bool) -> Told:
    """Two records of an ordered producer are in the log the other way round."""
    sends = [each for each in scene.sends() if scene.clients[each.process].ordered]
    for one in scene.chance.sample(sends, len(sends)):
        for other in sends:
            alike = (other.process, other.partition) == (one.process, one.partition)
            if not alike or other.invoke_ns <= one.invoke_ns:
                continue
            if other.transaction != one.transaction:
                continue
            exchange(scene, one, other)
            if acknowledged:
                scene.swap(one, replace(one, offset=other.offset))
                scene.swap(other, replace(other, offset=one.offset))
                return {"reordering", "non-monotonic send"}, {one.value, other.value}
            for each in (one, other):
                scene.swap(each, replace(each, outcome=Outcome.INFO, offset=NONE))
            return {"reordering"}, {one.value, other.value}
    return None


def exchange(scene: Scene, one: Line, other: Line) -> None:
    """Whoever has read one has read the other in its place."""
    places = {one.value: other.value, other.value: one.value}
    scene.lines = [
        replace(each, value=places.get(each.value, each.value)) if each.kind is Kind.POLL else each
        for each in scene.lines
    ]


def went_back(scene: Scene) -> Told:
    """A reader of its own partitions is given a record again."""
    reads = [each for each in scene.lines if each.kind is Kind.POLL and each.process == scene.last]
    if not reads:
        return None
    again = scene.chance.choice(reads)
    now_ns = scene.world.tick()
    scene.lines.append(replace(again, invoke_ns=now_ns, complete_ns=now_ns))
    return {"non-monotonic poll"}, {again.value}


def passed_over(scene: Scene) -> Told:
    """A reader of its own partitions isn't given a record that the last reader is given."""
    reader = scene.world.readers[0].process
    for partition in range(len(scene.ends)):
        mine = [
            each
            for each in scene.lines
            if each.process == reader
            and each.kind in {Kind.POLL, Kind.POSITION}
            and each.partition == partition
        ]
        for before, gone, after in zip(mine, mine[1:], mine[2:], strict=False):
            straight = all(each.kind is Kind.POLL for each in (before, gone, after))
            last = scene.reads(gone.value, scene.last)
            there = any(each.offset == gone.offset for each in last)
            if straight and there and not scene.ends[partition].compacted:
                scene.lines.remove(gone)
                return {"poll skip"}, {gone.value}
    return None


def aborted_and_read(scene: Scene) -> Told:
    """A record of an aborted transaction is given to a reader of what is committed."""
    ends = {
        each.transaction
        for each in scene.lines
        if (each.kind is Kind.ABORT and each.outcome is Outcome.OK)
        or (each.kind is Kind.COMMIT and each.outcome is Outcome.FAIL)
    }
    fit = [
        each
        for each in scene.lines
        if each.kind is Kind.SEND and each.transaction in ends and each.outcome is Outcome.INFO
    ]
    fit = [each for each in fit if not scene.reads(each.value)]
    if not fit:
        return None
    read = scene.chance.choice(fit)
    scene.poll_at_the_end(read.partition, read.value)
    return {"aborted read"}, {read.value}


def failed_and_read(scene: Scene) -> Told:
    """A record whose sending has failed is read."""
    fit = [
        each
        for each in scene.lines
        if each.kind is Kind.SEND and each.outcome is Outcome.FAIL and each.transaction == NONE
    ]
    if not fit:
        return None
    read = scene.chance.choice(fit)
    scene.poll_at_the_end(read.partition, read.value)
    return {"aborted read"}, {read.value}


def read_too_early(scene: Scene) -> Told:
    """A reader of what is committed is given a record before its commit was asked for."""
    commits = {
        each.transaction: each.invoke_ns
        for each in scene.lines
        if each.kind is Kind.COMMIT and each.outcome is Outcome.OK
    }
    fit = [each for each in scene.sends() if each.transaction in commits]
    if not fit:
        return None
    sent = scene.chance.choice(fit)
    partition, offset = scene.place(sent.value)
    early_ns = sent.invoke_ns + 1
    if early_ns >= commits[sent.transaction]:
        return None
    number = len(scene.clients)
    scene.clients[number] = Client("early")
    scene.lines.append(
        Line(
            Kind.POLL,
            number,
            early_ns,
            early_ns,
            partition=partition,
            offset=offset,
            value=sent.value,
        )
    )
    return {"precommitted read"}, {sent.value}


def committed_backwards(scene: Scene) -> Told:
    """A member of a group commits less than it had, in its generation."""
    fit = [each for each in scene.lines if each.kind is Kind.COMMIT_OFFSET and each.offset > 0]
    if not fit:
        return None
    before = fit[-1]
    now_ns = scene.world.tick()
    offset = scene.chance.randrange(before.offset)
    scene.lines.append(replace(before, invoke_ns=now_ns, complete_ns=now_ns, offset=offset))
    return {"commit backwards"}, set()


def out_of_nothing(scene: Scene) -> Told:
    """A record is read that nobody has sent."""
    value = 1_000_000 + scene.chance.randrange(1000)
    scene.poll_at_the_end(scene.chance.randrange(len(scene.ends)), value)
    return {"phantom"}, {value}


CORRUPTIONS: dict[str, Corruption] = {
    "lost in the middle": lost_in_the_middle,
    "overwritten": overwritten,
    "tail cut off": tail_cut_off,
    "never seen": never_seen,
    "written twice": written_twice,
    "two in one place": two_in_one_place,
    "exchanged, acknowledged": lambda scene: exchanged(scene, acknowledged=True),
    "exchanged, unknown": lambda scene: exchanged(scene, acknowledged=False),
    "went back": went_back,
    "passed over": passed_over,
    "aborted and read": aborted_and_read,
    "failed and read": failed_and_read,
    "read too early": read_too_early,
    "committed backwards": committed_backwards,
    "out of nothing": out_of_nothing,
}


def corrupted(seed: int, name: str, operations: int = 60) -> Planted:
    """A history with this corruption; of the first world, from the seed on, in which it can be.

    Raises:
        LookupError: There is none among so many.
    """
    for turn in range(WORLDS_MAX):
        world = simulate(seed * 1_000_003 + turn, operations)
        scene = Scene(world, Random(seed))  # noqa: S311 - to be repeated, not to be secret
        told = CORRUPTIONS[name](scene)
        if told is not None:
            expected, values = told
            behaviours = frozenset(world.behaviours)
            return Planted(scene.history(), behaviours, frozenset(expected), frozenset(values))
    raise LookupError(f"{name}: in no world of {seed}")
