"""The recorder: operations as they were begun and ended, and what a record says of itself."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.pace import Pace
from chaos.recorder import Recorder
from chaos.records import SIZE_BYTES, payload, value_of
from groundwork.checkers.history import NONE, Client, Kind, Outcome, Partition

PARTITIONS = (Partition("t", 0, 0, 3, 3),)


@given(st.integers(0, 2**63 - 1))
def test_a_record_says_which_one_it_is(value: int) -> None:
    """As long as nobody has changed it."""
    data = payload(value)
    assert len(data) == SIZE_BYTES
    assert value_of(data) == value
    for broken in (data[:-1], data[:-1] + b"x", b"", None):
        with pytest.raises(ValueError, match="no record of ours"):
            value_of(broken)


def test_what_ends_late_is_told_in_the_order_of_beginning() -> None:
    """Two sends under way, the second ends first; a poll that returned nothing isn't there."""
    recorder = Recorder()
    producer, consumer = recorder.client(Client("p")), recorder.client(Client("c"))
    first, second = recorder.send(producer, 0, 4), recorder.send(producer, 0)
    empty, full = recorder.begin(consumer), recorder.begin(consumer)
    recorder.sent(second, Outcome.OK, 1)
    recorder.end(empty, Kind.POLL, Outcome.OK, [])
    recorder.end(full, Kind.POLL, Outcome.OK, [(0, 1, 1), (0, 2, 12)])
    assert recorder.acknowledged() == 1
    recorder.sent(first, Outcome.INFO)
    columns = recorder.history(PARTITIONS).columns
    assert columns["value"].tolist() == [0, 1, 1, 12]
    assert columns["op"].tolist() == [first.op, second.op, full.op, full.op]
    assert columns["offset"].tolist() == [NONE, 1, 1, 2]
    assert columns["transaction"].tolist() == [4, NONE, NONE, NONE]
    assert columns["process"].tolist() == [producer, producer, consumer, consumer]
    assert all(columns["complete_ns"] >= columns["invoke_ns"])


def test_what_nobody_tells_of_is_unknown() -> None:
    """Its producer was given up: the record is there, or comes later, and nobody is to blame."""
    recorder = Recorder()
    process = recorder.client(Client("p"))
    told, untold = recorder.send(process, 0), recorder.send(process, 2, 7)
    recorder.sent(told, Outcome.OK, 5)
    assert recorder.acknowledged() == 1
    columns = recorder.history(PARTITIONS).columns
    assert columns["op"].tolist() == [told.op, untold.op]
    assert columns["kind"].tolist() == [Kind.SEND, Kind.SEND]
    assert columns["outcome"].tolist() == [Outcome.OK, Outcome.INFO]
    assert columns["value"].tolist() == [told.value, untold.value]
    assert columns["partition"].tolist() == [0, 2]
    assert columns["transaction"].tolist() == [NONE, 7]
    assert len(recorder.history(PARTITIONS)) == 2


def test_many_threads_write_at_once() -> None:
    """Nothing is lost, and no operation has the number of another."""
    recorder = Recorder()

    def work() -> None:
        process = recorder.client(Client("p"))
        for _ in range(500):
            recorder.sent(recorder.send(process, 0), Outcome.OK)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = recorder.history(PARTITIONS)
    assert len(history) == 2_000
    for name in ("op", "value"):
        assert len(set(history.columns[name].tolist())) == 2_000
    assert sorted(history.clients) == [0, 1, 2, 3]


def test_a_pace_is_kept_by_whoever_was_late() -> None:
    """What was missed is made up for at once; nothing comes after the end."""
    stop = threading.Event()
    pace = Pace(1_000_000, stop)
    assert [pace.next() for _ in range(1_000)] == [True] * 1_000
    stop.set()
    assert not pace.next()


def test_a_pace_that_lets_go_is_no_faster_after_a_halt() -> None:
    """What was missed isn't made up for: one is due at once, the next in its time."""
    stop = threading.Event()
    pace = Pace(10, stop, catches_up=False)
    assert pace.next()
    stop.wait(0.35)
    began_s = time.monotonic()
    assert [pace.next() for _ in range(4)] == [True] * 4
    assert time.monotonic() - began_s >= 0.3 - 0.01
