"""Recovery: from a fault's landing to the first acknowledgement, and to seconds like before."""

from __future__ import annotations

import pytest

from groundwork.checkers.history import (
    COLUMNS,
    NONE,
    SECOND_NS,
    Client,
    History,
    Kind,
    Outcome,
    Partition,
    Phase,
)
from groundwork.checkers.recovery import recovery_of
from suites.support.histories import Notes

MS_NS = 1_000_000

BASELINE = Phase("steady", 0, 10 * SECOND_NS)
FAULT = Phase("fault", 10 * SECOND_NS, 15 * SECOND_NS)

PARTITIONS = tuple(Partition("t", number, 0, 9, 9) for number in range(2))


def sent(at_s: float, took_ms: float, outcome: Outcome = Outcome.OK) -> list[tuple[int, ...]]:
    """A record to each of two partitions, sent at a moment."""
    begin_ns = round(at_s * SECOND_NS)
    end_ns = begin_ns + round(took_ms * MS_NS)
    tail = (NONE, NONE, begin_ns, end_ns)
    return [(0, Kind.SEND, outcome, 0, n, NONE, n, *tail) for n in range(2)]


def history(rows: list[tuple[int, ...]]) -> History:
    """What was sent."""
    notes = Notes(rows=list(rows))
    assert len(COLUMNS) == len(rows[0])
    return History(notes.history().columns, {0: Client("p")}, PARTITIONS)


def steadily(first: int, last: int, took_ms: float = 10.0) -> list[tuple[int, ...]]:
    """Ten records a second, from one second to another."""
    return [row for tenth in range(first * 10, last * 10) for row in sent(tenth / 10, took_ms)]


def test_an_interruption_is_measured_from_the_landing() -> None:
    """What is sent then and acknowledged late; five seconds like before, where they begin."""
    rows = [*steadily(0, 10), *sent(10.5, 6_500), *sent(12, 5_000), *steadily(17, 30)]
    found = recovery_of(history(rows), BASELINE, FAULT.begin_ns)
    assert found is not None
    assert found.baseline_ms_p99 == pytest.approx(10)
    assert found.limit_ms_p99 == 50
    assert found.first_s == pytest.approx(7.0)
    assert found.steady_s == 7


def test_a_partition_that_never_gets_on_has_not_recovered() -> None:
    """However well the other one is."""
    rows = [*steadily(0, 10), *[row for row in steadily(10, 20) if row[4] == 0]]
    found = recovery_of(history(rows), BASELINE, FAULT.begin_ns)
    assert found is not None
    assert (found.first_s, found.steady_s) == (None, None)


@pytest.mark.parametrize(
    "spoilt",
    [sent(20.5, 400), sent(20.5, 10, Outcome.INFO)],
    ids=["a slow one", "one of which nobody knows"],
)
def test_five_seconds_in_a_row(spoilt: list[tuple[int, ...]]) -> None:
    """One that isn't like before begins the count anew."""
    rows = [*steadily(0, 10), *steadily(18, 20), *steadily(20, 40)]
    calm = recovery_of(history(rows), BASELINE, FAULT.begin_ns)
    assert calm is not None
    assert calm.steady_s == 8
    worse = recovery_of(history([*rows, *spoilt]), BASELINE, FAULT.begin_ns)
    assert worse is not None
    assert worse.steady_s == 11


def test_what_is_sent_in_transactions_is_not_offered() -> None:
    """It waits for what was sent before: fewer of it is no smaller rate; slower is slower."""

    def transacted(first: int, last: int, took_ms: float) -> list[tuple[int, ...]]:
        return [(*row[:7], 1, *row[8:]) for row in steadily(first, last, took_ms)]

    calm = [*steadily(0, 40), *transacted(0, 10, 10.0), *transacted(10, 40, 10.0)[::4]]
    found = recovery_of(history(calm), BASELINE, FAULT.begin_ns)
    assert found is not None
    assert found.steady_s == 0
    slow = [*steadily(0, 40), *transacted(0, 10, 10.0), *transacted(10, 40, 400.0)]
    worse = recovery_of(history(slow), BASELINE, FAULT.begin_ns)
    assert worse is not None
    assert worse.steady_s is None


def test_less_than_before_is_not_like_before() -> None:
    """Half of the rate; and without a baseline there is nothing to say."""
    rows = [*steadily(0, 10), *steadily(10, 30)[::4]]
    found = recovery_of(history(rows), BASELINE, FAULT.begin_ns)
    assert found is not None
    assert found.steady_s is None
    assert recovery_of(history(steadily(10, 30)), BASELINE, FAULT.begin_ns) is None
