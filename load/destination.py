"""The destination: where a worker's records go, and where it looks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from zlib import crc32

from load.settings import LoadSettings

__all__ = ["Destination", "share_of"]


@dataclass(frozen=True)
class Destination:
    """A topic, and what of it is a worker's.

    Attributes:
        topic: Which.
        partitions: How many it has.
        own: The numbers of those that the worker sends to.
        run: The mark of what it sends.
    """

    topic: str
    partitions: int
    own: tuple[int, ...]
    run: int = 0

    @classmethod
    def of(cls, settings: LoadSettings, worker: int) -> Self:
        """That of a worker: all partitions, unless it reads what it has sent, and nothing else."""
        whole = tuple(range(settings.partitions))
        own = share_of(settings.partitions, worker, settings.workers) if settings.reads else whole
        return cls(settings.topic, settings.partitions, own, settings.run)

    def partition_of(self, key: bytes) -> int:
        """Where records with a key go: always to the same one."""
        return self.own[crc32(key) % len(self.own)]


def share_of(partitions: int, worker: int, workers: int) -> tuple[int, ...]:
    """The partitions of one of several workers: each has some, and none is another's."""
    return tuple(range(worker, partitions, workers))
