"""Suspects: is it the broker, the client or the generator, or what lies between or below them.

Whoever asks why a load was slow sees the same few signs of each: how busy it was, how long it
waited for a processor, and what its work looked like. One is named, by rules in this order: what
can't be written isn't acknowledged, however fast all others are; who can't keep a schedule for lack
of a processor measures nobody else; one record at a time costs everybody the most; who waits for a
processor is slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from load.account import LIMIT_MS

__all__ = ["Busy", "Signs", "Suspect", "lines_of", "suspect_of"]

Suspect = Literal["generator", "disk", "client", "broker", "way", "nobody", "unknown"]

# Of the seconds of a load; one of them may be anything.
LATE_SHARE = 1 / 3

# Fewer than so many records at once, where a thousand times as many come in a second.
BATCH_RECORDS_MIN = 3.0

# Of a processor: so much of what somebody could have done nobody let them do; and so much of what
# they have, they use.
WAITED_SHARE, USED_SHARE = 0.25, 0.85

# A broker that is near answers a request in less than so much, whatever else there is to do.
RTT_MS_MAX = 20.0


@dataclass(frozen=True)
class Busy:
    """How busy somebody was.

    Attributes:
        used: Processors that it had, on the average; 1.5 for one and a half.
        waited: Processors that it could have used besides, and didn't get.
    """

    used: float
    waited: float = 0.0

    @property
    def starved(self) -> bool:
        """Whether it waited for a processor for as long as it matters."""
        return self.waited >= WAITED_SHARE and self.waited >= self.used * WAITED_SHARE


@dataclass(frozen=True)
class Signs:
    """What was seen of a load.

    Attributes:
        late_share: The share of its seconds in which the generator was late.
        lateness_ms_p99: How late it was, in the worst of them.
        latency_ms_p99: What 99 of 100 messages took that were acknowledged.
        objective_ms: What they may take.
        generator: Its one thread.
        client: The other threads of its process, which are the client's.
        broker: All its nodes.
        batch_records: What the client sent at once to a partition.
        rtt_ms: From a request to its answer.
        unanswered: How many messages were refused, or nobody answered.
        disk_free_share: Of what the broker writes to, at the least; None where nobody has looked.
    """

    late_share: float
    lateness_ms_p99: float
    latency_ms_p99: float
    objective_ms: float
    generator: Busy
    client: Busy
    broker: Busy
    batch_records: float
    rtt_ms: float
    unanswered: int = 0
    disk_free_share: float | None = None


def suspect_of(signs: Signs) -> tuple[Suspect, str]:
    """Who it is, and why, in a sentence."""
    took_ms, free = signs.latency_ms_p99, signs.disk_free_share
    slow = took_ms > signs.objective_ms or signs.unanswered > 0
    # Who is late and has a processor waits for its client, which has a broker that takes nothing.
    late, own = signs.late_share >= LATE_SHARE, signs.generator
    rules: tuple[tuple[bool, Suspect, str], ...] = (
        (
            free is not None and free <= 0 and slow,
            "disk",
            f"it was full, and nobody was acknowledged meanwhile; {signs.unanswered} never were",
        ),
        (late and (own.starved or own.used >= USED_SHARE), "generator", generator_of(signs)),
        (
            not slow and not late,
            "nobody",
            f"99 of 100 were answered within {took_ms:.1f} ms",
        ),
        (
            0 < signs.batch_records < BATCH_RECORDS_MIN,
            "client",
            f"it sends {signs.batch_records:.1f} records at once",
        ),
        (
            signs.broker.starved,
            "broker",
            f"it waited for {signs.broker.waited:.2f} processors, and had {signs.broker.used:.2f}",
        ),
        (
            signs.rtt_ms > RTT_MS_MAX,
            "way",
            f"an answer takes {signs.rtt_ms:.0f} ms, and the broker waits for no processor",
        ),
        (
            signs.broker.used >= USED_SHARE,
            "broker",
            f"it had {signs.broker.used:.2f} processors, and used them",
        ),
        (late, "generator", generator_of(signs)),
    )
    found = ((who, why) for so, who, why in rules if so)
    return next(found, ("unknown", "none of these signs explains it"))


def generator_of(signs: Signs) -> str:
    """Why a generator doesn't keep its schedule."""
    own = signs.generator
    late = f"it was late by {signs.lateness_ms_p99:.0f} ms, which may be {LIMIT_MS:g}"
    if own.starved:
        return f"{late}: it waited for {own.waited:.2f} of a processor, and had {own.used:.2f}"
    if own.used >= USED_SHARE:
        return f"{late}: its one thread had {own.used:.2f} of a processor, and can't do more"
    return f"{late}: it had {own.used:.2f} of a processor"


def lines_of(signs: Signs) -> Iterator[str]:
    """A table of the signs, and whom they speak of, for people."""
    yield "| suspect | processors used | waited for | besides |"
    yield "|---|---|---|---|"
    late = f"late in {signs.late_share:.0%} of the seconds, by {signs.lateness_ms_p99:.1f} ms"
    batch = f"{signs.batch_records:.1f} records at once"
    took = f"99 of 100 answered within {signs.latency_ms_p99:.1f} ms"
    for name, busy, besides in (
        ("generator", signs.generator, late),
        ("client", signs.client, batch),
        ("broker", signs.broker, took),
    ):
        yield f"| {name} | {busy.used:.2f} | {busy.waited:.2f} | {besides} |"
    yield f"| way | | | {signs.rtt_ms:.1f} ms until an answer |"
    free = signs.disk_free_share
    yield f"| disk | | | {'not looked at' if free is None else f'{free:.0%} free'} |"
    who, why = suspect_of(signs)
    yield f"it is the {who}: {why}" if who not in {"nobody", "unknown"} else f"{who}: {why}"
