"""A soak: minutes at half of what is borne, in which nothing may grow that nobody stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import allure
import pytest

from fixtures.declared.durations import seconds_of
from groundwork.use.client import Client, Handle
from load.desk import PROGRESS
from load.result import together
from load.slope import slope_of
from reports.throughput import draw_growth_of_memory
from suites.support.figures import Figures
from suites.support.footprints import MB, running
from suites.support.loads import OVERHEAD_S
from suites.support.meanwhile import await_told, meanwhile
from suites.support.rates import Rates
from suites.support.rising import RISING_S, offer_counted, rise
from suites.support.seen import attach_pictures

# The longest that a keeper's job may take, and what is looked for before.
LIMIT_S = 4000.0 + RISING_S + OVERHEAD_S

LOOK_INTERVAL_S = 5.0

# Until then everybody takes what they need: heaps grow to their size, pages are touched.
AFTER_S = 180.0

# So much of each partition stays: a soak of hours needs no more room than one of minutes.
RETAINED = {"retained_mb": "128"}

MINUTE_S = 60.0


@dataclass
class Memory:
    """What resources have of memory, again and again.

    Attributes:
        at_s: When it was looked, since the first time.
        mb: By resource, at each of these times.
    """

    at_s: list[float] = field(default_factory=list)
    mb: dict[str, list[float]] = field(default_factory=dict)

    def look(self, client: Client, over: threading.Event) -> None:
        """Look until it is over."""
        names = running(client)
        began_s = time.monotonic()
        while not over.is_set():
            found = client.footprints(names)
            self.at_s.append(time.monotonic() - began_s)
            for name in names:
                self.mb.setdefault(name, []).append(found[name].resident_bytes / MB)
            over.wait(LOOK_INTERVAL_S)


def per_minute(at_s: list[float], mb: list[float]) -> float:
    """The slope of memory from the third minute on, in MB a minute."""
    late = [number for number, at in enumerate(at_s) if at >= AFTER_S]
    return slope_of([at_s[each] for each in late], [mb[each] for each in late]) * MINUTE_S


@pytest.mark.usefixtures("hello_world", "prometheus", "alertmanager", "receiver")
@pytest.mark.alone(limit_s=LIMIT_S)
def test_nothing_grows_that_nobody_stops(
    broker: Handle,
    figures: Figures,
    rates: Rates,
    from_inside: dict[str, str],
    out_dir: Path,
    pytestconfig: pytest.Config,
    say: Callable[[str], None],
) -> None:
    """Memory of the generator and of each resource, by a slope that outliers don't move."""
    client, duration_s = broker.client, seconds_of(pytestconfig.option.soak)
    rate_per_s = pytestconfig.option.soak_rate
    if not rate_per_s:
        knee, _ = rise(client, out_dir / "load" / "rising", rates, from_inside)
        say(knee.line())
        rate_per_s = knee.borne_per_s / 2
    folder, memory = out_dir / "load" / "soak", Memory()

    def watch(over: threading.Event) -> None:
        await_told(lambda: [folder / PROGRESS], "load: 1 s:", over, OVERHEAD_S)
        memory.look(client, over)

    with meanwhile(watch):
        asked = RETAINED | from_inside | {"rate_per_s": f"{rate_per_s:.0f}"}
        conclusion = offer_counted(client, asked, folder, duration_s)
    moments = [each for each in together(conclusion.moments) if each.at_s > 0]
    series = {name: (memory.at_s, mb) for name, mb in memory.mb.items()}
    series["generator"] = ([each.at_s for each in moments], [each.resident_mb for each in moments])
    slopes = {name: per_minute(*each) for name, each in series.items()}
    lines = [f"{rate_per_s:,.0f} records a second for {duration_s:g} s"]
    lines += [f"{name}: {value:+.2f} MB a minute" for name, value in slopes.items()]
    say("\n".join(lines))
    allure.attach("\n".join(lines), "growth")
    attach_pictures(draw_growth_of_memory(series, lines[0], figures.stem("soak")), "memory")
    generator = slopes.pop("generator")
    # What shrinks doesn't grow.
    figures.expect("soak_resource_mb_per_min", max(0.0, *slopes.values()))
    figures.expect("soak_generator_mb_per_min", max(0.0, generator))
