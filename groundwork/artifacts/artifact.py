"""What an artifact is: something that has to be on disk before a resource can start."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from groundwork.artifacts.cache import Entry, Provenance
from groundwork.artifacts.workshop import Workshop
from groundwork.base.errors import ArtifactError

__all__ = ["Artifact", "NotThisWayError", "Resolved", "resolve_all"]

# Fetching waits for the network, building for processors: more at once brings nothing.
AT_ONCE = 4


class NotThisWayError(Exception):
    """One way of getting something doesn't work here; the text says why, in a few words."""


@dataclass(frozen=True)
class Resolved:
    """An artifact on disk.

    Attributes:
        name: The artifact's name.
        version: The version that was found.
        source: Where it is from: ``PATH``, ``wheel``, ``Maven``, ``npm``, ``Debian package``,
            ``Go build``.
        path: The folder that holds it.
        cached: Whether it was there already.
    """

    name: str
    version: str
    source: str
    path: Path
    cached: bool

    @classmethod
    def of(cls, name: str, entry: Entry) -> Resolved:
        """What an entry of the cache holds."""
        made = entry.provenance
        return cls(name, made.version, made.source, entry.path, entry.cached)

    def program(self, command: str) -> Path:
        """The path of one of its programs."""
        return self.path / command


class Artifact:
    """Something that can be resolved; subclass it (a frozen dataclass is a good fit).

    What is made into the cache (fetched, built, rendered) has two methods of its own: :meth:`key`
    and :meth:`make`. What is not (it is on PATH, or among the project's files) has :meth:`resolve`
    of its own in the place of ``make``.

    Attributes:
        name: Unique among the artifacts of an environment.
        advice: What the user can do where it can't be made.
    """

    name: str
    advice: ClassVar[str] = "connect to the network once"

    def key(self) -> str:
        """What the declaration amounts to, without looking at the cache or the network."""
        raise NotImplementedError

    def cache_key(self) -> str:
        """The key of its entry in the cache; override it where the machine matters, too."""
        return self.key()

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Fill an empty folder; whatever is raised leaves nothing in the cache.

        Raises:
            NotThisWayError: It can't be made here; the user is told why, with the advice.
            ArtifactError: The same, in a line of its own.
        """
        raise NotImplementedError

    def resolve(self, workshop: Workshop) -> Resolved:
        """Take it from the cache, or make it there.

        Raises:
            ArtifactError: It can't be had; one line that says how to supply it.
            CancelledError: The run ended meanwhile.
        """
        try:
            entry = workshop.entry(
                self.name, self.cache_key(), lambda folder: self.make(folder, workshop)
            )
        except NotThisWayError as error:
            raise ArtifactError(f"{self.name}: {error}; {self.advice}") from error
        return Resolved.of(self.name, entry)


def resolve_all(artifacts: list[Artifact], workshop: Workshop) -> dict[str, Resolved]:
    """Resolve artifacts at the same time; the first error ends the others.

    Raises:
        ArtifactError: One of them can't be had.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="artifact") as pool:
        futures = {a.name: pool.submit(a.resolve, workshop) for a in artifacts}
        done, pending = wait(futures.values(), return_when=FIRST_EXCEPTION)
        errors = [error for future in done if (error := future.exception()) is not None]
        if errors:
            workshop.cancel.set()
            for future in pending:
                future.cancel()
            raise errors[0]
    return {name: future.result() for name, future in futures.items()}
