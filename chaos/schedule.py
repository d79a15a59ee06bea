"""Schedules: faults one after another and beside each other, drawn by a seed, all healed in time.

What is on the way of the clients is broken in one lane, what stands beside it in the other: within
a lane one thing at a time, and time to recover after it; lanes know nothing of each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["LANES", "Kind", "Moment", "Step", "drawn", "moments_of"]

# Between two faults of a lane, in seconds: a broker that was killed is there again.
PAUSE_S = (10.0, 20.0)

# When the first may begin.
FIRST_S = 5.0


@dataclass(frozen=True)
class Kind:
    """A fault that may be drawn.

    Attributes:
        resource, fault: What is broken, and how.
        lasts_s: Between so many seconds.
        parameters: What the fault is told besides.
    """

    resource: str
    fault: str
    lasts_s: tuple[float, float]
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A fault that was drawn.

    Attributes:
        kind: Which.
        at_s: When it begins, after the schedule has begun.
        lasts_s: How long it lasts.
    """

    kind: Kind
    at_s: float
    lasts_s: float

    @property
    def until_s(self) -> float:
        """When it is over."""
        return self.at_s + self.lasts_s

    def __str__(self) -> str:
        """For people."""
        what = f"{self.kind.fault} of {self.kind.resource}"
        return f"{what} from {self.at_s:.1f} s to {self.until_s:.1f} s"


@dataclass(frozen=True)
class Moment:
    """When a fault begins, or is healed.

    Attributes:
        at_s: After the schedule has begun.
        number: The step's.
        begins: Whether it begins then.
    """

    at_s: float
    number: int
    begins: bool


# Clients give up a transaction after half a minute: nothing on their way lasts so long.
LANES: tuple[tuple[Kind, ...], ...] = (
    (
        Kind("broker", "kill", (1.0, 4.0)),
        Kind("broker", "terminate", (1.0, 4.0)),
        Kind("broker", "pause", (2.0, 10.0)),
        Kind("relay", "isolate", (2.0, 10.0)),
        Kind("relay", "blackhole", (2.0, 10.0)),
        Kind("relay", "slow", (4.0, 10.0), {"delay_ms": 300}),
    ),
    (
        Kind("hello-world", "kill", (2.0, 15.0)),
        Kind("hello-world", "terminate", (2.0, 15.0)),
        Kind("prometheus", "kill", (2.0, 15.0)),
        Kind("alertmanager", "terminate", (2.0, 15.0)),
        Kind("exporter", "kill", (2.0, 15.0)),
        Kind("node-exporter", "kill", (2.0, 15.0)),
    ),
)


def drawn(
    seed: int, duration_s: float, lanes: Sequence[Sequence[Kind]] = LANES
) -> tuple[Step, ...]:
    """A schedule, in the order in which faults begin; the same seed draws the same.

    Args:
        seed: Of what is left to chance.
        duration_s: Before that all of them are over.
        lanes: What may be drawn, beside each other.
    """
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    found: list[Step] = []
    for kinds in lanes:
        at_s = chance.uniform(0, FIRST_S)
        while True:
            kind = chance.choice(kinds)
            step = Step(kind, at_s, chance.uniform(*kind.lasts_s))
            if step.until_s > duration_s:
                break
            found.append(step)
            at_s = step.until_s + chance.uniform(*PAUSE_S)
    return tuple(sorted(found, key=lambda each: each.at_s))


def moments_of(steps: Sequence[Step]) -> Iterator[Moment]:
    """When something is to be done, in its order."""
    found = [Moment(step.at_s, number, begins=True) for number, step in enumerate(steps)]
    found += [Moment(step.until_s, number, begins=False) for number, step in enumerate(steps)]
    yield from sorted(found, key=lambda each: each.at_s)
