"""The tally: every message is counted in one place, and each time is in a histogram once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.checkers.history import COLUMNS, NONE, Kind, Outcome
from load.account import Account
from load.latency import Latencies
from load.records import number_of, value_of
from load.result import Moment, Result, borne_per_s, merged, together
from load.tally import Second, Tally

US_NS = 1_000
MS_NS = 1_000_000
SECOND_NS = 1_000_000_000

WORKERS = st.integers(0, 99)

# What becomes of a message.
DROPPED, ACKNOWLEDGED, FAILED, UNKNOWN = "dropped", "acknowledged", "failed", "unknown"
OUTCOMES = {ACKNOWLEDGED: Outcome.OK, FAILED: Outcome.FAIL, UNKNOWN: Outcome.INFO}


@dataclass(frozen=True)
class Sent:
    """A message, and what becomes of it.

    Attributes:
        number: Which.
        fate: How it ends.
        partition, offset: Where it is, once it is acknowledged.
        due_ns: When it was due; ``late_ns`` later it was given to the client.
        took_ns: From then until it is known how it ends.
    """

    number: int
    fate: str
    partition: int
    offset: int
    due_ns: int
    late_ns: int
    took_ns: int

    @property
    def times_ns(self) -> tuple[int, int]:
        """When it was given to the client, and when its end was heard of."""
        begun_ns = self.due_ns + self.late_ns
        return begun_ns, begun_ns + self.took_ns

    @property
    def latency_us(self) -> int:
        """From when it was due until its end was heard of."""
        return (self.late_ns + self.took_ns) // US_NS


@st.composite
def messages(draw: st.DrawFn) -> list[Sent]:
    """Some, in the order of their numbers."""
    drawn = st.tuples(
        st.sampled_from([DROPPED, ACKNOWLEDGED, ACKNOWLEDGED, FAILED, UNKNOWN]),
        st.integers(0, 999),
        st.integers(0, 2**40),
        st.integers(0, 2 * SECOND_NS),
        st.integers(0, SECOND_NS),
        st.integers(0, 700 * SECOND_NS),
    )
    return [Sent(number, *each) for number, each in enumerate(draw(st.lists(drawn, max_size=25)))]


@dataclass
class Run:
    """A tally, and what was told to it."""

    tally: Tally
    messages: list[Sent] = field(default_factory=list)
    seconds: list[Second] = field(default_factory=list)

    def send(self, each: Sent) -> None:
        """Give a message to a client, or drop it."""
        self.tally.sending(each.late_ns, dropped=each.fate == DROPPED)
        self.messages.append(each)

    def end(self, each: Sent) -> None:
        """Hear how a message ends."""
        if each.fate == ACKNOWLEDGED:
            self.tally.answered(
                each.number, each.partition, each.offset, each.due_ns, each.times_ns
            )
        elif each.fate != DROPPED:
            self.tally.lost(each.number, each.partition, each.times_ns, never=each.fate == FAILED)

    def end_second(self) -> None:
        """A second is over."""
        self.tally.fold()
        self.seconds.append(self.tally.end_second(float(len(self.seconds) + 1)))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """All of some messages are sent and end, in any order; seconds end and are folded between."""
    run = Run(Tally(draw(WORKERS), keep=True))
    run.tally.measured_from_ns = draw(st.integers(0, 2 * SECOND_NS))
    waiting: list[Sent] = []
    for each in draw(messages()):
        run.send(each)
        waiting.append(each)
        for _ in range(draw(st.integers(0, 2))):
            if waiting:
                run.end(waiting.pop(draw(st.integers(0, len(waiting) - 1))))
        if draw(st.booleans()):
            run.tally.fold()
        if draw(st.booleans()):
            run.end_second()
    for each in draw(st.permutations(waiting)):
        run.end(each)
    run.end_second()
    return run


def histogram(values_us: list[int]) -> Latencies:
    """Values, folded at once."""
    found = Latencies()
    found.fold(values_us)
    return found


def test_what_is_only_counted_is_counted_as_the_rest_is() -> None:
    """Lateness, latency and drops are the same; what was due before isn't measured."""
    singly, at_once = Tally(keep=False), Tally(keep=False)
    dues_ns = [1_000_000, 2_000_000, 3_000_000]
    for tally in (singly, at_once):
        tally.measured_from_ns = 2_000_000
    for number, due_ns in enumerate(dues_ns):
        singly.sending(9_000_000 - due_ns, dropped=number == 2)
    for due_ns in dues_ns[:2]:
        singly.answered(0, 0, -1, due_ns, (due_ns, 20_000_000))
    at_once.sending_all(dues_ns, 9_000_000, 2)
    at_once.counted(np.array(dues_ns[:2]), np.array([20_000_000] * 2))
    for tally in (singly, at_once):
        tally.fold()
        tally.end_second(1.0)
    assert singly.account() == at_once.account()
    for name in ("latency", "lateness"):
        assert getattr(singly, name).encode() == getattr(at_once, name).encode()
    assert at_once.latency.total == 1


@given(runs())
def test_the_account_is_balanced(run: Run) -> None:
    """Every message is in it, at the place of what became of it, and nowhere else."""
    fates = Counter(each.fate for each in run.messages)
    account = run.tally.account()
    account.expect_balanced()
    assert account == Account(
        scheduled=len(run.messages),
        sent=len(run.messages) - fates[DROPPED],
        dropped=fates[DROPPED],
        acknowledged=fates[ACKNOWLEDGED],
        failed=fates[FAILED],
        unknown=fates[UNKNOWN],
    )


@given(runs())
def test_each_time_is_in_a_histogram_once(run: Run) -> None:
    """Lateness of all that was sent; latency of what was acknowledged and due when it counted."""
    tally = run.tally
    sent = [each for each in run.messages if each.fate != DROPPED]
    answered = [each for each in sent if each.fate == ACKNOWLEDGED]
    measured = [each for each in answered if each.due_ns >= tally.measured_from_ns]
    assert tally.lateness == histogram([each.late_ns // US_NS for each in sent])
    assert tally.latency == histogram([each.latency_us for each in measured])
    assert tally.lateness.total == tally.account().sent
    assert tally.latency.total <= tally.account().acknowledged


@given(runs())
def test_seconds_add_up_to_all(run: Run) -> None:
    """What was due and acknowledged in each, and its histograms: nothing twice, nothing lost."""
    account, tally = run.tally.account(), run.tally
    assert [each.at_s for each in run.seconds] == list(range(1, len(run.seconds) + 1))
    assert sum(each.scheduled for each in run.seconds) == account.scheduled
    assert sum(each.acknowledged for each in run.seconds) == account.acknowledged
    latency, lateness = Latencies(), Latencies()
    for each in run.seconds:
        latency.merge(each.latency)
        lateness.merge(each.lateness)
    assert (latency, lateness) == (tally.latency, tally.lateness)


@given(runs())
def test_columns_are_those_of_a_history(run: Run) -> None:
    """Of their types and of one length, in the order of sending, whenever each was answered."""
    columns = run.tally.columns()
    assert {name: each.dtype for name, each in columns.items()} == COLUMNS
    kept = [each for each in run.messages if each.fate != DROPPED]
    assert {len(each) for each in columns.values()} == {len(kept)}
    assert np.all(np.diff(columns["op"].astype(np.int64)) > 0)
    rows = zip(*(columns[name].tolist() for name in COLUMNS), strict=True)
    for row, each in zip(rows, kept, strict=True):
        found = dict(zip(COLUMNS, row, strict=True))
        assert number_of(found.pop("value")) == (run.tally.worker, each.number)
        assert found == {
            "op": each.number + 1,
            "kind": Kind.SEND,
            "outcome": OUTCOMES[each.fate],
            "process": run.tally.worker,
            "partition": each.partition,
            "offset": each.offset if each.fate == ACKNOWLEDGED else NONE,
            "transaction": NONE,
            "generation": NONE,
            "invoke_ns": each.times_ns[0],
            "complete_ns": each.times_ns[1],
        }


@given(runs())
def test_a_result_travels_as_it_is(run: Run) -> None:
    """To whoever puts workers' together: the same account, the same histograms."""
    moment = Moment(1.0, 2, 1, 0.5, 1.5, 2.5, 0.1, {"generator": 0.7})
    result = Result.of(run.tally, 5, [moment])
    arrived = Result.from_json(result.as_json())
    assert arrived == result
    account, latency, lateness = merged([arrived, arrived])
    assert account == run.tally.account() + run.tally.account()
    assert latency.total == 2 * run.tally.latency.total
    assert lateness.total == 2 * run.tally.lateness.total
    assert merged([arrived])[1:] == (run.tally.latency, run.tally.lateness)


@given(
    st.integers(1, 10),
    st.lists(st.integers(0, 1_000_000), min_size=1, max_size=5),
    st.integers(1, 3),
)
def test_a_flood_is_as_fast_as_all_of_it_was(
    warm_up_s: int, acknowledged: list[int], workers: int
) -> None:
    """From the first that was due: what a warm-up has left is sent while others are measured."""
    seconds = [
        Moment(at_s, count, count, 1.0, 1.0, 1.0, 1.0, {})
        for at_s, count in enumerate(acknowledged, 1 - warm_up_s)
    ]
    last = Moment(len(acknowledged) + 7.0, 0, 5, 1.0, 1.0, 1.0, 0.0, {})
    found = borne_per_s(together([[*seconds, last]] * workers), float(warm_up_s))
    whole_s = warm_up_s + len(acknowledged) + 7
    assert found == pytest.approx(workers * (sum(acknowledged) + 5) / whole_s)
    assert borne_per_s([], float(warm_up_s)) == 0


def test_what_was_due_before_it_counts_is_in_the_account_alone() -> None:
    """A broker gets warm: how long that took isn't measured, but nothing of it may be lost."""
    run = Run(Tally())
    run.tally.measured_from_ns = SECOND_NS
    for number, due_ns in enumerate((0, SECOND_NS - 1, SECOND_NS, SECOND_NS + 1)):
        each = Sent(number, ACKNOWLEDGED, 0, number, due_ns, 0, 3 * MS_NS)
        run.send(each)
        run.end(each)
    run.end_second()
    assert run.tally.latency == histogram([3_000, 3_000])
    assert run.tally.account().acknowledged == 4
    assert run.seconds[0].acknowledged == 4
    assert run.tally.columns()["op"].tolist() == [1, 2, 3, 4]


def test_latency_begins_when_a_message_was_due() -> None:
    """Not when it was given to the client: what was late has waited all the same."""
    run = Run(Tally())
    each = Sent(0, ACKNOWLEDGED, 0, 0, 0, 80 * MS_NS, 2 * MS_NS)
    run.send(each)
    run.end(each)
    run.end_second()
    assert run.tally.latency == histogram([82_000])
    assert run.tally.lateness == histogram([80_000])


@given(messages())
def test_what_isnt_kept_is_counted_all_the_same(sent: list[Sent]) -> None:
    """A load that runs for hours has no room for a history; its numbers are the same."""
    kept, counted = Run(Tally(keep=True)), Run(Tally(keep=False))
    for run in (kept, counted):
        for each in sent:
            run.send(each)
            run.end(each)
        run.end_second()
    assert counted.tally.account() == kept.tally.account()
    assert counted.tally.latency == kept.tally.latency
    columns = counted.tally.columns()
    assert {name: each.dtype for name, each in columns.items()} == COLUMNS
    assert not any(len(each) for each in columns.values())


@pytest.mark.parametrize(("offset", "outcome"), [(41, Outcome.OK), (NONE, Outcome.INFO)])
def test_what_never_came_back_is_unknown_and_must_be_there(offset: int, outcome: Outcome) -> None:
    """Where the broker has acknowledged it: whoever judges the history finds that it is lost."""
    tally = Tally(3)
    tally.sending(0)
    tally.unseen(5, 2, offset, (MS_NS, 2 * MS_NS))
    assert tally.account() == Account(scheduled=1, sent=1, unknown=1)
    tally.account().expect_balanced()
    columns = tally.columns()
    found = {name: columns[name].tolist() for name in ("outcome", "partition", "offset", "value")}
    assert found == {
        "outcome": [outcome],
        "partition": [2],
        "offset": [offset],
        "value": [value_of(3, 5)],
    }
    tally.fold()
    assert tally.end_second(1.0).latency.total == 0


@pytest.mark.parametrize("seconds", [0, 3])
def test_where_nothing_happens_there_is_nothing(seconds: int) -> None:
    """Seconds without a message are seconds all the same; nothing is made up for them."""
    run = Run(Tally())
    for _ in range(seconds):
        run.end_second()
    assert [(each.scheduled, each.acknowledged, each.latency.total) for each in run.seconds] == (
        [(0, 0, 0)] * seconds
    )
    assert run.tally.account() == Account()
    assert run.tally.latency == run.tally.lateness == Latencies()
