"""The history of a load: what its workers sent and what was read back, as the checker wants it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import cast
from zlib import crc32

import numpy as np
import pytest
from confluent_kafka import Message

from groundwork.checkers.delivery import check
from groundwork.checkers.history import COLUMNS, NONE, History, Kind
from groundwork.checkers.verdict import Verdict
from load.desk import HISTORY
from load.histories import history_of
from load.market import Market
from load.reader import NAMED, Read
from load.records import HEADER, seal, value_of
from load.result import Result
from load.settings import LoadSettings
from load.tally import Tally
from suites.support.stored import Stored

# Enough that each partition has hundreds of each worker.
MESSAGES, WORKERS, PARTITIONS = 600, 2, 3

MS_NS = 1_000_000


@cache
def market() -> Market:
    """What messages are of."""
    return LoadSettings.of({"bootstrap": "-", "topic": "t"}).market()


def stored(worker: int, number: int, partition: int, offset: int) -> Stored:
    """A worker's message, as it is read."""
    key, value = market().record(number)
    return Stored(partition, offset, (key, value), [(HEADER, seal(worker, number, key, value))])


@dataclass
class Load:
    """A load that was offered: everything that was sent is there, once, in order.

    Attributes:
        settings: Of it.
        tallies: Of its workers.
        logs: What is in each partition.
        lows: Where each partition begins.
    """

    settings: LoadSettings
    tallies: list[Tally] = field(default_factory=list)
    logs: dict[int, list[Stored]] = field(default_factory=dict)
    lows: dict[int, int] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)

    def send(self, worker: int, number: int, *, acknowledged: bool = True) -> Stored:
        """Send a message, which is appended; whoever waits may not be told."""
        key, _ = market().record(number)
        partition = crc32(key) % PARTITIONS
        found = stored(worker, number, partition, len(self.logs[partition]))
        self.logs[partition].append(found)
        if acknowledged:
            self.acknowledge(worker, number, found)
        return found

    def acknowledge(self, worker: int, number: int, found: Stored) -> None:
        """Tell whoever waits where a message is; with acks=0 nobody knows."""
        offset = NONE if self.settings.acks == "0" else found.at
        self.tallies[worker].sending(0)
        self.tallies[worker].answered(number, found.place, offset, 0, times_of(number))

    def read(self) -> Read:
        """Read all that is there, some of each partition at a time."""
        found = Read()
        longest = max(map(len, self.logs.values()), default=0)
        for begin in range(0, longest, 100):
            for log in self.logs.values():
                for each in log[begin : begin + 100]:
                    found.take(cast("Message", each))
        return found

    def history(self, read: Read | None = None, *, backwards: bool = False) -> History:
        """What a checker is told; workers may have told what they did in another order."""
        for tally in self.tallies:
            columns = dict(tally.columns())
            file = self.settings.folder / f"{HISTORY}-{tally.worker}.npz"
            np.savez(file, **columns)  # type: ignore[arg-type] # taken for its options
        results = [Result.of(each, 0, ()) for each in self.tallies]
        watermarks = {
            number: (
                self.lows.get(number, 0),
                self.marks.get(number, log[-1].at + 1 if log else self.lows.get(number, 0)),
            )
            for number, log in self.logs.items()
        }
        order = results[::-1] if backwards else results
        return history_of(self.settings, order, read or self.read(), watermarks)

    def judged(self) -> Verdict:
        """What the checker says of it."""
        return check(self.history())


def times_of(number: int) -> tuple[int, int]:
    """When a message was given to the client, and when its end was heard of."""
    return number * MS_NS, number * MS_NS + MS_NS // 2


def offered(folder: Path, *without: int, **more: object) -> Load:
    """A load of two workers who take turns; some messages of the first are left to the test."""
    given = {"bootstrap": "-", "topic": "t", "partitions": PARTITIONS, "workers": WORKERS}
    settings = LoadSettings.of({**given, "folder": folder, **more})
    tallies = [Tally(worker) for worker in range(WORKERS)]
    load = Load(settings, tallies, {number: [] for number in range(PARTITIONS)})
    for number in range(MESSAGES):
        for worker in range(WORKERS):
            if worker or number not in without:
                load.send(worker, number)
    return load


def anomalies(verdict: Verdict) -> set[str]:
    """Their names."""
    return {each.anomaly for each in verdict.findings}


def with_key_of(number: int) -> int:
    """The number of the next message with the same key."""
    key, _ = market().record(number)
    return next(n for n in range(number + 1, MESSAGES) if market().record(n)[0] == key)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"idempotent": False},
        {"acks": "1", "idempotent": False},
        {"acks": "0", "idempotent": False},
    ],
)
def test_a_complete_load_is_valid(tmp_path: Path, more: dict[str, object]) -> None:
    """All is there, once, in order, and the checker finds nothing and doubts nothing."""
    verdict = offered(tmp_path, **more).judged()
    assert (verdict.judgement, verdict.findings, verdict.doubts) == ("valid", (), ())


def test_a_history_has_every_operation_of_every_client(tmp_path: Path) -> None:
    """Numbered through, in their order; sends by worker, and the reader is one more client."""
    load = offered(tmp_path)
    for history in (load.history(), load.history(backwards=True)):
        assert {name: each.dtype for name, each in history.columns.items()} == COLUMNS
        assert np.all(np.diff(history.columns["op"]) > 0)
        assert len(history) == 2 * WORKERS * MESSAGES
        process, kind = history.columns["process"], history.columns["kind"]
        assert sorted(history.clients) == [0, 1, 2]
        for worker in range(WORKERS):
            own = (process == worker) & (kind == Kind.SEND)
            names = [value_of(worker, number) for number in range(MESSAGES)]
            assert history.columns["value"][own].tolist() == names
        assert np.all((process == WORKERS) == (kind == Kind.POLL))
        assert check(history).judgement == "valid"
        assert [(each.start, each.read_to) for each in history.partitions] == [
            (0, len(log)) for log in load.logs.values()
        ]


@pytest.mark.parametrize(
    ("more", "ordered", "idempotent", "acks_all"),
    [
        ({}, True, True, True),
        ({"idempotent": False}, False, False, True),
        ({"acks": "1", "idempotent": False}, False, False, False),
    ],
)
def test_clients_promise_what_they_were_told_to(
    tmp_path: Path, more: dict[str, object], *, ordered: bool, idempotent: bool, acks_all: bool
) -> None:
    """Nobody is held to order or to once who hasn't asked for it."""
    sender = offered(tmp_path, **more).history().clients[0]
    assert (sender.ordered, sender.idempotent, sender.acks_all) == (ordered, idempotent, acks_all)


@pytest.mark.parametrize("acks", ["all", "1"])
def test_what_was_acknowledged_and_isnt_read_is_lost(tmp_path: Path, acks: str) -> None:
    """One message in the middle of a partition; those behind it keep their places."""
    load = offered(tmp_path, acks=acks, idempotent=acks == "all")
    gone = load.logs[1].pop(50)
    verdict = load.judged()
    assert anomalies(verdict) == {"lost write"}
    (finding,) = verdict.findings
    assert finding.count == 1
    assert f"was acknowledged at t-1@{gone.at}, and nobody has read it" in finding.examples[0].text


def test_a_lost_end_of_a_partition_is_noticed(tmp_path: Path) -> None:
    """Whether the broker knows that there was something, or has forgotten it."""
    load = offered(tmp_path)
    length = len(load.logs[2])
    load.marks[2] = length
    load.logs[2].pop()
    verdict = load.judged()
    assert anomalies(verdict) == {"unseen"}
    assert f"t-2: the final read came to {length - 1}" in verdict.doubts[0]
    load.marks[2] = length - 1
    verdict = load.judged()
    assert anomalies(verdict) == {"lost tail"}
    assert verdict.doubts == ()


def test_a_partition_of_which_nothing_is_read_is_noticed(tmp_path: Path) -> None:
    """Although there is no last message to compare with."""
    load = offered(tmp_path)
    load.marks[0], load.logs[0] = len(load.logs[0]), []
    verdict = load.judged()
    assert anomalies(verdict) == {"unseen"}
    assert "t-0: the final read came to 0" in verdict.doubts[0]


def test_what_is_there_twice_is_found_where_once_was_promised(tmp_path: Path) -> None:
    """A client that isn't idempotent has promised nothing."""
    for idempotent in (True, False):
        load = offered(tmp_path, idempotent=idempotent)
        again = load.logs[1][7]
        load.logs[1].append(replace(again, at=len(load.logs[1])))
        verdict = load.judged()
        assert anomalies(verdict) == ({"duplicate"} if idempotent else set())
        if idempotent:
            assert f"is at t-1@7 and at t-1@{load.logs[1][-1].at}" in (
                verdict.findings[0].examples[0].text
            )


def test_another_order_is_found_where_order_was_promised(tmp_path: Path) -> None:
    """Two of a key were appended the other way round, and so they were acknowledged."""
    one = 100
    other = with_key_of(one)
    for idempotent in (True, False):
        load = offered(tmp_path, one, other, idempotent=idempotent)
        load.send(0, other)
        load.send(0, one)
        for number in range(MESSAGES, MESSAGES + 5):
            load.send(0, number)
        found = anomalies(load.judged())
        assert found == ({"reordering", "non-monotonic send"} if idempotent else set())


def test_another_order_than_was_acknowledged_is_found(tmp_path: Path) -> None:
    """Two have changed places: also where no order was promised, a place has one message."""
    load = offered(tmp_path, idempotent=False)
    log = load.logs[0]
    log[3], log[4] = replace(log[4], at=3), replace(log[3], at=4)
    assert "inconsistent offsets" in anomalies(load.judged())


def test_what_nobody_has_sent_is_a_phantom(tmp_path: Path) -> None:
    """A message of ours by its header, of a number that was dropped, or never came."""
    load = offered(tmp_path)
    load.tallies[0].sending(0, dropped=True)
    load.logs[1].append(stored(0, MESSAGES, 1, len(load.logs[1])))
    verdict = load.judged()
    assert anomalies(verdict) == {"phantom"}
    assert verdict.findings[0].values.tolist() == [value_of(0, MESSAGES)]


def test_what_nobody_knows_of_may_be_there_or_not(tmp_path: Path) -> None:
    """It timed out: neither is wrong. What certainly failed must not be there."""
    load = offered(tmp_path, 10, 20, 30)
    for number in (10, 20):
        load.tallies[0].sending(0)
        load.tallies[0].lost(number, 0, times_of(number), never=False)
    partition = crc32(market().record(20)[0]) % PARTITIONS
    read = load.read()
    load.tallies[0].sending(0)
    load.tallies[0].lost(30, 0, times_of(30), never=True)
    assert check(load.history(read)).judgement == "valid"
    # As the last of its partition: with an order that was promised only where nobody comes after.
    unordered = replace(load, settings=load.settings.model_copy(update={"idempotent": False}))
    log = unordered.logs[partition]
    log.append(stored(0, 20, partition, len(log)))
    assert unordered.judged().judgement == "valid"
    log.append(stored(0, 30, partition, len(log)))
    assert anomalies(unordered.judged()) == {"aborted read"}


def test_too_many_of_which_nobody_knows_are_doubted(tmp_path: Path) -> None:
    """Where a broker was away for most of a load anything may be legal."""
    load = offered(tmp_path)
    for number in range(MESSAGES, 3 * MESSAGES):
        load.tallies[1].sending(0)
        load.tallies[1].lost(number, 0, times_of(number), never=False)
    verdict = load.judged()
    assert (verdict.judgement, verdict.findings) == ("unknown", ())
    assert "50% of the sends nobody knows" in verdict.doubts[0]


def test_what_isnt_what_was_sent_is_named(tmp_path: Path) -> None:
    """By its place and by what it was; it doesn't count as read, so it is lost, too."""
    load = offered(tmp_path)
    found = load.logs[1][17]
    key, value = found.body
    assert value is not None
    load.logs[1][17] = replace(found, body=(key, value[:-1] + b"!"))
    read = load.read()
    assert read.corrupt_count == 1
    (said,) = read.corrupt
    assert said.startswith("t-1@17: message ")
    assert said.endswith("isn't what was sent")
    assert len(read.value) == len(read.offset) == len(read.partition) == len(read.at_ns)
    assert anomalies(check(load.history(read))) == {"lost write"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (None, "it has no header of ours"),
        ([], "it has no header of ours"),
        ([("other", b"x")], "it has no header of ours"),
        ([(HEADER, None)], "it has no header of ours"),
        ([(HEADER, b"short")], "no header of ours: b'short'"),
    ],
)
def test_somebody_elses_message_is_named(
    headers: list[tuple[str, bytes | None]] | None, said: str
) -> None:
    """It is on a topic that was ours alone."""
    read = Read()
    read.take(cast("Message", Stored(2, 9, (None, None), headers)))
    assert (read.corrupt, read.corrupt_count) == ([f"t-2@9: {said}"], 1)
    assert len(read.value) == 0


def test_our_header_is_found_among_others() -> None:
    """Who traces messages adds some."""
    found = stored(1, 5, 0, 3)
    assert found.header is not None
    read = Read()
    read.take(cast("Message", replace(found, header=[("traceparent", b"0"), *found.header])))
    assert read.value.tolist() == [value_of(1, 5)]


def test_all_that_is_wrong_is_counted_and_the_first_are_named() -> None:
    """As many as people look at."""
    read = Read()
    for at in range(100):
        read.take(cast("Message", Stored(0, at, (b"k", b"v"), None)))
    assert read.corrupt_count == 100
    assert [each.split(":")[0] for each in read.corrupt] == [f"t-0@{at}" for at in range(NAMED)]


def test_a_corrupt_last_message_was_read_to_all_the_same(tmp_path: Path) -> None:
    """The reader has come as far as there is; it is lost, but nobody need doubt the reading."""
    load = offered(tmp_path)
    last = load.logs[1][-1]
    load.logs[1][-1] = replace(last, body=(b"other", last.body[1]))
    verdict = load.judged()
    assert verdict.findings
    assert verdict.doubts == ()


def test_what_went_by_itself_isnt_missed(tmp_path: Path) -> None:
    """A partition that begins later by now: retention took what was before."""
    load = offered(tmp_path)
    load.lows[0] = 40
    del load.logs[0][:40]
    history = load.history()
    assert history.partitions[0].start == 40
    assert check(history).judgement == "valid"


def test_a_load_of_nothing_says_nothing(tmp_path: Path) -> None:
    """No message was sent and none is there: that is no proof of anything."""
    load = offered(tmp_path, *range(MESSAGES))
    load.tallies[1] = Tally(1)
    load.logs = {number: [] for number in range(PARTITIONS)}
    verdict = load.judged()
    assert (verdict.judgement, verdict.doubts) == ("unknown", ("nothing was sent",))
