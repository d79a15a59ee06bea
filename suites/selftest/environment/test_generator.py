"""The generator: each message goes when it is due, whatever became of those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from load.arrivals import CHUNK_NS, KINDS, arrivals_of
from load.generator import (
    BEHIND_MAX_S,
    LATE_PAUSE_S,
    PAUSE_MAX_S,
    SENT_BETWEEN_POLLS,
    Generator,
    Schedule,
)

SECOND_NS = 1_000_000_000
PAUSE_MAX_NS = round(PAUSE_MAX_S * SECOND_NS)
LATE_PAUSE_NS = round(LATE_PAUSE_S * SECOND_NS)

# When a schedule begins, and when somebody comes to run it, who may be early or late.
START_NS = 5 * SECOND_NS
COMES_NS = st.integers(START_NS - SECOND_NS // 2, START_NS + SECOND_NS // 2)

# More than any test here needs.
DID_MAX = 100_000

# When each of a chunk's messages is due, chunk by chunk: also many at once, and none.
DUE = st.integers(0, 9).map(lambda tenth: tenth * CHUNK_NS // 10) | st.integers(0, CHUNK_NS - 1)
CHUNKS = st.lists(st.lists(DUE, max_size=8).map(sorted), max_size=6)

# How long the client takes for a message: mostly nothing, now and then longer than some chunks.
COSTS_NS = st.lists(st.just(0) | st.integers(0, 3 * CHUNK_NS), min_size=1, max_size=20)


@dataclass
class Planned:
    """A schedule that is written down, with what is due in each chunk, since its begin."""

    within_ns: list[list[int]]

    @property
    def chunks(self) -> int:
        """How many there are."""
        return len(self.within_ns)

    @property
    def duration_ns(self) -> int:
        """How long it is."""
        return self.chunks * CHUNK_NS

    def chunk(self, number: int) -> NDArray[np.int64]:
        """What is due in one."""
        return np.array(self.within_ns[number], dtype=np.int64) + number * CHUNK_NS

    def due_ns(self) -> list[int]:
        """When each message is due, on the clock."""
        return [START_NS + int(each) for n in range(self.chunks) for each in self.chunk(n)]


@dataclass
class World:
    """A clock that stands still but where somebody waits or works, and who does so.

    Attributes:
        now_ns: The time.
        costs_ns: What the client takes for a message; they come round again.
        stop_ns: When somebody stops the generator; it is heard where others get on.
        did: What was done, in its order: what, and when.
        sent: The number of each message, when it was due and when it was sent.
        over: The chunks that were told to be over, and when.
        pauses_ns: How long each pause was.
    """

    now_ns: int = START_NS
    costs_ns: list[int] = field(default_factory=lambda: [0])
    stop_ns: int | None = None
    did: list[tuple[str, int]] = field(default_factory=list)
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    over: list[tuple[int, int]] = field(default_factory=list)
    pauses_ns: list[int] = field(default_factory=list)
    generator: Generator | None = None

    def send_all(self, number: int, dues_ns: Sequence[int]) -> None:
        """Send messages, one after the other."""
        for each, due_ns in enumerate(dues_ns, number):
            self.send(each, due_ns)

    def send(self, number: int, due_ns: int) -> None:
        """Send a message, which takes its time."""
        self.did.append(("send", self.now_ns))
        self.sent.append((number, due_ns, self.now_ns))
        self.now_ns += self.costs_ns[len(self.sent) % len(self.costs_ns)]

    def poll(self) -> None:
        """Hear what there is; for ever is too often."""
        assert len(self.did) < DID_MAX
        self.did.append(("poll", self.now_ns))

    def pause(self, seconds: float) -> None:
        """Let others get on: among them whoever stops the generator."""
        self.did.append(("pause", self.now_ns))
        self.pauses_ns.append(round(seconds * SECOND_NS))
        self.now_ns += self.pauses_ns[-1]
        if self.stop_ns is not None and self.now_ns >= self.stop_ns:
            assert self.generator is not None
            self.generator.stopped = True

    def end_chunk(self, chunk: int) -> None:
        """Be told that a chunk is over."""
        self.did.append(("over", self.now_ns))
        self.over.append((chunk, self.now_ns))

    def clock_ns(self) -> int:
        """The time."""
        return self.now_ns

    def begin(self, schedule: Schedule) -> Generator:
        """Whoever is to send a schedule."""
        self.generator = Generator(schedule, self, self.pause, self.end_chunk, self.clock_ns)
        return self.generator

    def run(self, schedule: Schedule, number: int = 0) -> int:
        """Have a schedule sent."""
        return self.begin(schedule).run(START_NS, number)


def moments_of(schedule: Planned, comes_ns: int, costs_ns: list[int]) -> list[tuple[int, int]]:
    """When each message is due, and when it goes: then, or as soon as the client is free.

    Who is late at the end of a chunk lets others get on for a moment.
    """
    free_ns, found = comes_ns, []
    for chunk in range(schedule.chunks):
        for due_ns in (START_NS + int(each) for each in schedule.chunk(chunk)):
            at_ns = max(due_ns, free_ns)
            found.append((due_ns, at_ns))
            free_ns = at_ns + costs_ns[len(found) % len(costs_ns)]
        if free_ns > START_NS + (chunk + 1) * CHUNK_NS:
            free_ns += LATE_PAUSE_NS
    return found


@given(CHUNKS, COMES_NS, st.integers(0, 2**40))
def test_each_message_is_sent_once_and_in_its_moment(
    within_ns: list[list[int]], comes_ns: int, first: int
) -> None:
    """By a client that takes no time: when it is due, or at once where that has gone by.

    They are numbered one after the other, from whichever number is given.
    """
    schedule, world = Planned(within_ns), World(comes_ns)
    moments = moments_of(schedule, comes_ns, [0])
    assert world.run(schedule, first) == first + len(moments)
    assert world.sent == [(first + number, *each) for number, each in enumerate(moments)]


@given(CHUNKS, COSTS_NS, COMES_NS)
def test_a_slow_client_makes_later_messages_late_and_none_is_left_out(
    within_ns: list[list[int]], costs_ns: list[int], comes_ns: int
) -> None:
    """The loop is an open one: what is due doesn't move, and goes as soon as the client is free."""
    schedule, world = Planned(within_ns), World(comes_ns, costs_ns)
    world.run(schedule)
    wanted = moments_of(schedule, comes_ns, costs_ns)
    assert world.sent == [(number, *each) for number, each in enumerate(wanted)]


@given(CHUNKS, COSTS_NS, COMES_NS)
def test_whoever_is_late_lets_others_get_on(
    within_ns: list[list[int]], costs_ns: list[int], comes_ns: int
) -> None:
    """In every chunk, for longer than nothing: a heart is to be heard; who is in time needn't."""
    world = World(comes_ns, costs_ns)
    world.run(Planned(within_ns))
    late = [at_ns for chunk, at_ns in world.over if at_ns > START_NS + (chunk + 1) * CHUNK_NS]
    assert world.pauses_ns.count(LATE_PAUSE_NS) >= len(late)


@given(CHUNKS, COSTS_NS, COMES_NS)
def test_nobody_is_waited_for_long(
    within_ns: list[list[int]], costs_ns: list[int], comes_ns: int
) -> None:
    """What was answered is looked at before each pause, and none is longer than is allowed."""
    world = World(comes_ns, costs_ns)
    world.run(Planned(within_ns))
    for (before, _), (what, _) in pairwise([("begin", 0), *world.did]):
        assert what != "pause" or before == "poll"
    assert all(0 <= each <= PAUSE_MAX_NS for each in world.pauses_ns)


@pytest.mark.parametrize("size", [1, SENT_BETWEEN_POLLS - 1, SENT_BETWEEN_POLLS, 1_000])
def test_answers_are_heard_also_where_it_is_behind(size: int) -> None:
    """Never more messages than that go between two looks, however few are due in a chunk."""
    world = World(START_NS + 100 * SECOND_NS, [2_000_000])
    world.run(Planned([[0] * size] * 200 if size < 1_000 else [[0] * size] * 4))
    runs = groupby(what for what, _ in world.did if what in {"send", "poll"})
    longest = max(len(list(each)) for what, each in runs if what == "send")
    assert longest <= SENT_BETWEEN_POLLS


def test_others_get_on_also_where_it_is_behind() -> None:
    """In each chunk once: Locust's heartbeat, and whoever stops a run, need the same thread."""
    world = World(START_NS, [4 * CHUNK_NS // 10])
    world.run(Planned([[0] * 10] * 20))
    pauses = 0
    for what, _ in world.did:
        pauses += what == "pause"
        if what == "over":
            assert pauses
            pauses = 0
    assert len(world.over) == 20


@given(CHUNKS, COSTS_NS, COMES_NS)
def test_each_chunk_is_told_once_when_all_of_it_is_sent(
    within_ns: list[list[int]], costs_ns: list[int], comes_ns: int
) -> None:
    """In their order, those without messages, too; and before any of the next goes."""
    schedule, world = Planned(within_ns), World(comes_ns, costs_ns)
    world.run(schedule)
    assert [chunk for chunk, _ in world.over] == list(range(schedule.chunks))
    sizes, since_last = [], 0
    for what, _ in world.did:
        since_last += what == "send"
        if what == "over":
            sizes.append(since_last)
            since_last = 0
    assert sizes == [len(each) for each in within_ns]


@given(CHUNKS, COSTS_NS, COMES_NS)
def test_a_chunk_isnt_over_before_its_time(
    within_ns: list[list[int]], costs_ns: list[int], comes_ns: int
) -> None:
    """Also where its last message went long before: what is told of a second is of a whole one.

    A tenth of a chunk is left for whoever is told, who is not to make the next messages late.
    """
    world = World(comes_ns, costs_ns)
    world.run(Planned(within_ns))
    for chunk, told_ns in world.over:
        assert told_ns >= START_NS + (chunk + 1) * CHUNK_NS - CHUNK_NS // 10


@given(CHUNKS, st.integers(0, SECOND_NS))
def test_whoever_stops_it_is_heard_soon(within_ns: list[list[int]], after_ns: int) -> None:
    """While it waits, within its longest pause; what was due by then is sent, and nothing else."""
    schedule = Planned([*within_ns, *[[]] * 9, [0, CHUNK_NS - 1]])
    world = World(stop_ns=START_NS + after_ns)
    assert world.stop_ns is not None
    number = world.run(schedule)
    last_ns = schedule.due_ns()[-1]
    if world.stop_ns <= last_ns - PAUSE_MAX_NS:
        assert world.now_ns <= world.stop_ns + PAUSE_MAX_NS
    assert number == len(world.sent)
    assert [due_ns for _, due_ns, _ in world.sent] == schedule.due_ns()[:number]
    assert number >= sum(due_ns < world.stop_ns for due_ns in schedule.due_ns())
    assert all(at_ns <= world.stop_ns + PAUSE_MAX_NS for _, _, at_ns in world.sent)


def test_the_chunk_that_is_cut_off_is_told_too() -> None:
    """What was measured in it counts; those after it are never begun."""
    schedule = Planned([[0], [0, CHUNK_NS - 1], [0]])
    world = World(stop_ns=START_NS + CHUNK_NS + CHUNK_NS // 10)
    assert world.run(schedule) == 2
    assert [chunk for chunk, _ in world.over] == [0, 1]


def test_what_was_stopped_before_it_began_sends_nothing() -> None:
    """Also where it would be behind: a warming that was stopped is followed by no load."""
    for comes_ns in (START_NS - SECOND_NS, START_NS, START_NS + SECOND_NS):
        world = World(comes_ns)
        generator = world.begin(Planned([[0] * 10] * 3))
        generator.stopped = True
        assert generator.run(START_NS, 7) == 7
        assert world.sent == []


def test_a_schedule_behind_is_stopped_at_the_end_of_a_chunk() -> None:
    """Somebody says so while its messages go, one after the other without a pause."""
    world = World(START_NS + 5 * SECOND_NS)
    schedule = Planned([[0] * 100] * 10)

    def stop(chunk: int) -> None:
        world.end_chunk(chunk)
        generator.stopped = chunk == 3

    generator = Generator(schedule, world, world.pause, stop, world.clock_ns)
    assert generator.run(START_NS) == 400
    assert [chunk for chunk, _ in world.over] == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [10, 100])
def test_who_is_hopelessly_late_gives_up(size: int) -> None:
    """Each message takes ten times as long as there is: it ends within seconds of the limit."""
    world = World(START_NS, [10 * CHUNK_NS // size])
    schedule = Planned([list(range(0, CHUNK_NS, CHUNK_NS // size))] * 1_000)
    number = world.run(schedule)
    assert number < len(schedule.due_ns())
    _, due_ns, at_ns = world.sent[-1]
    behind_s = (at_ns - due_ns) / SECOND_NS
    assert BEHIND_MAX_S - 2 < behind_s < BEHIND_MAX_S + 2
    assert len(world.over) == len(world.sent) // size + bool(len(world.sent) % size)


@pytest.mark.parametrize("kind", KINDS)
def test_real_schedules_are_sent_as_they_say(kind: str) -> None:
    """Of each kind: as many messages as it has, each in its moment; workers share them."""
    more = {
        "burst": {"burst": 30},
        "ramp": {"to_rate_per_s": 500},
        "step": {"to_rate_per_s": 500, "steps": 3},
    }.get(kind, {})
    schedule = arrivals_of(kind, rate_per_s=100, duration_s=1.5, seed=3, **more)
    sent = []
    for worker in range(2):
        world = World(START_NS - SECOND_NS)
        own = schedule.split(worker, 2)
        assert world.run(own) == own.count == len(world.sent)
        assert all(due_ns == at_ns for _, due_ns, at_ns in world.sent)
        sent += [due_ns - START_NS for _, due_ns, _ in world.sent]
    whole = [int(each) for n in range(schedule.chunks) for each in schedule.chunk(n)]
    assert sorted(sent) == whole
