"""The clock of a load: times of several machines are told as those of one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from load.clock import Clock

AHEAD = st.integers(-(10**18), 10**18)


@given(AHEAD, AHEAD, st.integers(0, 10**18))
def test_a_time_of_another_machine_is_the_same_day(own: int, other: int, at_ns: int) -> None:
    """On this machine's clock it is what this machine's calendar said then."""
    here, there = Clock("here", own), Clock("there", other)
    assert at_ns + here.behind(there) + own == at_ns + other


@given(AHEAD, AHEAD)
def test_the_clock_of_one_machine_is_one(own: int, other: int) -> None:
    """Whatever its calendar was set to meanwhile; where nobody knows whose it is, it isn't."""
    assert Clock("here", own).behind(Clock("here", other)) == 0
    assert Clock("", own).behind(Clock("", other)) == other - own


def test_this_machine_is_this_machine() -> None:
    """As an operating system tells it."""
    assert Clock.here().behind(Clock.here()) == 0
