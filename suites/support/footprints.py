"""Footprints: what resources take of a machine at rest, under load and after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from groundwork.base.footprint import Footprint
from groundwork.use.client import Client

__all__ = ["MB", "Taken", "lines_of", "look", "running"]

MB = 1_000_000

# What is no process or pod of its own takes nothing.
NOT_COUNTED = {"cluster"}


@dataclass(frozen=True)
class Taken:
    """What resources took for a while.

    Attributes:
        memory_mb: Resident, at its end, by resource.
        cpu_percent: Of one processor, by resource; 150 for one and a half.
    """

    memory_mb: Mapping[str, float]
    cpu_percent: Mapping[str, float]


def running(client: Client) -> list[str]:
    """The resources that take something of a machine, and are ready."""
    ready = (each.name for each in client.status().resources if each.state == "ready")
    return [name for name in ready if name not in NOT_COUNTED]


def look(
    client: Client, names: Sequence[str], while_s: float, over: threading.Event | None = None
) -> Taken:
    """See what resources take for so long.

    Args:
        client: Of the keeper.
        names: Which.
        while_s: For how long; kubelets measure every ten seconds.
        over: Ends it earlier where it is set.
    """
    before, began_s = client.footprints(names), time.monotonic()
    (over or threading.Event()).wait(while_s)
    after, passed_s = client.footprints(names), time.monotonic() - began_s
    return Taken(
        {name: after[name].resident_bytes / MB for name in names},
        {name: busy_s(before[name], after[name]) / passed_s * 100 for name in names},
    )


def busy_s(before: Footprint, after: Footprint) -> float:
    """Seconds of processors between two looks; what has ended meanwhile is missing."""
    return max(0.0, after.cpu_s - before.cpu_s)


def lines_of(phases: Mapping[str, Taken]) -> Iterator[str]:
    """A table of resources, for people: memory and processors in each phase."""
    named = ", ".join(phases)
    yield f"| resource | resident MB: {named} | % of one processor: {named} |"
    yield "|---|---|---|"
    for name in next(iter(phases.values())).memory_mb:
        memory = ", ".join(f"{each.memory_mb[name]:.0f}" for each in phases.values())
        cpu = ", ".join(f"{each.cpu_percent[name]:.0f}" for each in phases.values())
        yield f"| {name} | {memory} | {cpu} |"
