"""Footprints of resources: what each takes in each phase, in a table."""

from __future__ import annotations

from typing import cast

import pytest

from groundwork.base.footprint import Footprint
from groundwork.use.client import Client
from suites.support.footprints import MB, Taken, lines_of, look


class Keeper:
    """Tells footprints, one after the other: the test says which."""

    def __init__(self, *told: Footprint) -> None:
        self.told = list(told)

    def footprints(self, names: list[str]) -> dict[str, Footprint]:
        """The next ones, of each the same."""
        found = self.told.pop(0)
        return dict.fromkeys(names, found)


@pytest.mark.parametrize(("before_s", "after_s", "percent"), [(1.0, 1.1, 100.0), (9.0, 1.0, 0.0)])
def test_what_is_taken_is_between_two_looks(
    before_s: float, after_s: float, percent: float
) -> None:
    """Processors between them, memory at the second; who was begun anew has less than before."""
    keeper = Keeper(Footprint(7 * MB, before_s), Footprint(9 * MB, after_s))
    found = look(cast("Client", keeper), ["broker"], 0.1)
    assert found.memory_mb == {"broker": 9}
    assert 0.5 * percent <= found.cpu_percent["broker"] <= percent


def test_a_table_has_a_row_for_each_resource() -> None:
    """Of each phase its figures, in the order of the phases."""
    phases = {
        "at rest": Taken({"broker": 230.4, "relay": 20}, {"broker": 2, "relay": 0}),
        "under load": Taken({"broker": 310, "relay": 21}, {"broker": 50, "relay": 10}),
    }
    assert list(lines_of(phases)) == [
        "| resource | resident MB: at rest, under load | % of one processor: at rest, under load |",
        "|---|---|---|",
        "| broker | 230, 310 | 2, 50 |",
        "| relay | 20, 21 | 0, 10 |",
    ]


def test_footprints_add_up() -> None:
    """Of several parts, each counted once; of none it is nothing."""
    assert Footprint.of_all([Footprint(1, 0.5), Footprint(2, 0.25)]) == Footprint(3, 0.75)
    assert Footprint.of_all([]) == Footprint()
