"""The result of a load: of one worker, and of all together."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from load.account import Account
from load.clock import Clock
from load.latency import Latencies
from load.tally import Tally
from load.vitals import NOTHING, Vital

__all__ = ["FAILED", "Moment", "Result", "borne_per_s", "merged", "together"]

MS_US = 1_000

# The file of what went wrong in a worker, where something did.
FAILED = "failed.txt"


@dataclass(frozen=True)
class Moment:
    """What happened in one second, in numbers that can be shown.

    Attributes:
        at_s: Its end, since the start.
        scheduled: Messages that were due.
        acknowledged: Those that were acknowledged, whenever they were due.
        p50_ms, p99_ms, max_ms: Of their latency, from when each was due.
        lateness_p99_ms: Of those that were due, until they were given to the client.
        cpu: The share of a processor that each used; by what they are called.
        waited: The share of a processor that the generator waited for.
        resident_mb: The resident memory of the worker's process.
        vital: What its client has told of itself.
    """

    at_s: float
    scheduled: int
    acknowledged: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    lateness_p99_ms: float
    cpu: Mapping[str, float]
    waited: float = 0.0
    resident_mb: float = 0.0
    vital: Vital = NOTHING


@dataclass(frozen=True)
class Result:
    """What one worker tells, or all together; it travels as JSON.

    Attributes:
        worker: Which.
        clock: Of the machine that it ran on.
        started_ns: When its schedule began, on that clock.
        account: What became of every message.
        latency, lateness: Histograms, encoded.
        moments: Second by second.
    """

    worker: int
    clock: Clock
    started_ns: int
    account: Account
    latency: str
    lateness: str
    moments: tuple[Moment, ...]

    @classmethod
    def of(cls, tally: Tally, started_ns: int, moments: Iterable[Moment]) -> Result:
        """A worker's."""
        return cls(
            tally.worker,
            Clock.here(),
            started_ns,
            tally.account(),
            tally.latency.encode(),
            tally.lateness.encode(),
            tuple(moments),
        )

    def as_json(self) -> bytes:
        """As it travels."""
        return ADAPTER.dump_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Result:
        """As it was told."""
        return ADAPTER.validate_json(text)

    def write(self, folder: Path) -> Path:
        """Put it into a folder; the file."""
        file = folder / f"worker-{self.worker}.json"
        file.write_bytes(self.as_json())
        return file


ADAPTER = TypeAdapter(Result)


def together(workers: Sequence[Sequence[Moment]]) -> tuple[Moment, ...]:
    """The seconds of all workers: sums of what they did, and the worst of what they saw.

    Each has its own clock's begin, so that what the first calls a second is one. So is who was
    busy: its own are the first's, the broker's are the same for all.
    """
    if not workers:
        return ()
    first, *others = workers
    found = []
    for number, moment in enumerate(first):
        same = (moment, *(each[number] for each in others if number < len(each)))
        found.append(
            Moment(
                at_s=moment.at_s,
                scheduled=sum(each.scheduled for each in same),
                acknowledged=sum(each.acknowledged for each in same),
                p50_ms=max(each.p50_ms for each in same),
                p99_ms=max(each.p99_ms for each in same),
                max_ms=max(each.max_ms for each in same),
                lateness_p99_ms=max(each.lateness_p99_ms for each in same),
                cpu=moment.cpu,
                waited=max(each.waited for each in same),
                resident_mb=sum(each.resident_mb for each in same),
                vital=Vital(
                    statistics.mean(each.vital.batch_records for each in same),
                    max(each.vital.rtt_ms for each in same),
                ),
            )
        )
    return tuple(found)


def borne_per_s(moments: Sequence[Moment], warm_up_s: float) -> float:
    """Messages that were acknowledged in a second, from the first that was due to the last answer.

    Those of the warm-up count, too: of a flood, what was due in it is still sent when it is over.

    Args:
        moments: Of one worker, or of all together.
        warm_up_s: For how long they were offered before they were measured.
    """
    took_s = warm_up_s + max((each.at_s for each in moments), default=-warm_up_s)
    return sum(each.acknowledged for each in moments) / took_s if took_s > 0 else 0.0


def merged(results: Iterable[Result]) -> tuple[Account, Latencies, Latencies]:
    """The account of all workers, their latency and their lateness, each merged exactly."""
    account = Account(0, 0, 0, 0, 0, 0)
    latency, lateness = Latencies(), Latencies()
    for each in results:
        account += each.account
        latency.merge(Latencies.decode(each.latency))
        lateness.merge(Latencies.decode(each.lateness))
    return account, latency, lateness
