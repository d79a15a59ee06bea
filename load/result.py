"""The result of a load: of one worker, and of all together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from load.account import Account
from load.latency import Latencies
from load.tally import Tally

__all__ = ["FAILED", "GONE", "Moment", "Result", "merged"]

MS_US = 1_000

# The file of what went wrong in a worker, where something did.
FAILED = "failed.txt"

# The file that is there once whom a load is offered to is gone for good: its workers look for it.
GONE = "gone.txt"


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
    """

    at_s: float
    scheduled: int
    acknowledged: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    lateness_p99_ms: float
    cpu: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """What one worker tells, or all together; it travels as JSON.

    Attributes:
        worker: Which.
        started_ns: When its schedule began, on the machine's monotonic clock.
        account: What became of every message.
        latency, lateness: Histograms, encoded.
        moments: Second by second.
    """

    worker: int
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


def merged(results: Iterable[Result]) -> tuple[Account, Latencies, Latencies]:
    """The account of all workers, their latency and their lateness, each merged exactly."""
    account = Account(0, 0, 0, 0, 0, 0)
    latency, lateness = Latencies(), Latencies()
    for each in results:
        account += each.account
        latency.merge(Latencies.decode(each.latency))
        lateness.merge(Latencies.decode(each.lateness))
    return account, latency, lateness
