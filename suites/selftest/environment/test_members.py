"""Pauses of readers: the longest time in which nothing came of a partition."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.members import longest_pause_s

MOMENTS = st.lists(st.floats(0, 100), max_size=20).map(sorted)


@pytest.mark.parametrize(
    ("at_s", "pause_s"),
    [
        ({0: [1, 2, 3]}, 7),
        ({0: [1, 4, 9], 1: [0, 2, 4, 6, 8, 10]}, 5),
        ({0: []}, 10),
        ({0: [-5, 12]}, 10),
        ({}, 0),
    ],
)
def test_the_longest_pause_is_that_of_one_partition(
    at_s: dict[int, list[float]], pause_s: float
) -> None:
    """From the begin until the first, between two, and from the last until the end."""
    assert longest_pause_s(at_s, 0, 10) == pause_s


@given(st.dictionaries(st.integers(0, 5), MOMENTS, min_size=1), st.floats(0, 50), st.floats(51, 99))
def test_no_moment_of_any_pause_is_longer(
    at_s: dict[int, list[float]], since_s: float, until_s: float
) -> None:
    """Of each partition the parts between its moments add up, and none is longer than that."""
    found_s = longest_pause_s(at_s, since_s, until_s)
    for moments in at_s.values():
        own = [since_s, *(each for each in moments if since_s <= each <= until_s), until_s]
        parts = [after - before for before, after in pairwise(own)]
        assert max(parts) <= found_s
    assert found_s <= until_s - since_s
