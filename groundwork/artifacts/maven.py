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
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from groundwork.artifacts.artifact import Artifact
from groundwork.artifacts.cache import Provenance, sha256_of
from groundwork.artifacts.workshop import Workshop
from groundwork.base.errors import ArtifactError, CancelledError, UsageError

if TYPE_CHECKING:
    from jgo.maven import Component, MavenContext

__all__ = ["Coordinate", "MavenArchive", "MavenJars", "compile_lock", "read_lock"]

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
class MavenFiles(Artifact):
    """Files of a lock, in a folder of the cache; the two public kinds differ in what they unpack.

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
        """The kind of files, and the lock file's content."""
        return f"{type(self).__name__}:{self.lock.read_text()}"

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
                    self._place(file, folder)
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

    def _place(self, file: Path, folder: Path) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class MavenJars(MavenFiles):
    """Jars, all in one folder: a class path is ``FOLDER/*``."""

    def _place(self, file: Path, folder: Path) -> None:
        file.rename(folder / file.name)


@dataclass(frozen=True)
class MavenArchive(MavenFiles):
    """One zip file, unpacked without its single top folder."""

    def _place(self, file: Path, folder: Path) -> None:
        with scratch(folder) as unpacked:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(unpacked)  # zipfile drops absolute paths and `..`
            for top in unpacked.iterdir():
                for path in top.iterdir():
                    path.rename(folder / path.name)


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system as ``folder``."""
    path = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path)


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


def main() -> int:
    """Compile lock files: `python -m groundwork.artifacts.maven FILE.in...`."""
    parser = argparse.ArgumentParser(
        prog="python -m groundwork.artifacts.maven",
        description="Compile FILE.in (Maven coordinates asked for, a line each, # for comments) "
        "into FILE.lock (all that they need, with sha256 sums).",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.in")
    for file in parser.parse_args().files:
        lines = [line.strip() for line in file.read_text().splitlines()]
        wanted = [Coordinate.parse(line) for line in lines if line and not line.startswith("#")]
        locked = compile_lock(wanted)
        text = "".join(f"{each.coordinate} {each.sha256}\n" for each in locked)
        header = f"# Compiled from {file.name} by `make lock`; don't edit.\n"
        file.with_suffix(".lock").write_text(header + text)
        sys.stdout.write(f"{file.with_suffix('.lock')}: {len(locked)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
