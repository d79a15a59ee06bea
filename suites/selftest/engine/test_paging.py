"""Paging: what somebody was told, held to what they should have been."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.paging import Cell, Expected, Lasted, Told, judge

BEGUN_S, LANDED_S, HEALED_S = 95, 100, 120
LASTED = Lasted(BEGUN_S * SECOND_NS, LANDED_S * SECOND_NS, HEALED_S * SECOND_NS)


def told(alert: str, at_s: float, *, firing: bool = True, job: str = "broker") -> Told:
    """Somebody was told, so many seconds after the landing."""
    return Told(alert, job, job, firing, round((LANDED_S + at_s) * SECOND_NS))


def judged(expected: Expected, *heard: Told) -> tuple[Cell, ...]:
    """By a fault of twenty seconds."""
    return judge(expected, heard, LASTED)


DOWN = told("Down", 12)
OVER = told("Down", 23, firing=False)


@pytest.mark.parametrize(
    ("expected", "heard", "wrong"),
    [
        (Expected({"Down": 14}), (DOWN, OVER), ""),
        (Expected({"Down of broker": 14}), (DOWN, OVER), ""),
        (Expected({"Down": 14}), (), "nobody was told, and somebody should have been within 14 s"),
        (Expected({"Down of relay": 14}), (DOWN, OVER), "Down of relay: nobody was told"),
        (Expected({"Down": 11}), (DOWN, OVER), "told after 12.0 s, which should be 11 s"),
        (Expected({"Down": 14}), (told("Down", -7), OVER), "told 2.0 s before the fault"),
        (Expected({"Down": 14}), (told("Down", -2), OVER), ""),
        (Expected({"Down": 14}), (DOWN,), "that it is over was never told"),
        (Expected({"Down": 14}, (), 2.0), (DOWN, OVER), "was told 3.0 s after the healing"),
        (Expected({}, ("Down",)), (DOWN, OVER), ""),
        (Expected({}, ("Down",)), (), ""),
        (Expected({}, ("Down",)), (DOWN,), "that it is over was never told"),
        (Expected({}, ("Down of relay",)), (DOWN, OVER), "Down of broker: somebody was told"),
        (Expected(), (DOWN, OVER), "after 12.0 s, and nobody should have been"),
        (Expected(), (), ""),
        (Expected({"Down": 14}), (DOWN, OVER, told("Down", 24)), "that it is over was never told"),
    ],
)
def test_what_is_not_as_expected_is_said(
    expected: Expected, heard: tuple[Told, ...], wrong: str
) -> None:
    """Too late, never, without being allowed to, or not over in time."""
    said = "; ".join(each.wrong for each in judged(expected, *heard))
    assert (wrong in said) if wrong else (said == "")


STEADY_S = 90
CALM = Lasted(BEGUN_S * SECOND_NS, LANDED_S * SECOND_NS, HEALED_S * SECOND_NS, STEADY_S * SECOND_NS)


@pytest.mark.parametrize(
    ("lasted", "heard", "wrong"),
    [
        (CALM, (told("Down", -17), told("Down", -9, firing=False)), False),
        (LASTED, (told("Down", -17), told("Down", -9, firing=False)), True),
        (CALM, (told("Down", -17), told("Down", -4, firing=False)), True),
        (CALM, (told("Down", -17), told("Down", -9, firing=False, job="relay")), True),
        (CALM, (told("Down", -17),), True),
        (CALM, (told("Down", -9), told("Down", -8, firing=False)), True),
        (CALM, (told("Down", -17), told("Down", -12, firing=False), told("Down", -11)), True),
    ],
    ids=[
        "over before the fault",
        "never calm",
        "over since",
        "another is over",
        "never over",
        "after all was calm",
        "there again",
    ],
)
def test_what_was_over_before_it_is_no_faults(
    lasted: Lasted, heard: tuple[Told, ...], *, wrong: bool
) -> None:
    """Clients that come may raise an alert: passed over if it came before all was calm."""
    cells = judge(Expected(), heard, lasted)
    assert any(each.wrong for each in cells) == wrong


def test_one_of_two_that_is_not_over_is_not_over() -> None:
    """Of each that is ill it is told that it is well."""
    both = (DOWN, OVER, told("Down", 12, job="relay"))
    (cell,) = judged(Expected({"Down": 14}), *both)
    assert cell.over_s is None
    assert cell.told_s == 12
    (cell,) = judged(Expected({"Down": 14}), *both, told("Down", 25, firing=False, job="relay"))
    assert cell.over_s == 5


TELLINGS = st.lists(
    st.builds(
        told,
        st.sampled_from(["Down", "Slow", "Full"]),
        st.floats(-10, 60),
        firing=st.booleans(),
        job=st.sampled_from(["broker", "relay"]),
    ),
    max_size=12,
)


@given(TELLINGS, st.sets(st.sampled_from(["Down", "Slow", "Full"])))
def test_nothing_that_was_told_is_passed_over(heard: list[Told], allowed: set[str]) -> None:
    """Each alert that fired is in a cell, and in a wrong one where nobody allows it."""
    cells = judged(Expected({}, tuple(sorted(allowed))), *heard)
    for each in heard:
        if each.firing:
            own = [c for c in cells if each.named(c.alert)]
            assert len(own) == 1
            assert own[0].told_s is not None
            assert each.alert in allowed or own[0].wrong
