"""Pictures of throughput: drawn of what a run has measured, also where there is little."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.throughput import (
    Stair,
    draw_footprints,
    draw_growth,
    draw_growth_of_memory,
    draw_pairs,
    draw_stairs,
)

STAIRS = [Stair(1_000.0 * n, 990.0 * n, 2.0**n, 0.1 * n) for n in range(1, 9)]


@pytest.mark.parametrize("many", [0, 1, 8])
def test_steps_are_drawn(tmp_path: Path, many: int) -> None:
    """As PNG and as SVG, whatever a broken-off load has left of them."""
    files = draw_stairs(STAIRS[:many], 50, 5, "a knee", tmp_path / "knee")
    assert [each.name for each in files] == ["knee.png", "knee.svg"]
    assert "at most 50 ms" in files[1].read_text()


def test_pairs_are_drawn(tmp_path: Path) -> None:
    """Both sides, pair by pair."""
    sides = {"native": [9e5, 8e5], "ours": [5e5, 6e5]}
    files = draw_pairs(sides, "records", "pairs", tmp_path / "pairs")
    text = files[1].read_text()
    assert "native" in text
    assert "records / s" in text


def test_footprints_are_drawn(tmp_path: Path) -> None:
    """Memory, and processors, of each resource in each phase."""
    at_rest, loaded = {"broker": 230.0, "relay": 0.0}, {"broker": 300.0, "relay": 1.0}
    found = {"at rest": at_rest, "under load": loaded}
    files = draw_footprints(found, found, tmp_path / "footprints")
    assert sorted(each.name for each in files) == [
        *("footprints-memory.png", "footprints-memory.svg"),
        *("footprints-processors.png", "footprints-processors.svg"),
    ]
    assert all("broker" in each.read_text() for each in files if each.suffix == ".svg")


def test_growth_is_drawn(tmp_path: Path) -> None:
    """Of rates, by partitions and by size; and of memory, by the minute."""
    _, rates = draw_growth({1: 4e5, 4: 5e5, 16: 4e5}, {100: 5e5, 10_000: 4e4}, tmp_path / "growth")
    assert "partitions" in rates.read_text()
    series = {"generator": ([0.0, 60.0], [90.0, 91.0]), "broker": ([], [])}
    _, memory = draw_growth_of_memory(series, "a soak", tmp_path / "soak")
    assert "generator" in memory.read_text()
