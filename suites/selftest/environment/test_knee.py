"""The knee: the first step that is too slow for three seconds, and whose limit it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from load.account import LIMIT_MS
from load.knee import WINDOWS, Knee, Step, knee_of, lines_of, steps_of
from load.result import Moment
from load.settings import LoadSettings

OBJECTIVE_MS = 50.0

GIVEN = {"bootstrap": "127.0.0.1:1", "topic": "t"}

# What a second is like: in time, too slow, or late itself, which says nothing of the broker.
FINE, SLOW, LATE = (10.0, 0.1), (60.0, 0.1), (500.0, LIMIT_MS + 1)

SECONDS = st.lists(st.sampled_from([FINE, SLOW, LATE]), min_size=1, max_size=8)


def moment(at_s: float, latency_ms: float = 10.0, lateness_ms: float = 0.1) -> Moment:
    """A second that ends then."""
    return Moment(at_s, 100, 90, 1.0, latency_ms, 2 * latency_ms, lateness_ms, {})


def step(rate_per_s: float, *seconds: tuple[float, float]) -> Step:
    """A step whose seconds are like these."""
    return Step(rate_per_s, tuple(moment(number, *each) for number, each in enumerate(seconds, 1)))


def in_a_row(seconds: list[tuple[float, float]], kind: tuple[float, float]) -> int | None:
    """Where the first run of enough seconds of a kind ends; None where there is none."""
    ends = range(WINDOWS, len(seconds) + 1)
    return next((end for end in ends if seconds[end - WINDOWS : end] == [kind] * WINDOWS), None)


@given(st.lists(SECONDS, min_size=1, max_size=6))
def test_the_first_of_three_seconds_in_a_row_decides(
    steps: list[list[tuple[float, float]]],
) -> None:
    """Whichever comes first in the first step that has any; what comes later changes nothing."""
    found = knee_of([step(10.0 * n, *each) for n, each in enumerate(steps, 1)], OBJECTIVE_MS)
    for number, seconds in enumerate(steps, 1):
        ends = {"broker": in_a_row(seconds, SLOW), "generator": in_a_row(seconds, LATE)}
        there = {name: end for name, end in ends.items() if end is not None}
        if there:
            limit = min(there, key=lambda name: there[name])
            wanted = (limit, 10.0 * number, 10.0 * (number - 1))
            assert (found.limit, found.at_per_s, found.borne_per_s) == wanted
            return
    assert found == Knee("nobody", 0.0, 10.0 * len(steps), OBJECTIVE_MS)


def test_a_second_of_a_late_generator_is_no_second_of_a_slow_broker() -> None:
    """Two slow ones, one in which the generator was late, and two slow ones again: no knee."""
    assert knee_of([step(10, SLOW, SLOW, LATE, SLOW, SLOW)], OBJECTIVE_MS).limit == "nobody"


def test_what_is_just_in_time_is_in_time() -> None:
    """The objective itself is kept, and so is what a generator may be late."""
    assert knee_of([step(10, *[(OBJECTIVE_MS, LIMIT_MS)] * 5)], OBJECTIVE_MS).limit == "nobody"
    slow = [(OBJECTIVE_MS + 0.1, LIMIT_MS)] * 3
    assert knee_of([step(10, *slow)], OBJECTIVE_MS).limit == "broker"


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step(1000, FINE), step(2000, SLOW, SLOW, SLOW)], "the knee is at 2,000 messages"),
        ([step(1000, FINE), step(2000, SLOW, SLOW, SLOW)], "1,000 are borne"),
        ([step(1000, FINE), step(2000, LATE, LATE, LATE)], "generator's limit is at least 1,000"),
        ([step(1000, FINE), step(2000, FINE)], "no knee up to 2,000 messages"),
    ],
)
def test_it_is_said_whose_limit_it_is(steps: list[Step], said: str) -> None:
    """With the rate at which it was met, and the highest that is borne."""
    assert said in knee_of(steps, OBJECTIVE_MS).line()


def test_the_steps_are_those_of_the_schedule() -> None:
    """Each has the seconds that lie in it wholly; those of warming up, and answers, are of none."""
    given = GIVEN | {"arrivals": "step", "rate_per_s": 100, "to_rate_per_s": 300, "steps": 3}
    settings = LoadSettings.of(given | {"duration_s": 6})
    moments = [moment(at_s) for at_s in (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.4)]
    found = steps_of(settings, moments)
    assert [each.rate_per_s for each in found] == [100, 200, 300]
    assert [[m.at_s for m in each.moments] for each in found] == [[1, 2], [3, 4], [5, 6]]
    assert found[0].acknowledged_per_s == 90


def test_a_load_that_was_broken_off_has_the_steps_that_were_begun() -> None:
    """A generator that is ten seconds late gives up: what comes after it wasn't offered."""
    given = GIVEN | {"arrivals": "step", "rate_per_s": 100, "to_rate_per_s": 300, "steps": 3}
    settings = LoadSettings.of(given | {"duration_s": 6})
    assert [each.rate_per_s for each in steps_of(settings, [moment(1), moment(2)])] == [100]


def test_steps_are_of_a_load_in_steps() -> None:
    """Of another there is no knee to be found."""
    with pytest.raises(UsageError, match="found by steps, not by constant"):
        steps_of(LoadSettings.of(GIVEN), [moment(1)])


def test_a_table_has_a_row_for_each_step() -> None:
    """Offered, borne, how long it took, and how late the generator was."""
    *_, last = lines_of([step(1000, FINE, FINE), step(2000, SLOW)])
    assert last == "| 2,000 | 90 | 60.0 ms | 0.1 ms |"
