"""A rebalance: what its other members see of one that joins a group, and of one that leaves it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import allure
import pytest

from fixtures.scratch import ScratchTopic
from groundwork.use.client import Handle
from load.desk import PROGRESS
from load.members import PROTOCOLS, Group, longest_pause_s
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile

PARTITIONS = 6
DURATION_S = 26.0
ASKED = {
    "rate_per_s": "6000",
    "duration_s": f"{DURATION_S:g}",
    "seed": "1",
    "records": "trade",
    "size_bytes": "100",
}

# Two members of each group have found each other by then (the broker is asked once in five seconds
# who reads what); a third joins, and leaves again.
STEADY_AFTER_S = 7
WHILE_S = 6.0


@pytest.fixture
def topic(topic_of: Callable[[int], ScratchTopic]) -> ScratchTopic:
    """What all groups read."""
    return topic_of(PARTITIONS)


@pytest.fixture
def groups(topic: ScratchTopic) -> Iterator[dict[str, Group]]:
    """A group for each way of agreeing, of two members each."""
    found = {
        each: Group(topic.bootstrap, topic.name, each, f"{each}-{uuid.uuid4()}")
        for each in PROTOCOLS
    }
    try:
        for group in found.values():
            group.join()
            group.join()
        yield found
    finally:
        for group in found.values():
            group.end()


@pytest.mark.alone(limit_s=DURATION_S + OVERHEAD_S)
def test_it_is_known_what_a_rebalance_costs(
    broker: Handle,
    topic: ScratchTopic,
    groups: dict[str, Group],
    figures: Figures,
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """The longest time in which nobody reads a partition: while one joins, and while one leaves."""
    folder = out_dir / "load" / "rebalance"
    begins_s: list[float] = []

    def change(over: threading.Event) -> None:
        await_told(lambda: [folder / PROGRESS], f"load: {STEADY_AFTER_S} s:", over, OVERHEAD_S)
        begins_s.append(time.monotonic())
        over.wait(WHILE_S)
        begins_s.append(time.monotonic())
        third = [group.join() for group in groups.values()]
        over.wait(WHILE_S)
        begins_s.append(time.monotonic())
        for each in third:
            each.end()
        over.wait(WHILE_S)
        begins_s.append(time.monotonic())

    with meanwhile(change):
        conclusion = offer(broker.client, ASKED | {"topic": topic.name}, folder, DURATION_S)
    text = show(conclusion, folder)
    assert conclusion.outcome in {"valid", "invalid"}, text
    steady_s, join_s, leave_s, end_s = begins_s
    lines = []
    for name, group in groups.items():
        assert not group.errors, group.errors
        at_s = group.arrivals.at_s
        assert at_s.keys() == set(range(PARTITIONS)), f"{name}: {sorted(at_s)} were read"
        spans = {"steady": (steady_s, join_s), "join": (join_s, leave_s), "leave": (leave_s, end_s)}
        pause_s = {each: longest_pause_s(at_s, *span) for each, span in spans.items()}
        told = ", ".join(f"{each} {value * 1_000:.0f} ms" for each, value in pause_s.items())
        lines.append(f"{name}: {told}")
        figures.expect(f"rebalance_{name}_ms", max(pause_s["join"], pause_s["leave"]) * 1_000)
    allure.attach("\n".join(lines), "pauses")
    say("\n".join(lines))
