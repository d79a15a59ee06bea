"""Destinations of loads: whose partitions are whose, and where a key goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from load.destination import Destination, share_of
from load.settings import LoadSettings

GIVEN = {"bootstrap": "-", "topic": "t", "run": 7}


def settings(**more: object) -> LoadSettings:
    """Those of a load."""
    return LoadSettings.of({**GIVEN, **more})


@st.composite
def shared(draw: st.DrawFn) -> tuple[int, int]:
    """So many partitions, and workers: one each at least."""
    partitions = draw(st.integers(1, 200))
    return partitions, draw(st.integers(1, min(partitions, 100)))


@given(shared())
def test_each_partition_is_one_workers(many: tuple[int, int]) -> None:
    """None is left out, none is two workers', and nobody has two more than another."""
    partitions, workers = many
    shares = [share_of(partitions, worker, workers) for worker in range(workers)]
    assert sorted(number for share in shares for number in share) == list(range(partitions))
    assert all(number % workers == n for n, share in enumerate(shares) for number in share)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(shared(), st.binary(max_size=20))
def test_a_key_goes_to_one_of_the_workers_own(many: tuple[int, int], key: bytes) -> None:
    """Whoever reads what it has sent looks nowhere else; and always to the same."""
    partitions, workers = many
    given_ = settings(operation="end-to-end", partitions=partitions, workers=workers)
    for worker in range(workers):
        own = Destination.of(given_, worker)
        assert own.partition_of(key) == own.partition_of(key)
        assert own.partition_of(key) % workers == worker
        assert (own.topic, own.partitions, own.run) == ("t", partitions, 7)


def test_who_doesnt_read_sends_everywhere() -> None:
    """As any producer; there may be more of them than partitions."""
    own = Destination.of(settings(partitions=3, workers=5), 4)
    assert own.own == (0, 1, 2)
    assert {own.partition_of(b"S%02d" % number) for number in range(50)} == {0, 1, 2}


@pytest.mark.parametrize("operation", ["end-to-end", "consume"])
def test_partitions_for_each_worker_are_needed_where_workers_read(operation: str) -> None:
    """Else one would have none: told before anything starts, in one line with what would do."""
    for partitions, workers in ((4, 4), (1, 1), (5, 2)):
        settings(operation=operation, partitions=partitions, workers=workers).expect_possible()
    short = settings(operation=operation, partitions=4, workers=5)
    with pytest.raises(UsageError) as caught:
        short.expect_possible()
    assert str(caught.value) == (
        f"workers: 5 are too many for 4 partitions: with {operation} each reads some of its own; "
        "give 4 at the most"
    )
    settings(operation="produce", partitions=4, workers=5).expect_possible()
