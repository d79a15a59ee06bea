"""Vitals: what a client of the broker tells of itself, once a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NOTHING", "Vital", "Vitals"]

EVERY_MS = 1_000

MS_US = 1_000


@dataclass(frozen=True)
class Vital:
    """What a client has told of a second.

    Attributes:
        batch_records: How many records it sent at once to a partition, on the average; 0 of none.
        rtt_ms: From when it had sent a request until it was answered, on the average; 0 of none.
    """

    batch_records: float = 0.0
    rtt_ms: float = 0.0


NOTHING = Vital()


class Vitals:
    """Hears what a client tells, and knows the last of it.

    Attributes:
        last: Of the last second.
    """

    def __init__(self) -> None:
        self.last = NOTHING

    def configuration(self) -> dict[str, object]:
        """What the client is configured with, so that it tells."""
        return {"statistics.interval.ms": EVERY_MS, "stats_cb": self.hear}

    def hear(self, statistics: str) -> None:
        """What the client has told: librdkafka's statistics, as JSON."""
        told = json.loads(statistics)
        self.last = Vital(
            batch_records=mean_of(each["batchcnt"] for each in told["topics"].values()),
            rtt_ms=mean_of(each["rtt"] for each in told["brokers"].values()) / MS_US,
        )


def mean_of(windows: Iterable[Mapping[str, Any]]) -> float:
    """The mean of all that several windows have counted."""
    whole = [(each["sum"], each["cnt"]) for each in windows]
    count = sum(each for _, each in whole)
    return float(sum(each for each, _ in whole) / count) if count else 0.0
