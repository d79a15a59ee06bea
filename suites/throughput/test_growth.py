"""Growth: what becomes of the rate with more partitions, and with larger records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from groundwork.use.client import Handle
from reports.throughput import draw_growth
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S, expect_answered, offer
from suites.support.seen import attach_pictures

# Each is offered more than it bears, for so long.
OFFERED_S = 2.0
COUNTED = {"keep": "false", "seed": "1", "duration_s": f"{OFFERED_S:g}", "warm_up_s": "1"}
MB = 1_000_000

# The first size is that of the partitions' loads, whose second number is that of the sizes'. Of
# each size more is due than any client sends.
PARTITIONS = (1, 4, 64)
USUAL, SMALLEST = PARTITIONS[1], 100
SIZES = {100: 1_000_000, 1_000: 500_000, 10_000: 60_000}


@pytest.mark.alone(limit_s=len(PARTITIONS + tuple(SIZES)) * (OFFERED_S + OVERHEAD_S))
def test_it_is_known_how_the_rate_grows(
    broker: Handle,
    figures: Figures,
    from_inside: dict[str, str],
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Floods of records that are counted: of 100 bytes into few and many partitions, and larger."""

    def borne(name: str, **asked: object) -> float:
        whole = COUNTED | from_inside | {name: str(value) for name, value in asked.items()}
        conclusion = offer(broker.client, whole, out_dir / "load" / name, OFFERED_S)
        text = "\n".join(conclusion.lines())
        expect_answered(conclusion, text)
        return conclusion.borne_per_s

    by_partitions = {
        each: borne(f"partitions-{each}", rate_per_s=SIZES[SMALLEST], partitions=each)
        for each in PARTITIONS
    }
    by_size = {
        size: by_partitions[USUAL]
        if size == SMALLEST
        else borne(f"size-{size}", rate_per_s=rate, size_bytes=size, partitions=USUAL)
        for size, rate in SIZES.items()
    }
    lines = [
        *(f"{each} partitions: {rate:,.0f} records/s" for each, rate in by_partitions.items()),
        *(
            f"{size} bytes: {rate:,.0f} records/s, {rate * size / MB:,.0f} MB/s"
            for size, rate in by_size.items()
        ),
    ]
    allure.attach("\n".join(lines), "growth")
    say("\n".join(lines))
    attach_pictures(draw_growth(by_partitions, by_size, figures.stem("growth")), "growth")
    figures.expect("largest_mb_per_s", max(rate * size / MB for size, rate in by_size.items()))
