"""A backlog: whoever was away reads what has piled up, while others write on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from fixtures.scratch import ScratchTopic
from groundwork.use.client import Handle
from load.catch_up import CaughtUp, catch_up
from load.desk import PROGRESS
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile

# A consumer is away for ten seconds: two hundred thousand records are there when it comes.
RATE_PER_S = 20_000
DURATION_S = 17.0
AWAY_S = 10
PARTITIONS = 4
ASKED = {
    "rate_per_s": f"{RATE_PER_S}",
    "duration_s": f"{DURATION_S:g}",
    "seed": "1",
    "records": "trade",
    "size_bytes": "100",
}


@pytest.mark.alone(limit_s=DURATION_S + OVERHEAD_S)
def test_who_was_away_catches_up(
    broker: Handle,
    topic_of: Callable[[int], ScratchTopic],
    figures: Figures,
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Faster by far than records come, so that nothing is left within seconds; none is missing."""
    topic, folder = topic_of(PARTITIONS), out_dir / "load" / "backlog"
    found: list[CaughtUp] = []

    def come(over: threading.Event) -> None:
        await_told(lambda: [folder / PROGRESS], f"load: {AWAY_S} s:", over, OVERHEAD_S)
        found.append(catch_up(topic.bootstrap, topic.name, topic.numbers, RATE_PER_S, over))

    with meanwhile(come):
        conclusion = offer(broker.client, ASKED | {"topic": topic.name}, folder, DURATION_S)
    text = show(conclusion, folder)
    assert conclusion.outcome in {"valid", "invalid"}, text
    (caught,) = found
    line = (
        f"{caught.backlog} records were there; none was left after {caught.took_s:.1f} s and "
        f"{caught.count} records"
    )
    allure.attach(line, "backlog")
    say(line)
    assert caught.backlog >= RATE_PER_S * AWAY_S / 2, line
    figures.expect("catch_up_per_s", caught.rate_per_s)
