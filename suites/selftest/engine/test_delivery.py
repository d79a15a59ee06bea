"""The checker of delivery: each anomaly by the fewest operations, and what looks like one."""

from __future__ import annotations

import pytest

from groundwork.checkers.delivery import check
from groundwork.checkers.history import NONE, History, Kind, Outcome, Partition, Phase
from groundwork.checkers.verdict import Verdict
from suites.support.histories import Notes

INFO, FAIL = Outcome.INFO, Outcome.FAIL


def judge(history: History) -> Verdict:
    """The verdict, however small the history is."""
    return check(history, acknowledged_min=0, info_max=1.0)


def found(notes: Notes) -> dict[str, list[int]]:
    """The records of each anomaly."""
    verdict = judge(notes.history())
    return {each.anomaly: each.values.tolist() for each in verdict.findings}


def test_what_was_acknowledged_and_is_there_is_valid() -> None:
    """A handful of records, sent and read."""
    notes = Notes()
    producer, consumer = notes.client(), notes.client()
    for value in range(10):
        notes.send(producer, value, value)
    notes.poll(consumer, *((n, n) for n in range(10)))
    verdict = judge(notes.history())
    assert (verdict.judgement, verdict.findings, verdict.doubts) == ("valid", (), ())
    assert "loss of power" in verdict.worth


def test_a_lost_write_is_named_with_what_shows_it() -> None:
    """The send and the poll that went past it."""
    notes = Notes()
    producer, consumer = notes.client(), notes.client()
    sends = [notes.send(producer, 70 + n, n) for n in range(3)]
    notes.poll(consumer, (0, 70))
    last = notes.poll(consumer, (2, 72))
    verdict = judge(notes.history())
    assert verdict.judgement == "invalid"
    lost = verdict.found("lost write")
    assert lost is not None
    assert (lost.count, lost.values.tolist()) == (1, [71])
    (example,) = lost.examples
    assert example.ops == (sends[1], last)
    assert example.text == (
        "record 71 was acknowledged at t-0@1, and nobody has read it, though t-0@2 was read"
    )
    assert verdict.found("unseen") is None


@pytest.mark.parametrize(
    ("offset", "anomaly"), [(9, "unseen"), (10, "lost tail"), (11, "lost tail")]
)
def test_what_nobody_has_read_as_far_as(offset: int, anomaly: str) -> None:
    """Below the watermark it is unseen, at or above it the tail is lost."""
    notes = Notes()
    producer, consumer = notes.client(), notes.client()
    notes.send(producer, 1, 0)
    notes.send(producer, 2, offset)
    notes.poll(consumer, (0, 1))
    assert found(notes) == {anomaly: [2]}


def test_a_tail_is_lost_also_where_somebody_had_read_it() -> None:
    """Truncated after it was read."""
    notes = Notes(partitions=(Partition("t", 0, 0, 1, 1),))
    producer, consumer = notes.client(), notes.client()
    notes.send(producer, 1, 0)
    notes.send(producer, 2, 1)
    notes.poll(consumer, (0, 1), (1, 2))
    assert found(notes) == {"lost tail": [2]}


@pytest.mark.parametrize(
    "partition",
    [Partition("t", 0, 2, 10, 10), Partition("t", 0, 0, 10, 10, compacted=True)],
    ids=["below the start", "compacted"],
)
def test_what_may_be_gone_is_not_lost(partition: Partition) -> None:
    """Retention and compaction are asked for."""
    notes = Notes(partitions=(partition,))
    producer, consumer = notes.client(), notes.client()
    for value in range(4):
        notes.send(producer, value, value)
    notes.poll(consumer, (2, 2), (3, 3))
    assert found(notes) == {}


def test_of_what_nobody_knows_anything_is_legal() -> None:
    """A time-out's record may be there, also late, and may not."""
    notes = Notes()
    producer, consumer = notes.client(), notes.client()
    notes.send(producer, 1, NONE, outcome=INFO)
    notes.send(producer, 2, NONE, outcome=INFO)
    notes.send(producer, 3, NONE, outcome=FAIL)
    notes.poll(consumer, (0, 1))
    assert found(notes) == {}


def test_one_record_in_two_places() -> None:
    """A duplicate of an idempotent producer; of another one it is legal."""
    for idempotent, expected in ((True, {"duplicate": [1]}), (False, {})):
        notes = Notes()
        producer, consumer = notes.client(idempotent=idempotent), notes.client()
        notes.send(producer, 1, 0)
        notes.poll(consumer, (0, 1), (1, 1))
        assert found(notes) == expected


def test_two_records_in_one_place() -> None:
    """By two acknowledgements, or by an acknowledgement and a poll."""
    notes = Notes()
    producer, other, consumer = notes.client(), notes.client(), notes.client()
    notes.send(producer, 1, 0)
    notes.send(other, 2, 0)
    notes.poll(consumer, (0, 1))
    verdict = found(notes)
    assert verdict.pop("lost write") == [2]
    assert verdict == {"inconsistent offsets": [1, 2]}


def test_the_order_of_sending() -> None:
    """Acknowledged in another order, or read in another; legal where nobody has promised one."""
    for ordered, expected in ((True, {"non-monotonic send", "reordering"}), (False, set())):
        notes = Notes()
        producer, consumer = notes.client(ordered=ordered), notes.client()
        notes.send(producer, 1, 1)
        notes.send(producer, 2, 0)
        notes.poll(consumer, (0, 2), (1, 1))
        assert found(notes).keys() == expected
    notes = Notes()
    producer, consumer = notes.client(), notes.client()
    notes.send(producer, 1, NONE, outcome=INFO)
    notes.send(producer, 2, 0)
    notes.poll(consumer, (0, 2), (1, 1))
    assert found(notes) == {"reordering": [1, 2]}


@pytest.mark.parametrize("subscribed", [False, True], ids=["assigned", "subscribed"])
def test_going_back_and_skipping(*, subscribed: bool) -> None:
    """Of its own partitions a consumer reads everything in order; of a group's it needn't."""
    for second, anomaly, values in ((0, "non-monotonic poll", [1]), (2, "poll skip", [2])):
        notes = Notes()
        producer, consumer = notes.client(), notes.client(subscribed=subscribed)
        other = notes.client()
        for value in (1, 2, 3):
            notes.send(producer, value, value - 1)
        notes.poll(other, (0, 1), (1, 2), (2, 3))
        notes.poll(consumer, (0, 1))
        notes.poll(consumer, (second, second + 1))
        assert found(notes) == ({} if subscribed else {anomaly: values})


def test_a_seek_may_lead_anywhere() -> None:
    """From there on it is contiguous again; whether the place is known or not."""
    for offset in (0, NONE):
        notes = Notes()
        producer, consumer = notes.client(), notes.client()
        for value in (1, 2, 3):
            notes.send(producer, value, value - 1)
        notes.poll(consumer, (0, 1), (1, 2), (2, 3))
        notes.note(Kind.POSITION, consumer, (offset, NONE))
        notes.poll(consumer, (0, 1))
        assert found(notes) == {}
    notes.note(Kind.POSITION, consumer, (0, NONE))
    notes.poll(consumer, (2, 3))
    assert found(notes) == {"poll skip": [1]}


def test_transactions() -> None:
    """What was aborted isn't read as committed, and nothing is before that was asked for."""
    notes = Notes()
    producer, reader, raw = notes.client(), notes.client(), notes.client(committed=False)
    notes.send(producer, 1, 0, transaction=7)
    notes.poll(raw, (0, 1))
    notes.note(Kind.ABORT, producer, transaction=7)
    assert found(notes) == {}
    notes.poll(reader, (0, 1))
    assert found(notes) == {"aborted read": [1]}
    notes = Notes()
    producer, reader = notes.client(), notes.client()
    notes.send(producer, 1, 0, transaction=7)
    notes.poll(reader, (0, 1))
    assert found(notes) == {"precommitted read": [1]}
    notes.note(Kind.COMMIT, producer, transaction=7)
    assert found(notes) == {"precommitted read": [1]}


def test_what_is_known_of_kafka_is_known_by_its_name() -> None:
    """KIP-890: a delayed request of a transaction that was aborted while the network was broken."""
    notes = Notes()
    producer, reader = notes.client(), notes.client()
    notes.send(producer, 1, NONE, transaction=7, outcome=INFO)
    notes.note(Kind.ABORT, producer, transaction=7)
    notes.poll(reader, (0, 1))
    assert judge(notes.history()).judgement == "invalid"
    notes.phases = (Phase("cut", 0, 10_000_000, progress=False, network=True),)
    verdict = judge(notes.history())
    assert verdict.judgement == "valid"
    assert [(each.anomaly, each.known) for each in verdict.findings] == [
        ("aborted read", "KIP-890")
    ]


def test_a_member_commits_forwards_within_its_generation() -> None:
    """In another generation it may begin anew."""
    notes = Notes()
    member = notes.client(subscribed=True, group="g")
    notes.send(notes.client(), 1, 0)
    notes.poll(member, (0, 1))
    notes.note(Kind.COMMIT_OFFSET, member, (5, NONE), generation=1)
    notes.note(Kind.COMMIT_OFFSET, member, (2, NONE), generation=2)
    assert found(notes) == {}
    notes.note(Kind.COMMIT_OFFSET, member, (1, NONE), generation=2)
    assert found(notes) == {"commit backwards": []}


def test_a_phantom_was_sent_by_nobody() -> None:
    """Somebody else's record, or a broken one."""
    notes = Notes()
    notes.send(notes.client(), 1, 0)
    notes.poll(notes.client(), (0, 1), (1, 99))
    assert found(notes) == {"phantom": [99]}


def test_too_little_is_unknown() -> None:
    """No final read to the watermark, too few acknowledged, too many of whom nobody knows."""
    notes = Notes(
        partitions=(Partition("t", 0, 0, 10, 9),),
        phases=(Phase("steady", 0, 10_000_000), Phase("cut", 0, 10_000_000, progress=False)),
    )
    producer, consumer = notes.client(), notes.client()
    notes.send(producer, 1, 0)
    notes.send(producer, 2, NONE, outcome=INFO)
    notes.poll(consumer, (0, 1))
    verdict = check(notes.history())
    assert verdict.judgement == "unknown"
    assert verdict.doubts == (
        "t-0: the final read came to 9, and the high watermark is 10",
        "steady: 1 records were acknowledged, at least 2000 should have been",
        "of 50% of the sends nobody knows whether they happened",
    )
    assert check(Notes().history()).doubts == ("nothing was sent",)


def test_an_anomaly_outweighs_a_doubt() -> None:
    """What is wrong is wrong, however little was seen."""
    notes = Notes(partitions=(Partition("t", 0, 0, 10, 9),))
    notes.send(notes.client(), 1, 0)
    notes.poll(notes.client(), (1, 99))
    verdict = check(notes.history())
    assert (verdict.judgement, bool(verdict.doubts)) == ("invalid", True)


def test_what_was_read_later_was_there_before() -> None:
    """Below the log's start a record may have been gone; not if somebody has read it afterwards."""
    for late in (False, True):
        notes = Notes(partitions=(Partition("t", 0, 2, 10, 10),))
        producer, consumer, other = notes.client(), notes.client(), notes.client()
        for value in range(3):
            notes.send(producer, value, value)
        if not late:
            notes.poll(other, (0, 0), (1, 1), (2, 2))
        notes.poll(consumer, (0, 0), (2, 2))
        if late:
            notes.poll(other, (0, 0), (1, 1), (2, 2))
        assert found(notes) == ({"poll skip": [1]} if late else {})


def test_an_early_read_proves_no_commit() -> None:
    """Of a transaction that nobody knows the end of; a read after it was asked for does."""
    notes = Notes()
    producer, reader = notes.client(), notes.client()
    notes.send(producer, 1, 0, transaction=7)
    notes.send(producer, 2, 1, transaction=7)
    notes.send(producer, 3, 2)
    notes.note(Kind.COMMIT, producer, outcome=INFO, transaction=7)
    notes.poll(reader, (2, 3))
    assert found(notes) == {}
    notes.poll(notes.client(), (0, 1))
    assert found(notes) == {"lost write": [2]}
