"""Suspects: whom the signs of a slow load speak of."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from load.suspects import Busy, Signs, lines_of, suspect_of
from load.vitals import NOTHING, Vital, Vitals

WELL = Signs(
    late_share=0.0,
    lateness_ms_p99=0.2,
    latency_ms_p99=9.0,
    objective_ms=50.0,
    generator=Busy(0.2, 0.01),
    client=Busy(0.1),
    broker=Busy(0.3, 0.02),
    batch_records=80.0,
    rtt_ms=2.0,
)
SLOW = replace(WELL, latency_ms_p99=400.0)


@pytest.mark.parametrize(
    ("signs", "who", "why"),
    [
        (WELL, "nobody", "within 9.0 ms"),
        (replace(SLOW, late_share=0.9, generator=Busy(0.98)), "generator", "can't do more"),
        (replace(SLOW, late_share=0.5, generator=Busy(0.1, 0.8)), "generator", "waited for 0.80"),
        (replace(SLOW, late_share=0.5), "generator", "it had 0.20 of a processor"),
        (replace(SLOW, broker=Busy(0.1, 1.5)), "broker", "waited for 1.50 processors"),
        (replace(SLOW, broker=Busy(0.1, 1.5), late_share=0.9), "broker", "waited for 1.50"),
        (replace(WELL, late_share=0.5), "generator", "it had 0.20 of a processor"),
        (replace(SLOW, broker=Busy(1.6, 0.2)), "broker", "had 1.60 processors, and used them"),
        (replace(SLOW, rtt_ms=200.0), "way", "an answer takes 200 ms"),
        (replace(SLOW, batch_records=1.0, broker=Busy(1.2, 0.9)), "client", "1.0 records at once"),
        (replace(SLOW, unanswered=7, disk_free_share=0.0), "disk", "full, and nobody"),
        (replace(SLOW, disk_free_share=0.0, late_share=0.9), "disk", "0 never were"),
        (replace(WELL, disk_free_share=0.0), "nobody", "within 9.0 ms"),
        (replace(SLOW, disk_free_share=0.1), "unknown", "none of these signs"),
        (replace(WELL, unanswered=1, disk_free_share=0.4), "unknown", "none of these signs"),
    ],
)
def test_one_is_named(signs: Signs, who: str, why: str) -> None:
    """With the sign that speaks of it."""
    found, said = suspect_of(signs)
    assert found == who
    assert why in said


def test_a_busy_neighbour_is_no_excuse_for_a_broker_that_has_all_it_needs() -> None:
    """Who waits a little, beside what it had, is not starved."""
    assert not Busy(1.9, 0.3).starved
    assert Busy(0.5, 0.3).starved
    assert not Busy(0.1, 0.2).starved


def test_a_table_has_a_row_for_each_suspect() -> None:
    """And says at its end who it is."""
    *_, way, disk, last = lines_of(replace(SLOW, rtt_ms=200.0))
    assert way == "| way | | | 200.0 ms until an answer |"
    assert disk == "| disk | | | not looked at |"
    assert last.startswith("it is the way: ")


def window(total: float, count: int) -> dict[str, float]:
    """What librdkafka tells of many values."""
    return {"sum": total, "cnt": count, "avg": 0}


def test_what_a_client_tells_is_of_all_its_topics_and_brokers() -> None:
    """Each counts as often as it was measured; where nothing was sent there is nothing."""
    vitals = Vitals()
    assert vitals.last == NOTHING
    told = {
        "topics": {"a": {"batchcnt": window(90, 9)}, "b": {"batchcnt": window(10, 1)}},
        "brokers": {"1": {"rtt": window(6_000, 3)}, "2": {"rtt": window(0, 0)}},
    }
    vitals.hear(json.dumps(told))
    assert vitals.last == Vital(batch_records=10, rtt_ms=2)
    vitals.hear(json.dumps({"topics": {}, "brokers": {}}))
    assert vitals.last == NOTHING
