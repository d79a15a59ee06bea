"""The knee: up to which rate a broker answers in time, found by a load that rises in steps.

It is the first step in which 99 of 100 messages took longer than they may for three seconds in a
row, while the generator kept its schedule in each of these. Where the generator doesn't, nothing is
said of the broker: what is known then is that its own limit is at least what was borne before.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from groundwork.base.errors import UsageError
from groundwork.checkers.history import SECOND_NS
from load.account import LIMIT_MS
from load.arrivals import Even
from load.result import Moment
from load.settings import LoadSettings

__all__ = ["WINDOWS", "Knee", "Step", "knee_of", "steps_of"]

# One second may be a collection of garbage, and two a busy neighbour.
WINDOWS = 3

PER_KS = 1_000

# Sums of seconds that are floats: a moment that ends with its step is one of it.
ROUNDING_S = 1e-6

# Who couldn't bear more: whom the load was offered to, who offered it, or neither of them.
Limit = Literal["broker", "generator", "nobody"]


@dataclass(frozen=True)
class Step:
    """A step of a load, and its seconds.

    Attributes:
        rate_per_s: Messages that are due in a second.
        moments: Of it, whole seconds, of all workers together.
    """

    rate_per_s: float
    moments: tuple[Moment, ...]

    @property
    def acknowledged_per_s(self) -> float:
        """Messages that were acknowledged in a second of it, on the average."""
        counts = [each.acknowledged for each in self.moments]
        return statistics.fmean(counts) if counts else 0.0

    @property
    def latency_ms_p99(self) -> float:
        """Of its seconds half were slower than that, at the 99th percentile."""
        found = [each.p99_ms for each in self.moments]
        return statistics.median_high(found) if found else 0.0

    @property
    def lateness_ms_p99(self) -> float:
        """How late 99 of 100 messages were sent, in the worst of its seconds."""
        return max((each.lateness_p99_ms for each in self.moments), default=0.0)


@dataclass(frozen=True)
class Knee:
    """What a rising load has come to.

    Attributes:
        limit: Whose it is.
        at_per_s: The rate of the step at which it was met; 0 where it is nobody's.
        borne_per_s: The highest rate before that; 0 where there is none.
        objective_ms: What 99 of 100 messages may take.
    """

    limit: Limit
    at_per_s: float
    borne_per_s: float
    objective_ms: float

    def line(self) -> str:
        """For people."""
        if self.limit == "broker":
            return (
                f"the knee is at {self.at_per_s:,.0f} messages a second: 99 of 100 took over "
                f"{self.objective_ms:g} ms for {WINDOWS} seconds; {self.borne_per_s:,.0f} are borne"
            )
        if self.limit == "generator":
            return (
                f"no knee: at {self.at_per_s:,.0f} messages a second the generator didn't keep its "
                f"schedule; the generator's limit is at least {self.borne_per_s:,.0f}"
            )
        return f"no knee up to {self.borne_per_s:,.0f} messages a second, which are borne"


def steps_of(settings: LoadSettings, moments: Sequence[Moment]) -> tuple[Step, ...]:
    """The steps of a load that was begun; the last may have fewer seconds than it should.

    Args:
        settings: Of the load.
        moments: Its seconds, of all workers together.

    Raises:
        UsageError: Its load doesn't go in steps.
    """
    schedule = settings.schedule()
    if settings.arrivals != "step" or not isinstance(schedule, Even):
        raise UsageError(f"arrivals: a knee is found by steps, not by {settings.arrivals}")
    found = []
    for piece in schedule.pieces:
        begin_s, end_s = piece.begin_ns / SECOND_NS, piece.end_ns / SECOND_NS
        own = tuple(
            each
            for each in moments
            if each.at_s - 1 >= begin_s - ROUNDING_S and each.at_s <= end_s + ROUNDING_S
        )
        if own:
            found.append(Step(piece.rate_per_ks / PER_KS, own))
    return tuple(found)


def knee_of(steps: Sequence[Step], objective_ms: float) -> Knee:
    """Where the knee is, or whose limit is met instead.

    Args:
        steps: Of a load, in their order.
        objective_ms: What 99 of 100 messages may take.
    """
    borne_per_s = 0.0
    for step in steps:
        limit = limit_in(step, objective_ms)
        if limit != "nobody":
            return Knee(limit, step.rate_per_s, borne_per_s, objective_ms)
        borne_per_s = max(borne_per_s, step.rate_per_s)
    return Knee("nobody", 0.0, borne_per_s, objective_ms)


def limit_in(step: Step, objective_ms: float) -> Limit:
    """Whose limit is met in a step; the broker's where that comes first."""
    slow = late = 0
    for moment in step.moments:
        on_time = moment.lateness_p99_ms <= LIMIT_MS
        slow = slow + 1 if on_time and moment.p99_ms > objective_ms else 0
        late = 0 if on_time else late + 1
        if slow == WINDOWS:
            return "broker"
        if late == WINDOWS:
            return "generator"
    return "nobody"


def lines_of(steps: Sequence[Step]) -> Iterator[str]:
    """A table of the steps, for people."""
    yield "| due a second | acknowledged a second | p99 | p99 of lateness |"
    yield "|---|---|---|---|"
    for each in steps:
        yield (
            f"| {each.rate_per_s:,.0f} | {each.acknowledged_per_s:,.0f} "
            f"| {each.latency_ms_p99:.1f} ms | {each.lateness_ms_p99:.1f} ms |"
        )
