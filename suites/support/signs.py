"""Signs: what was seen of a load beside its own figures, to say whose fault it is."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import allure

from groundwork.base.footprint import Footprint
from groundwork.use.client import Client
from load.account import LIMIT_MS
from load.conclusion import Conclusion
from load.result import Moment, together
from load.suspects import Busy, Signs, lines_of
from load.usage import CLIENT, GENERATOR
from suites.support.meanwhile import meanwhile

__all__ = ["OBJECTIVE_MS", "Watched", "signs_of", "watching"]

# What 99 of 100 records may take on a broker that isn't at its end (see objectives.yaml).
OBJECTIVE_MS = 50.0

BROKER = "broker"

LOOK_INTERVAL_S = 1.0


@dataclass
class Watched:
    """What the broker took, look by look.

    Attributes:
        looks: When each was, on the monotonic clock, and what it was then.
        free_share: Of what the broker writes to, at the least; None where nobody looks.
    """

    looks: list[tuple[float, Footprint]] = field(default_factory=list)
    free_share: float | None = None

    @property
    def broker(self) -> Busy:
        """How busy it was while somebody has looked; where it was begun anew, not before."""
        used = waited = passed_s = 0.0
        for (since_s, before), (until_s, after) in pairwise(self.looks):
            if after.cpu_s >= before.cpu_s:
                used += after.cpu_s - before.cpu_s
                waited += max(0.0, after.waited_s - before.waited_s)
                passed_s += until_s - since_s
        return Busy(used / passed_s, waited / passed_s) if passed_s else Busy(0.0)


@contextmanager
def watching(client: Client, free_share: Callable[[], float] | None = None) -> Iterator[Watched]:
    """Have somebody look at the broker for as long as the block runs.

    Args:
        client: Of the keeper.
        free_share: Tells how much is free of what the broker writes to.
    """
    watched = Watched()

    def look(over: threading.Event) -> None:
        while not over.wait(LOOK_INTERVAL_S):
            found = client.footprints([BROKER])[BROKER]
            watched.looks.append((time.monotonic(), found))
            if free_share is not None:
                known = watched.free_share
                watched.free_share = min(free_share(), 1.0 if known is None else known)

    with meanwhile(look):
        yield watched


def signs_of(conclusion: Conclusion, watched: Watched) -> Signs:
    """The signs of a load, in the report and for whoever decides.

    Args:
        conclusion: What it has come to.
        watched: What was seen of the broker meanwhile.
    """
    moments = [each for each in together(conclusion.moments) if each.at_s > 0 and each.scheduled]
    account = conclusion.account
    signs = Signs(
        late_share=mean_of(moments, lambda each: each.lateness_p99_ms > LIMIT_MS),
        lateness_ms_p99=max((each.lateness_p99_ms for each in moments), default=0.0),
        latency_ms_p99=conclusion.percentiles_ms["p99"],
        objective_ms=OBJECTIVE_MS,
        generator=Busy(
            mean_of(moments, lambda each: each.cpu.get(GENERATOR, 0.0)),
            mean_of(moments, lambda each: each.waited),
        ),
        client=Busy(mean_of(moments, lambda each: each.cpu.get(CLIENT, 0.0))),
        broker=watched.broker,
        batch_records=mean_of(moments, lambda each: each.vital.batch_records),
        rtt_ms=mean_of(moments, lambda each: each.vital.rtt_ms),
        unanswered=account.failed + account.unknown,
        disk_free_share=watched.free_share,
    )
    allure.attach("\n".join(lines_of(signs)), "whose fault it is")
    return signs


def mean_of(moments: list[Moment], value: Callable[[Moment], float]) -> float:
    """The mean over seconds; 0 of none."""
    return statistics.fmean(map(value, moments)) if moments else 0.0
