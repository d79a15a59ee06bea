"""Artifacts from Maven: a lock of coordinates with sha256 sums, fetched without Maven.

A lock file has one line per file: ``group:artifact:packaging[:classifier]:version sha256``. It
names no address; jgo knows where Maven's packages are.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from groundwork.artifacts.artifact import Artifact
from groundwork.artifacts.cache import Provenance, sha256_of
from groundwork.artifacts.workshop import Workshop
from groundwork.base.errors import ArtifactError, CancelledError, UsageError

if TYPE_CHECKING:
    from jgo.maven import Component, MavenContext

__all__ = [
    "Coordinate",
    "MavenJars",
    "compile_lock",
    "newest",
    "read_lock",
    "wanted_in",
    "write_lock",
]

# Small files from one server: more connections than this only queue there.
AT_ONCE = 8

FIELDS_MIN, FIELDS_MAX = 4, 5


@dataclass(frozen=True, order=True)
class Coordinate:
    """One file in a Maven repository."""

    group: str
    artifact: str
    packaging: str
    classifier: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Coordinate:
        """``group:artifact:packaging[:classifier]:version``.

        Raises:
            ValueError: It has fewer or more parts.
        """
        parts = text.split(":")
        if len(parts) == FIELDS_MIN:
            parts.insert(3, "")
        if len(parts) != FIELDS_MAX or not all(parts[:3] + parts[4:]):
            raise ValueError(f"{text!r} should be group:artifact:packaging[:classifier]:version")
        return cls(*parts)

    def __str__(self) -> str:
        parts = [self.group, self.artifact, self.packaging, self.classifier, self.version]
        return ":".join(part for part in parts if part)


@dataclass(frozen=True)
class Locked:
    """A coordinate and the sha256 that its file must have."""

    coordinate: Coordinate
    sha256: str


def read_lock(file: Path) -> tuple[Locked, ...]:
    """The lines of a lock file; lines that begin with # are comments.

    Raises:
        UsageError: A line isn't one; names file and line.
    """
    locked = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        text, _, sha256 = line.partition(" ")
        try:
            locked.append(Locked(Coordinate.parse(text), sha256.strip()))
        except ValueError as error:
            raise UsageError(f"{file}:{number}: {error}") from error
    return tuple(locked)


def fetch(coordinate: Coordinate, folder: Path) -> Path:
    """Fetch one file into a folder of its own below ``folder``."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - its import costs a tenth of a second

    component = component_of(MavenContext(repo_cache=folder), coordinate)
    return Path(component.artifact(coordinate.classifier, coordinate.packaging).resolve())


def component_of(context: MavenContext, coordinate: Coordinate) -> Component:
    """What jgo calls a group, an artifact and a version together."""
    project = context.project(coordinate.group, coordinate.artifact)
    return project.at_version(coordinate.version)


@dataclass(frozen=True)
class MavenJars(Artifact):
    """Jars of a lock, all in one folder: a class path is ``FOLDER/*``.

    Attributes:
        name: The artifact's name.
        lock: Its lock file; the first line's version is the artifact's.
    """

    name: str
    lock: Path

    @cached_property
    def locked(self) -> tuple[Locked, ...]:
        """What the lock file names: coordinates with sums."""
        return read_lock(self.lock)

    def key(self) -> str:
        """The kind of artifact, and the lock file's content."""
        return f"MavenJars:{self.lock.read_text()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Fetch all files.

        Raises:
            ArtifactError: A file can't be fetched, or isn't what the lock says.
            CancelledError: The run ended meanwhile.
        """
        total = len(self.locked)
        workshop.tell(self.name, total=total)
        with scratch(folder) as repository, ThreadPoolExecutor(AT_ONCE) as pool:
            fetching = {
                pool.submit(fetch, each.coordinate, repository): each for each in self.locked
            }
            try:
                for done, future in enumerate(as_completed(fetching), 1):
                    if workshop.cancel.is_set():
                        raise CancelledError(f"the run ended while {self.name} was fetched")
                    locked = fetching[future]
                    try:
                        file = future.result()
                    except Exception as error:
                        raise self._unavailable(locked, error) from error
                    self._check(locked, file)
                    file.rename(folder / file.name)
                    workshop.tell(self.name, done=done, total=total)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return Provenance(self.locked[0].coordinate.version, "Maven")

    def _unavailable(self, locked: Locked, error: Exception) -> ArtifactError:
        return ArtifactError(
            f"{self.name}: can't fetch {locked.coordinate} from Maven ({type(error).__name__}); "
            "connect to the network once, or copy a filled cache folder here (GROUNDWORK_CACHE_DIR)"
        )

    def _check(self, locked: Locked, file: Path) -> None:
        found = sha256_of(file)
        if found != locked.sha256:
            raise ArtifactError(
                f"{self.name}: {locked.coordinate} is not what {self.lock.name} says: expected "
                f"sha256 {locked.sha256}, got {found}"
            )


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system as ``folder``."""
    path = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def wanted_in(file: Path) -> tuple[Coordinate, ...]:
    """The coordinates that are asked for, a line each; what follows a # is a comment.

    Raises:
        UsageError: A line isn't one; names file and line.
    """
    wanted = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        text = line.partition("#")[0].strip()
        try:
            wanted += [Coordinate.parse(text)] if text else []
        except ValueError as error:
            raise UsageError(f"{file}:{number}: {error}") from error
    return tuple(wanted)


def newest(coordinate: Coordinate) -> str:
    """The newest release that is listed, or the version itself where none is.

    Raises:
        ArtifactError: The list can't be had.
    """
    from jgo.maven import MavenContext  # noqa: PLC0415 - see fetch

    with tempfile.TemporaryDirectory() as folder:
        project = MavenContext(repo_cache=Path(folder)).project(
            coordinate.group, coordinate.artifact
        )
        try:
            project.update()
        except Exception as error:
            kind = type(error).__name__
            raise ArtifactError(
                f"{coordinate.group}:{coordinate.artifact}: Maven lists no versions ({kind})"
            ) from error
        listed = list(project.metadata.versions) if project.metadata else []
    releases = [each for each in map(release, listed) if each is not None]
    return str(max(releases)[1]) if releases else coordinate.version


def release(text: str) -> tuple[Version, str] | None:
    """A version that compares, with its text; None of what comes before a release."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    return None if version.is_prerelease else (version, text)


def compile_lock(wanted: Sequence[Coordinate]) -> tuple[Locked, ...]:
    """Resolve coordinates and all that they need at run time; the wanted ones come first."""
    from jgo.maven import Dependency, MavenContext, PythonResolver  # noqa: PLC0415 - see fetch

    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), resolver=PythonResolver())
        asked = [
            Dependency(component_of(context, each).artifact(each.classifier, each.packaging))
            for each in wanted
        ]
        found = list(wanted)
        jars = [each for each, want in zip(asked, wanted, strict=True) if want.packaging == "jar"]
        if jars:
            _, needed = context.resolver.resolve(jars)
            found += sorted(
                Coordinate(d.groupId, d.artifactId, d.type, d.classifier or "", d.version)
                for d in needed
            )
        unique = dict.fromkeys(found)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            files = pool.map(lambda each: fetch(each, Path(folder)), unique)
            return tuple(
                Locked(each, sha256_of(file)) for each, file in zip(unique, files, strict=True)
            )


def write_lock(file: Path) -> int:
    """Compile FILE.in into FILE.lock beside it; how many files that holds."""
    locked = compile_lock(wanted_in(file))
    text = "".join(f"{each.coordinate} {each.sha256}\n" for each in locked)
    header = f"# Compiled from {file.name} by `make lock`; don't edit.\n"
    file.with_suffix(".lock").write_text(header + text)
    return len(locked)


def main() -> int:
    """Compile lock files: `python -m groundwork.artifacts.maven FILE.in...`."""
    parser = argparse.ArgumentParser(
        prog="python -m groundwork.artifacts.maven",
        description="Compile FILE.in (Maven coordinates asked for, a line each, # for comments) "
        "into FILE.lock (all that they need, with sha256 sums).",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.in")
    for file in parser.parse_args().files:
        count = write_lock(file)
        sys.stdout.write(f"{file.with_suffix('.lock')}: {count} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
