"""Draining: of what is read, none may be missing between two, and none may come twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import GroundworkError
from load.drain import take

SPANS = {0: (5, 9), 1: (0, 3)}


@dataclass(frozen=True)
class Came:
    """A message, as far as it is looked at."""

    number: int
    place: int

    def partition(self) -> int:
        """Where it is."""
        return self.number

    def offset(self) -> int:
        """The same."""
        return self.place

    def error(self) -> None:
        """It is none."""


def came(*places: tuple[int, int]) -> list[Message]:
    """Messages, in the order in which they came."""
    return [cast("Message", Came(*each)) for each in places]


@given(st.randoms())
def test_what_follows_is_counted(random: object) -> None:
    """However partitions are mixed, and wherever a batch ends; what is behind the end isn't."""
    left = {0: [5, 6, 7, 8, 9], 1: [0, 1, 2, 3]}
    following, count, batch = {0: 5, 1: 0}, 0, []
    choose = random.choice  # type: ignore[attr-defined] # it is one of Python's
    while any(left.values()):
        number = choose([each for each in left if left[each]])
        batch.append((number, left[number].pop(0)))
        if choose([True, False]):
            count, batch = count + take(came(*batch), following, SPANS), []
    count += take(came(*batch), following, SPANS)
    assert count == 7
    assert following == {}


@pytest.mark.parametrize("wrong", [[(0, 6)], [(0, 5), (0, 7)], [(0, 5), (0, 5)], [(1, 1)]])
def test_what_is_missing_or_comes_twice_is_told(wrong: list[tuple[int, int]]) -> None:
    """In which partition, and what came where what follows."""
    with pytest.raises(GroundworkError, match=r"^partition \d: \d came where \d follows"):
        take(came(*wrong), {0: 5, 1: 0}, SPANS)
