"""Footprints: what each resource takes at rest, under load and after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from groundwork.use.client import Handle
from load.desk import PROGRESS
from reports.throughput import draw_footprints
from suites.support.figures import Figures
from suites.support.footprints import Taken, lines_of, look, running
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile
from suites.support.rates import Rates
from suites.support.seen import attach_pictures

# A load that a laptop bears while it does something else.
DURATION_S = 25.0
ASKED = {"duration_s": f"{DURATION_S:g}", "seed": "1"}

# From some seconds after its begin, for as long; and before and after it. A kubelet's figures are
# of every ten seconds.
AFTER_S = 2
WHILE_S, BESIDE_S = 20.0, 7.0


@pytest.mark.usefixtures("hello_world", "prometheus", "alertmanager", "receiver")
@pytest.mark.alone(limit_s=DURATION_S + OVERHEAD_S + 2 * BESIDE_S)
def test_each_resource_takes_what_it_may(
    broker: Handle,
    figures: Figures,
    rates: Rates,
    from_inside: dict[str, str],
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Memory and processors of all that runs; the broker's memory at rest is promised."""
    client = broker.client
    names = running(client)
    folder = out_dir / "load" / "footprints"
    phases: dict[str, Taken] = {"at rest": look(client, names, BESIDE_S)}

    def watch(over: threading.Event) -> None:
        await_told(lambda: [folder / PROGRESS], f"load: {AFTER_S} s:", over, OVERHEAD_S)
        phases["under load"] = look(client, names, WHILE_S, over)

    with meanwhile(watch):
        asked = ASKED | from_inside | {"rate_per_s": f"{rates.sustained}"}
        conclusion = offer(client, asked, folder, DURATION_S)
    phases["after it"] = look(client, names, BESIDE_S)
    text = "\n".join(lines_of(phases))
    allure.attach(text, "footprints")
    drawn = draw_footprints(
        {name: each.memory_mb for name, each in phases.items()},
        {name: each.cpu_percent for name, each in phases.items()},
        figures.stem("footprints"),
    )
    attach_pictures(drawn, "footprints")
    say(text)
    assert conclusion.outcome in {"valid", "invalid"}, show(conclusion, folder)
    nodes = len(broker.endpoint("kafka").split(","))
    figures.expect("broker_at_rest_mb", phases["at rest"].memory_mb[broker.name] / nodes)
