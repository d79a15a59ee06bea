"""Outages: what a fault has cost, against an objective; and what says too little about it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.checkers.delivery import check
from groundwork.checkers.history import (
    NONE,
    SECOND_NS,
    Client,
    History,
    Kind,
    Outcome,
    Partition,
    Phase,
    columns_of,
)
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import Outage, doubts_of, missed, outage_of, slowest
from groundwork.checkers.recovery import Recovery

STEADY = Phase("steady", 0, 10 * SECOND_NS)
KILL = Phase("kill", 10 * SECOND_NS, 15 * SECOND_NS, progress=False, spared=(0,))
AFTER = Phase("recovery", 15 * SECOND_NS, 40 * SECOND_NS)

PARTITIONS = tuple(Partition("t", number, 0, 0, 0) for number in range(2))


def nanoseconds(seconds: float) -> int:
    """On the clock of histories."""
    return round(seconds * SECOND_NS)


def history(sends: list[tuple[float, float, int]]) -> History:
    """Records that were sent and acknowledged at moments, in seconds, to a partition."""
    rows = [
        (
            op,
            Kind.SEND,
            Outcome.OK,
            0,
            partition,
            NONE,
            op,
            NONE,
            NONE,
            nanoseconds(a),
            nanoseconds(b),
        )
        for op, (a, b, partition) in enumerate(sends)
    ]
    return History(columns_of(rows), {0: Client("p")}, PARTITIONS, (STEADY, KILL, AFTER))


def steadily(first: float, last: float, partition: int) -> list[tuple[float, float, int]]:
    """A hundred records a second."""
    return [(at, at + 0.01, partition) for at in np.arange(first, last, 0.01).tolist()]


WHOLE = [*steadily(0, 40, 0), *steadily(0, 10, 1), *steadily(13, 40, 1)]


@pytest.mark.parametrize(("since", "steady_s"), [("fault", 3.0), ("healing", 0.0)])
def test_an_outage_counts_from_where_the_objective_says(since: str, steady_s: float) -> None:
    """From the landing, or from the healing."""
    found = history(WHOLE)
    objective = Objective(since, 3.0, spared_min=100)  # type: ignore[arg-type]
    outage = outage_of(found, check(found), objective)
    assert outage is not None
    assert outage.recovery is not None
    assert outage.recovery.steady_s == steady_s
    assert outage.spared == pytest.approx(500, abs=1)
    assert list(missed(outage, objective)) == []
    assert list(doubts_of(outage)) == []


WELL = Recovery(10.0, 50.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("outage", "said"),
    [
        (None, "never seen to get on as before, which should be within 5 s of its landing"),
        (Outage(None, 0, 200), "never seen"),
        (Outage(Recovery(10, 50, 1, None), 0, 200), "never seen"),
        (Outage(Recovery(10, 50, 1, 6.0), 0, 200), "got on as before 6 s after its landing"),
        (Outage(WELL, 1, 200), "1 acknowledged records are lost; 0 may be"),
        (Outage(WELL, 0, 99), "once there were 99"),
        (Outage(WELL, 0, None), "nothing was measured"),
    ],
)
def test_what_is_missed_is_told(outage: Outage | None, said: str) -> None:
    """Each limit, and what wasn't measured, which is no success."""
    told = list(missed(outage, Objective("fault", 5.0, spared_min=100)))
    assert any(said in each for each in told), told


@pytest.mark.parametrize(
    ("outage", "said"),
    [
        (None, "nothing was acknowledged before"),
        (Outage(None, 0), "nothing was acknowledged before"),
        (Outage(Recovery(501, 1002, 1, 0), 0), "within 501 ms"),
    ],
)
def test_a_bad_beginning_says_nothing(outage: Outage | None, said: str) -> None:
    """What is slow before a fault is as slow after it, and would always be well."""
    assert any(said in each for each in doubts_of(outage))


def test_of_several_baselines_the_last_counts() -> None:
    """Those before it were spoilt by a busy machine, with nothing broken."""
    slow = [(at, at + 0.9, partition) for partition in (0, 1) for at in np.arange(0, 5, 0.01)]
    well = [each for each in WHOLE if each[0] >= 5]
    found = history([*slow, *well])
    spoilt, taken = Phase("steady", 0, 5 * SECOND_NS), Phase("steady", 6 * SECOND_NS, KILL.begin_ns)
    found = History(found.columns, found.clients, PARTITIONS, (spoilt, taken, KILL, AFTER))
    outage = outage_of(found, check(found), Objective("fault", 3.0))
    assert outage is not None
    assert outage.recovery is not None
    assert outage.recovery.baseline_ms_p99 == pytest.approx(10)
    assert list(doubts_of(outage)) == []


def test_without_a_fault_there_is_no_outage() -> None:
    """Nor without anything before it."""
    whole = history(WHOLE)
    objective = Objective("fault", 5.0)
    for phases in ((STEADY,), (KILL,), ()):
        found = History(whole.columns, whole.clients, whole.partitions, phases)
        assert outage_of(found, check(found), objective) is None


@given(
    st.lists(st.floats(0, 39, allow_nan=False), max_size=40)
    | st.lists(st.integers(0, 390).map(lambda tenth: tenth / 10), min_size=100, max_size=400),
    st.floats(1, 8, allow_nan=False),
)
def test_the_emptiest_window_is_found(at_s: list[float], window_s: float) -> None:
    """As by looking at very many windows, none of which is emptier."""
    found = history([(at, at, 0) for at in at_s])
    fewest = slowest(found, KILL, Objective("fault", 5.0, spared_min=1, window_s=window_s))
    moments = np.sort(np.array([round(at * 1e9) for at in at_s], dtype=np.int64))
    starts = np.concatenate(
        [np.arange(KILL.begin_ns, AFTER.end_ns, 50_000_000), moments, moments + 1]
    )
    ends = starts + round(window_s * SECOND_NS)
    whole = (starts >= KILL.begin_ns) & (ends <= AFTER.end_ns)
    inside = np.searchsorted(moments, ends[whole]) - np.searchsorted(moments, starts[whole])
    assert fewest == inside.min()


def test_a_window_that_never_was_whole_was_not_measured() -> None:
    """Longer than all that came after the landing."""
    objective = Objective("fault", 5.0, spared_min=1, window_s=31.0)
    assert slowest(history(WHOLE), KILL, objective) is None
    nothing = Phase("kill", KILL.begin_ns, KILL.end_ns, progress=False)
    assert slowest(history(WHOLE), nothing, Objective("fault", 5.0, spared_min=1)) is None
