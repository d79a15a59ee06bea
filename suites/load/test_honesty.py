"""Honesty: what nobody answered is in the numbers, and a generator that can't keep up is told.

A closed loop, which waits for each answer before it sends on, has one slow message for a broker
that stands still; an open one has all that were due meanwhile.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from groundwork.keep.events import FaultHealed, FaultLanded
from groundwork.use.client import Client, Handle
from load.conclusion import Conclusion
from load.consume_sender import AHEAD_S
from load.desk import PROGRESS
from load.latency import Latencies
from suites.support.greedy import generator_of, greedy
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile
from suites.support.stamps import stamp_of

# Twenty seconds at a thousand a second: a pause of three is fifteen of a hundred messages.
DURATION_S = 20.0
RATE_PER_S = 1_000
PAUSE_S = 3.0
ASKED = {"duration_s": f"{DURATION_S:g}", "rate_per_s": f"{RATE_PER_S}", "seed": "1"}

# After so many seconds that are measured something is done.
AFTER_S = 5

WITHIN = 0.02

# When the broker goes on, what was due meanwhile is fetched and looked at, on a busy machine, too.
CATCH_UP_MS = 150.0

LIMIT_S = DURATION_S + OVERHEAD_S + 60.0

STALL_S = 0.2

# What two workers need twice as long for on two cores, and more.
FLOOD_S = 4.0
FLOOD = {
    "keep": "false",
    "rate_per_s": "1000000",
    "duration_s": f"{FLOOD_S:g}",
    "workers": "2",
    "seed": "1",
}

NS_PER_MS, US_PER_MS = 1_000_000, 1_000


@dataclass(frozen=True)
class Trial:
    """A load, and what is done to it meanwhile.

    Attributes:
        client: Of the keeper.
        folder: Where its files go.
    """

    client: Client
    folder: Path

    def run(self, meddle: Callable[[], None], **more: str) -> Conclusion:
        """Offer a load, and do something after some seconds of it."""

        def do(over: threading.Event) -> None:
            # Where the load is broken off nothing is done to it any more.
            await_told(lambda: [self.folder / PROGRESS], f"load: {AFTER_S} s:", over, OVERHEAD_S)
            meddle()

        with meanwhile(do):
            return offer(self.client, ASKED | more, self.folder, DURATION_S)


class Pause:
    """Has a broker stand still, and tells for how long it did.

    Args:
        broker: Which.
        timeline: Of the run.
    """

    def __init__(self, broker: Handle, timeline: Path) -> None:
        self._broker = broker
        self._timeline = timeline
        self._fault = ""

    def make(self) -> None:
        """Pause it, and let it go on."""
        with self._broker.fault("pause", limit_s=60) as opened:
            self._fault = opened.told.id
            threading.Event().wait(PAUSE_S)

    def lasted_ms(self) -> float:
        """Between the keeper's stamps."""
        landed_ns, healed_ns = (
            stamp_of(self._timeline, kind, self._fault) for kind in (FaultLanded, FaultHealed)
        )
        return (healed_ns - landed_ns) / NS_PER_MS


@pytest.fixture
def pause(broker: Handle, out_dir: Path) -> Pause:
    """One of the broker."""
    return Pause(broker, out_dir / "timeline.jsonl")


@pytest.fixture
def trial(broker: Handle, out_dir: Path, request: pytest.FixtureRequest) -> Trial:
    """A load of this test's own."""
    return Trial(broker.client, out_dir / "load" / request.node.name.replace("[", "-").rstrip("]"))


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_a_broker_that_stands_still_is_in_the_numbers(
    pause: Pause,
    trial: Trial,
    record_property: Callable[[str, object], None],
) -> None:
    """Maximum and 99th percentile are what follows from when it stood still, within 2 %.

    Whoever was due then waited until it went on. Beside it a closed loop notices next to nothing.
    """
    conclusion = trial.run(pause.make, closed="true")
    record_property("load", show(conclusion, trial.folder))
    # Not "valid" alone: that a busy machine made messages late by milliseconds changes no second.
    assert conclusion.outcome in {"valid", "invalid"}, "\n".join(conclusion.lines())
    stood_ms = pause.lasted_ms()
    # Of all messages one of a hundred waited longer than this: they were due in its first moments.
    first_ms = DURATION_S * 1_000 / 100
    wanted = {"max": stood_ms, "p99": stood_ms - first_ms}
    for name, wanted_ms in wanted.items():
        found_ms = conclusion.percentiles_ms[name]
        assert abs(found_ms - wanted_ms) <= WITHIN * wanted_ms, f"{name}: {found_ms}, {wanted_ms}"
    closed_ms = Latencies.decode(conclusion.closed).percentile(99) / US_PER_MS
    assert closed_ms < conclusion.percentiles_ms["p99"] / 10


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_a_broker_that_is_killed_and_healed_ends_no_load(broker: Handle, trial: Trial) -> None:
    """Its process has ended, and a load ends with whom it is offered to; but a fault is healed.

    All that was due is offered, and all is acknowledged in the end, and there.
    """
    over = threading.Event()

    def kill() -> None:
        with broker.fault("kill", limit_s=60):
            over.wait(PAUSE_S)

    # As long as it is dead, and for some seconds before and after.
    conclusion = trial.run(kill, duration_s="12")
    said = "\n".join(conclusion.lines())
    assert conclusion.outcome in {"valid", "invalid"}, said
    assert "is gone" not in said
    due = RATE_PER_S * (12 + conclusion.settings.warm_up_s)
    assert conclusion.account.scheduled == conclusion.account.acknowledged == due, said
    assert conclusion.percentiles_ms["max"] > PAUSE_S * 1_000, "it wasn't dead"


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
@pytest.mark.parametrize(
    ("operation", "hidden_ms"), [("end-to-end", 0.0), ("consume", 2 * AHEAD_S * 1_000)]
)
def test_who_reads_waits_for_a_broker_that_stands_still(
    pause: Pause,
    trial: Trial,
    operation: str,
    hidden_ms: float,
    record_property: Callable[[str, object], None],
) -> None:
    """As long as it does, but for what was read ahead; what comes then comes whole and in order."""
    conclusion = trial.run(pause.make, operation=operation)
    record_property("load", show(conclusion, trial.folder))
    assert conclusion.outcome in {"valid", "invalid"}, "\n".join(conclusion.lines())
    assert conclusion.account.acknowledged == conclusion.account.sent
    stood_ms = pause.lasted_ms()
    found_ms = conclusion.percentiles_ms["max"]
    least_ms = stood_ms - hidden_ms - WITHIN * stood_ms
    assert least_ms <= found_ms <= stood_ms + WITHIN * stood_ms + CATCH_UP_MS


@pytest.mark.alone(limit_s=LIMIT_S)
def test_a_generator_that_stalls_measures_nothing(trial: Trial) -> None:
    """It stood still for a fifth of a second: the run is invalid, and no broker is called slow."""
    over = threading.Event()

    def stall() -> None:
        pid = generator_of(trial.client)
        os.kill(pid, signal.SIGSTOP)
        over.wait(STALL_S)
        os.kill(pid, signal.SIGCONT)

    # Ten seconds: two of a hundred messages were due in the meantime.
    expect_bottleneck(trial.run(stall, duration_s="10"))


@pytest.mark.alone(limit_s=LIMIT_S)
def test_a_generator_without_a_processor_measures_nothing(trial: Trial) -> None:
    """Others take its processor for half of the time: the run is invalid."""
    over = threading.Event()

    def take() -> None:
        with greedy(generator_of(trial.client), whole=False):
            over.wait(DURATION_S / 2)

    # A third of a processor, of which the others leave it a thirteenth: whoever needs less gets it.
    expect_bottleneck(trial.run(take, rate_per_s="30000"))


@pytest.mark.alone(limit_s=FLOOD_S + OVERHEAD_S)
def test_workers_that_cannot_keep_up_are_heard_of_all_the_same(
    broker: Handle, out_dir: Path
) -> None:
    """More is due than two can send, for seconds in which they have no time: none is given up."""
    folder = out_dir / "load" / "flood"
    conclusion = offer(broker.client, FLOOD, folder, FLOOD_S)
    text = show(conclusion, folder)
    expect_bottleneck(conclusion)
    assert conclusion.account.acknowledged == conclusion.account.sent > 0, text


def expect_bottleneck(conclusion: Conclusion) -> None:
    """It is said that the generator was the bottleneck, and how much it bears; nothing else."""
    said = "\n".join(conclusion.lines())
    assert conclusion.outcome == "invalid", said
    assert all("the generator was the bottleneck" in each for each in conclusion.reasons), said
    assert "its limit is at least" in said
