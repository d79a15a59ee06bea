"""Saturation: how much is borne, and whose limit that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from groundwork.use.client import Handle
from load.account import LIMIT_MS
from load.knee import lines_of
from reports.throughput import Stair, draw_stairs
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S
from suites.support.rates import Rates
from suites.support.rising import RISING_S, offer_counted, rise
from suites.support.seen import attach_pictures
from suites.support.signs import OBJECTIVE_MS
from suites.support.told import expect_told

# Far more than a generator can: what is due waits, and is sent as fast as it goes.
FLOOD = {"rate_per_s": "1000000"}
FLOOD_S = 4.0

# What it can is the most that it does: whatever else a machine is busy with only takes from that.
FLOODS = 3


@pytest.mark.alone(limit_s=RISING_S + OVERHEAD_S)
def test_it_is_known_up_to_which_rate_answers_come_in_time(
    broker: Handle,
    figures: Figures,
    rates: Rates,
    from_inside: dict[str, str],
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Steps of a rising load: the knee is the broker's, or else the generator's limit is told."""
    knee, steps = rise(broker.client, out_dir / "load" / "rising", rates, from_inside)
    text = "\n".join([knee.line(), *lines_of(steps)])
    allure.attach(text, "knee")
    say(text)
    stairs = [
        Stair(each.rate_per_s, each.acknowledged_per_s, each.latency_ms_p99, each.lateness_ms_p99)
        for each in steps
    ]
    drawn = draw_stairs(stairs, OBJECTIVE_MS, LIMIT_MS, knee.line(), figures.stem("knee"))
    attach_pictures(drawn, "knee")
    # A generator that isn't in time at the lowest rate has shown nothing of the broker.
    expect_told("invalid" if knee.limit == "generator" and not knee.borne_per_s else "valid", text)
    assert knee.borne_per_s, text
    figures.expect("borne_per_s", knee.borne_per_s)


@pytest.mark.alone(limit_s=FLOODS * (FLOOD_S + OVERHEAD_S))
def test_one_generator_offers_as_much_as_it_should(
    broker: Handle, figures: Figures, from_inside: dict[str, str], out_dir: Path
) -> None:
    """More is due than it can send: what is acknowledged then is what it can, on one processor."""

    def acknowledged_per_s(name: str) -> float:
        folder = out_dir / "load" / name
        conclusion = offer_counted(broker.client, FLOOD | from_inside, folder, FLOOD_S)
        return conclusion.borne_per_s / conclusion.settings.workers

    rates = []
    for number in range(1, FLOODS + 1):
        rates.append(acknowledged_per_s(f"flood-{number}"))
        if not figures.misses("saturated_per_s", rates[-1]):
            break
    allure.attach("\n".join(f"{each:,.0f} records/s" for each in rates), "floods")
    figures.expect("saturated_per_s", max(rates))
