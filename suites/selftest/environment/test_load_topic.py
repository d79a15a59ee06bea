"""Topics of loads: what follows from one that exists, and what is said of what others do there."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Message

from fixtures.declared.topics import load_topics
from fixtures.jobs import LoadArguments
from groundwork.base.errors import UsageError
from groundwork.checkers.delivery import check
from groundwork.checkers.history import Partition
from load.histories import partitions_of
from load.market import TOPICS
from load.reader import Read
from load.records import HEADER, seal
from load.settings import OWN, LoadSettings, helped
from load.topic import LoadTopic, told_by
from suites.support.histories import Notes
from suites.support.stored import Stored

KNOWN = {each.name: each.partitions for each in load_topics()}

TRADES = "market-data.trades"

RUN = 7


def refused(**given: object) -> str:
    """What is said of what can't be."""
    with pytest.raises(UsageError) as caught:
        told_by(given, KNOWN)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


def existing(name: str, **more: object) -> LoadSettings:
    """A load into a declared topic."""
    asked: dict[str, object] = {"topic": name, **more}
    return LoadSettings.of({"bootstrap": "-", **told_by(asked, KNOWN)})


def test_without_a_topic_nothing_follows() -> None:
    """What is asked for stays as it is; nobody need know any topics."""
    assert told_by({"rate_per_s": "5"}, {}) == {"rate_per_s": "5"}


@pytest.mark.parametrize("name", KNOWN)
def test_each_declared_topic_has_its_partitions_and_its_records(name: str) -> None:
    """Records of the kind that it carries, as long as they come: there is such a market."""
    settings = existing(name)
    settings.expect_possible()
    assert settings.existing
    assert (settings.topic, settings.partitions) == (name, KNOWN[name])
    assert (settings.records, settings.size_bytes) == (TOPICS[name], 0)


def test_what_is_asked_for_is_kept() -> None:
    """Whoever wants orders among trades gets them."""
    settings = existing(TRADES, records="order", rate_per_s="7")
    assert (settings.records, settings.size_bytes, settings.rate_per_s) == ("order", 100, 7)
    assert existing(TRADES, size_bytes="300").size_bytes == 300


def test_a_topic_of_somebody_elses_kind_is_one_all_the_same() -> None:
    """What it carries isn't known: records are as in any load."""
    given = told_by({"topic": "theirs"}, {"theirs": 2})
    assert given == {"topic": "theirs", "partitions": 2, "existing": True}


def test_a_topic_that_isnt_there_is_refused_with_those_that_are() -> None:
    """In their order, for people."""
    said = refused(topic="trades")
    there = ", ".join(sorted(KNOWN))
    assert said == f"topic trades: there is none of that name; there are: {there}"
    with pytest.raises(UsageError, match=r"there are: none$"):
        told_by({"topic": "trades"}, {})


def test_what_a_topic_has_cant_be_asked_for() -> None:
    """Its partitions are what they are, also where they are as many; the service has its own."""
    for many in ("6", "4"):
        said = refused(topic=TRADES, partitions=many)
        assert said == f"partitions: topic {TRADES} has 6, and keeps them; ask for none"
    for operation in ("get", "round-trip"):
        said = refused(topic=TRADES, operation=operation)
        assert said == f"topic {TRADES}: {operation} asks the service, which has its own"


def test_partitions_of_a_topic_are_shared_as_any() -> None:
    """Who reads needs one of each worker's own."""
    existing(TRADES, operation="end-to-end", workers="6").expect_possible()
    with pytest.raises(UsageError, match=r"^workers: 7 are too many for 6 partitions"):
        existing(TRADES, operation="end-to-end", workers="7").expect_possible()


def test_a_job_is_told_any_name_that_a_topic_may_have() -> None:
    """Letters, digits, and three signs; no word of a command line else."""
    for name in (*KNOWN, "a_b.c-D9"):
        assert LoadArguments(options=(f"topic={name}",)).options == (f"topic={name}",)
    for name in ("a b", "a=b", "a;b", ""):
        with pytest.raises(ValueError, match="String should match pattern"):
            LoadArguments(options=(f"topic={name}",))


def test_a_topic_may_be_asked_for_and_its_mark_may_not() -> None:
    """What follows from it nobody says; what is told of each option is a sentence."""
    assert "topic" not in OWN
    assert {"existing", "begins", "run"} <= OWN
    assert helped("topic") == "one that exists; default: one of the load's own"
    assert helped("workers") == "default: 1"


# --- what is said of it afterwards


def topic(*, compacted: bool = False) -> LoadTopic:
    """One in which 100 and 200 records had been."""
    settings = existing("signals.generated").model_copy(update={"begins": {0: 100, 1: 200, 2: 0}})
    return LoadTopic(settings, compacted)


def test_what_others_wrote_is_told() -> None:
    """Also that they wrote nothing."""
    marks = {0: (100, 150), 1: (200, 200), 2: (0, 9)}
    for others in (0, 12):
        said = f"{others} records of others came to signals.generated meanwhile"
        assert list(topic().notes(marks, others)) == [said]


def test_what_went_by_its_policy_is_told() -> None:
    """How much by retention; that nobody can say it, where older records of a key go."""
    marks = {0: (130, 150), 1: (200, 200), 2: (5, 9)}
    assert list(topic(compacted=True).notes(marks, 0))[1:] == [
        "35 records were gone by its retention already; nothing is said of them",
        "it is compacted: whether an older record of a key is there still isn't looked at",
    ]


def test_of_a_topic_of_its_own_there_is_nothing_to_say() -> None:
    """Nobody else writes there, and nothing goes."""
    own = LoadTopic(LoadSettings.of({"bootstrap": "-", "topic": "t"}))
    assert list(own.notes({0: (0, 10)}, 0)) == []


def test_where_older_records_go_none_is_missed() -> None:
    """The same history, of a topic that keeps all, is one of a loss."""
    settings = existing("orders.filled")
    for compacted, found in ((True, set()), (False, {"lost write"})):
        partitions = partitions_of(settings, {0: (0, 10)}, {0: 10}, compacted)
        assert partitions == (Partition("orders.filled", 0, 0, 10, 10, compacted),)
        notes = Notes(partitions=partitions)
        producer, consumer = notes.client(), notes.client()
        for value in range(10):
            notes.send(producer, value, value)
        notes.poll(consumer, *((value, value) for value in range(10) if value != 4))
        assert {each.anomaly for each in check(notes.history()).findings} == found


# --- what is read among what others wrote


def message(at: int, header: bytes | None) -> Message:
    """A message with this header of ours, or with none."""
    headers = [] if header is None else [(HEADER, header)]
    return cast("Message", Stored(0, at, (b"k", b"v"), headers))


def test_what_others_wrote_is_counted_and_nothing_of_it_is_corrupt() -> None:
    """Without a header, with somebody's of that name, of another run; ours is read."""
    read = Read(run=RUN, shared=True)
    foreign = (None, b"somebody's", seal(0, 1, b"k", b"v", RUN + 1))
    for at, header in enumerate((*foreign, seal(2, 5, b"k", b"v", RUN))):
        read.take(message(at, header))
    assert (read.foreign_count, read.corrupt_count, len(read.value)) == (3, 0, 1)
    assert read.offset.tolist() == [3]
    assert read.ends == {0: 4}


def test_what_is_ours_and_isnt_whole_is_corrupt_there_too() -> None:
    """Nobody else marks records as this run does."""
    read = Read(run=RUN, shared=True)
    read.take(message(9, seal(2, 5, b"k", b"other", RUN)))
    assert (read.foreign_count, read.corrupt_count) == (0, 1)
    assert read.corrupt[0].endswith("message 5 of worker 2 isn't what was sent")


def test_on_a_topic_of_our_own_nobody_else_writes() -> None:
    """Whatever isn't ours is told."""
    read = Read(run=RUN)
    read.take(message(0, seal(2, 5, b"k", b"v", RUN + 1)))
    read.take(message(1, None))
    assert (read.foreign_count, read.corrupt_count) == (0, 2)
    assert "message 5 of worker 2 is of another run" in read.corrupt[0]


def test_a_partition_is_read_to_where_it_ends() -> None:
    """Behind the last message the end of somebody's transaction may be; no message goes back."""
    read = Read(run=RUN, shared=True)
    read.come_to(0, 12)
    read.take(message(3, None))
    assert read.ends == {0: 12}
