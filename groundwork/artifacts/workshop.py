"""The workshop: what every artifact is given to be resolved with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.artifacts.cache import Cache, Entry, Provenance

__all__ = ["Progress", "Report", "Workshop"]


@dataclass(frozen=True)
class Progress:
    """How far the fetching of an artifact is; ``total`` is None where nobody knows."""

    artifact: str
    done: int = 0
    total: int | None = None
    note: str = ""
    finished: bool = False


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Tell nobody of progress."""


@dataclass(frozen=True)
class Workshop:
    """Where artifacts are made, who is told how far they are, and when to stop.

    Attributes:
        cache: Where they are found, or made.
        report: Called with each step, by several threads at once; by default nobody is told.
        cancel: Set when the run ends; whatever takes long gives up then.
    """

    cache: Cache
    report: Report = silent
    cancel: threading.Event = field(default_factory=threading.Event)

    def tell(self, artifact: str, note: str = "", done: int = 0, total: int | None = None) -> None:
        """Tell what is done for an artifact now, and how far it is."""
        self.report(Progress(artifact, done, total, note))

    def finish(self, artifact: str) -> None:
        """Tell that an artifact is at hand."""
        self.report(Progress(artifact, finished=True))

    def entry(self, artifact: str, key: str, make: Callable[[Path], Provenance]) -> Entry:
        """Take an entry from the cache, or make it there, and tell that it is at hand.

        Args:
            artifact: The artifact's name.
            key: Everything that its content follows from.
            make: Fills an empty folder; whatever it raises leaves no entry.

        Raises:
            CancelledError: The run ended while another process made it.
        """
        entry = self.cache.entry(
            artifact,
            key,
            make,
            noticed=lambda note: self.tell(artifact, note),
            cancel=self.cancel,
        )
        self.finish(artifact)
        return entry
