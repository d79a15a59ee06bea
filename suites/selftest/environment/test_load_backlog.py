"""Backlogs of loads that read: how much is written, what is asked for, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer

from groundwork.base.errors import UsageError
from groundwork.checkers.delivery import check
from groundwork.checkers.history import COLUMNS, NONE, History, Kind
from groundwork.checkers.verdict import Verdict
from load.backlog import count_of
from load.consume_sender import in_portions, portion_of
from load.desk import HISTORY
from load.end_to_end_sender import at_once
from load.histories import history_of_reading
from load.records import value_of
from load.result import Result
from load.settings import LoadSettings
from load.tally import Tally

GIVEN = {"bootstrap": "127.0.0.1:1", "topic": "t", "operation": "consume"}

# Two workers with a partition each, and so many records.
WORKERS, RECORDS = 2, 300

MS_NS = 1_000_000


def settings(**more: object) -> LoadSettings:
    """Those of a load that reads."""
    return LoadSettings.of({**GIVEN, **more})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"workers": 3, "rate_per_s": 333.3, "duration_s": 7, "warm_up_s": 0.7},
        {"arrivals": "poisson", "workers": 4, "seed": 3},
        {"arrivals": "ramp", "to_rate_per_s": 5_000, "workers": 2},
        {"arrivals": "burst", "burst": 700, "rate_per_s": 900, "workers": 2},
    ],
)
def test_as_many_are_written_as_will_be_read(more: dict[str, object]) -> None:
    """Of each worker, as many as are due in its chunks; of all together, of the whole schedule."""
    own = settings(**more)
    counts = [count_of(own, worker) for worker in range(own.workers)]
    assert sum(counts) == own.warming().count + own.schedule().count
    for worker, count in enumerate(counts):
        parts = [each.split(worker, own.workers) for each in (own.warming(), own.schedule())]
        due = sum(len(part.chunk(n)) for part in parts for n in range(part.chunks))
        assert count == due


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"rate_per_s": 0.1},
        {"rate_per_s": 1_000_000, "size_bytes": 0, "partitions": 1},
        {"size_bytes": 999_000, "rate_per_s": 1_000},
        {"arrivals": "ramp", "rate_per_s": 0, "to_rate_per_s": 9_000, "workers": 3},
    ],
)
def test_clients_take_what_readers_are_told(more: dict[str, object]) -> None:
    """The library itself knows each name, and takes each value; nobody answers it."""
    own = settings(**more)
    for worker in range(own.workers):
        Consumer(in_portions(own, worker)).close()
        assert portion_of(own, worker) >= own.size_bytes
    Consumer(at_once(own.bootstrap)).close()


def test_a_reader_reads_ahead_what_is_due_in_a_tenth_of_a_second() -> None:
    """Its share, at the highest rate; of a partition, what is that many's."""
    one = in_portions(settings(rate_per_s=50_000), 0)
    assert one["queued.min.messages"] == 5_000
    assert one["fetch.message.max.bytes"] == 5_000 * 160 // 4
    two = in_portions(settings(rate_per_s=50_000, workers=2), 1)
    assert two["queued.min.messages"] == 2_500
    assert two["fetch.message.max.bytes"] == one["fetch.message.max.bytes"]
    ramp = settings(arrivals="ramp", rate_per_s=10, to_rate_per_s=50_000)
    assert in_portions(ramp, 0) == one


@pytest.mark.parametrize("more", [{"acks": "1"}, {"acks": "0"}, {"idempotent": False}])
def test_what_is_read_is_written_in_order(more: dict[str, object]) -> None:
    """Else a reader that finds it out of order couldn't say whose fault that is."""
    settings().expect_possible()
    with pytest.raises(UsageError, match=r"^acks, idempotent: consume only reads"):
        settings(**more).expect_possible()


@dataclass
class Reading:
    """A load that reads: everything was written and read, once, in order.

    Attributes:
        folder: Where workers write down what they have read.
        reads: What each has read, by number, in its order; NONE is what didn't come.
        others: What others have written behind it to each partition.
    """

    folder: Path
    reads: list[list[int]] = field(
        default_factory=lambda: [list(range(RECORDS)) for _ in range(WORKERS)]
    )
    others: int = 0

    def history(self) -> History:
        """What a checker is told: each worker's records begin at offset 100 of its partition."""
        filled = [Tally(worker) for worker in range(WORKERS)]
        for tally in filled:
            for number in range(RECORDS):
                times_ns = number * MS_NS, (number + 1) * MS_NS
                tally.sending(0)
                tally.answered(number, tally.worker, 100 + number, 0, times_ns)
        results = []
        for worker, numbers in enumerate(self.reads):
            tally = Tally(worker, kind=Kind.POLL)
            for at, number in enumerate(numbers):
                times_ns = (RECORDS + at) * MS_NS, (RECORDS + at + 1) * MS_NS
                tally.sending(0)
                if number == NONE:
                    tally.lost(at, NONE, times_ns, never=False)
                else:
                    tally.answered(number, worker, 100 + number, 0, times_ns)
            columns = dict(tally.columns())
            np.savez(self.folder / f"{HISTORY}-{worker}.npz", **columns)  # type: ignore[arg-type] # taken for its options
            tally.account().expect_balanced()
            results.append(Result.of(tally, 0, ()))
        watermarks = dict.fromkeys(range(WORKERS), (100, 100 + RECORDS + self.others))
        own = settings(partitions=WORKERS, workers=WORKERS, folder=self.folder)
        return history_of_reading(own, results, filled, watermarks)

    def judged(self) -> Verdict:
        """What the checker says of it."""
        return check(self.history())


def anomalies(verdict: Verdict) -> set[str]:
    """Their names."""
    return {each.anomaly for each in verdict.findings}


@pytest.mark.parametrize("others", [0, 50])
def test_a_backlog_that_was_read_is_valid(tmp_path: Path, others: int) -> None:
    """Whatever others have written behind it: nobody has looked for that."""
    verdict = Reading(tmp_path, others=others).judged()
    assert (verdict.judgement, verdict.findings, verdict.doubts) == ("valid", (), ())


def test_its_history_has_who_wrote_and_who_read(tmp_path: Path) -> None:
    """Numbered through; each reader is another client than who has written for it."""
    history = Reading(tmp_path).history()
    assert {name: each.dtype for name, each in history.columns.items()} == COLUMNS
    assert np.all(np.diff(history.columns["op"]) > 0)
    assert sorted(history.clients) == [0, 1, 2, 3]
    process, kind = history.columns["process"], history.columns["kind"]
    assert np.all((process >= WORKERS) == (kind == Kind.POLL))
    names = [value_of(1, number) for number in range(RECORDS)]
    assert history.columns["value"][process == WORKERS + 1].tolist() == names
    assert [(each.start, each.read_to) for each in history.partitions] == [(100, 400)] * 2


def test_a_record_that_is_passed_over_is_lost(tmp_path: Path) -> None:
    """Of one worker, in the middle; the rest came as it was written."""
    reading = Reading(tmp_path)
    reading.reads[1][50] = NONE
    verdict = reading.judged()
    assert anomalies(verdict) == {"lost write"}
    assert verdict.findings[0].values.tolist() == [value_of(1, 50)]


def test_a_record_that_is_read_twice_or_too_late_is_found(tmp_path: Path) -> None:
    """A reader that was given its partitions doesn't go back by itself."""
    reading = Reading(tmp_path)
    reading.reads[0][7] = 6
    assert anomalies(reading.judged()) == {"lost write", "non-monotonic poll"}
    reading.reads[0][7], reading.reads[0][8] = 8, 7
    assert anomalies(reading.judged()) == {"non-monotonic poll", "poll skip"}


@pytest.mark.parametrize("others", [0, 50])
def test_a_reader_that_doesnt_come_to_the_end_is_told(tmp_path: Path, others: int) -> None:
    """What is missing is told, and how far it came: the broker may have kept it all."""
    reading = Reading(tmp_path, others=others)
    reading.reads[0][-10:] = [NONE] * 10
    verdict = reading.judged()
    assert anomalies(verdict) == {"unseen"}
    assert f"t-0: the final read came to {90 + RECORDS}" in verdict.doubts[0]


def test_a_worker_that_has_read_nothing_is_told(tmp_path: Path) -> None:
    """There is no last record to compare with."""
    reading = Reading(tmp_path)
    reading.reads[1] = [NONE] * RECORDS
    verdict = reading.judged()
    assert anomalies(verdict) == {"unseen"}
    assert verdict.doubts == ("t-1: the final read came to 100, and the high watermark is 400",)
