"""What an artifact is: something that has to be on disk before a resource can start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from groundwork.artifacts.cache import Cache, Provenance

__all__ = ["Artifact", "NotThisWayError", "Progress", "Report", "Resolved", "obtain", "resolve_all"]

# Fetching waits for the network, building for processors: more at once brings nothing.
AT_ONCE = 4


class NotThisWayError(Exception):
    """One way of getting something doesn't work here; the text says why, in a few words."""


@dataclass(frozen=True)
class Progress:
    """How far the fetching of an artifact is; ``total`` is None where nobody knows."""

    artifact: str
    done: int = 0
    total: int | None = None
    note: str = ""
    finished: bool = False


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Resolved:
    """An artifact on disk.

    Attributes:
        name: The artifact's name.
        version: The version that was found.
        source: Where it is from: ``PATH``, ``wheel``, ``Maven``, ``Debian package``, ``Go build``.
        path: The folder that holds it.
        cached: Whether it was there already.
    """

    name: str
    version: str
    source: str
    path: Path
    cached: bool

    def program(self, command: str) -> Path:
        """The path of one of its programs."""
        return self.path / command


class Artifact(Protocol):
    """Something that can be resolved; see the other modules of this package."""

    @property
    def name(self) -> str:
        """Unique among the artifacts of an environment."""

    def key(self) -> str:
        """What the declaration amounts to, without looking at disk or network."""

    def resolve(
        self, cache: Cache, report: Report, cancel: threading.Event | None = None
    ) -> Resolved:
        """Find it, or fetch it into the cache.

        Raises:
            ArtifactError: It can't be had; one line that says how to supply it.
        """


def obtain(
    cache: Cache,
    name: str,
    key: str,
    make: Callable[[Path], Provenance],
    report: Report,
    cancel: threading.Event | None,
) -> Resolved:
    """Take an artifact from the cache, or make it there, and tell that it is at hand."""
    entry = cache.entry(
        name, key, make, noticed=lambda note: report(Progress(name, note=note)), cancel=cancel
    )
    report(Progress(name, finished=True))
    made = entry.provenance
    return Resolved(name, made.version, made.source, entry.path, entry.cached)


def resolve_all(
    artifacts: list[Artifact], cache: Cache, report: Report, cancel: threading.Event | None = None
) -> dict[str, Resolved]:
    """Resolve artifacts at the same time; the first error ends the others.

    Raises:
        ArtifactError: One of them can't be had.
    """
    stop = cancel or threading.Event()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="artifact") as pool:
        futures = {a.name: pool.submit(a.resolve, cache, report, stop) for a in artifacts}
        done, pending = wait(futures.values(), return_when=FIRST_EXCEPTION)
        errors = [error for future in done if (error := future.exception()) is not None]
        if errors:
            stop.set()
            for future in pending:
                future.cancel()
            raise errors[0]
    return {name: future.result() for name, future in futures.items()}
