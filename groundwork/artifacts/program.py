"""Server programs: from PATH, else a Debian package unpacked without root, else a Go build."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from groundwork.artifacts import debian
from groundwork.artifacts.artifact import Artifact, NotThisWayError, Resolved
from groundwork.artifacts.cache import Provenance, sha256_of
from groundwork.artifacts.gobuild import (
    BUILDING_NOTE,
    build,
    find_go,
    tool_package,
    without_reasons,
)
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.errors import ArtifactError, CancelledError
from groundwork.base.process import ProcessFailedError

__all__ = ["Command", "Program", "version_in"]

VERSION_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Command:
    """An executable: its own name, and the name that its Debian package gives it."""

    name: str
    debian: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which it may be found."""
        return (self.name, self.debian) if self.debian else (self.name,)


@dataclass(frozen=True)
class Program(Artifact):
    """The executables of one server.

    Attributes:
        name: The artifact's name.
        commands: The executables; the first one tells the version (``--version``).
        minimum: The oldest version that will do.
        debian_packages: The packages that hold them.
        go_module: A folder with go.mod and go.sum whose tools they are.
        go_ldflags: What the linker has to put in, such as the version that a release would tell.
        go_tags: What releases are built with.
        debian_share: The folder that the package's build has compiled in, if it needs one. The
            executables in the cache are pointed at `share` beside them (same length, as conda
            relocates a prefix), so the program must run with the artifact's folder as its own.
    """

    name: str
    commands: tuple[Command, ...]
    minimum: str
    debian_packages: tuple[str, ...]
    go_module: Path
    go_ldflags: str = ""
    go_tags: tuple[str, ...] = ()
    debian_share: str = ""

    def key(self) -> str:
        """The declaration and the Go module's lock."""
        sums = [without_reasons(self.go_module / file) for file in ("go.mod", "go.sum")]
        lock = hashlib.sha256("".join(sums).encode()).hexdigest()
        how = f"{self.debian_packages} {self.debian_share} {self.go_ldflags}"
        return " ".join([f"{self.name}>={self.minimum}", how, *self.go_tags, lock])

    def resolve(self, workshop: Workshop) -> Resolved:
        """Find the program, or get it.

        Raises:
            ArtifactError: No way works; names each with its reason, and how to supply it.
        """
        reasons = []
        ways: tuple[tuple[str, Callable[[], Resolved]], ...] = (
            ("PATH", lambda: self._from_path(workshop)),
            ("Debian package", lambda: self._cached("Debian package", workshop)),
            ("Go build", lambda: self._cached("Go build", workshop)),
        )
        for source, way in ways:
            if workshop.cancel.is_set():
                raise CancelledError(f"the run ended before {self.name} was found")
            try:
                return way()
            except NotThisWayError as reason:
                reasons.append(f"{source}: {reason}")
        raise ArtifactError(
            f"{self.name}: none of these ways works: {'; '.join(reasons)}; install {self.name} >= "
            f"{self.minimum} on PATH, or {self.advice}"
        )

    # --- PATH

    def _from_path(self, workshop: Workshop) -> Resolved:
        found = {}
        for command in self.commands:
            path = next((p for name in command.names if (p := shutil.which(name))), None)
            if path is None:
                raise NotThisWayError(f"no {command.name}")
            found[command.name] = Path(path).resolve()
        version = self._version_of(found[self.commands[0].name])
        # Uniform names, whatever the system calls them: links, in a folder named by their targets.
        digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:20]
        folder = workshop.cache.root / "path" / f"{self.name}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in found.items():
            draft = folder / f".{name}-{os.getpid()}-{threading.get_ident()}"
            draft.symlink_to(target)
            draft.replace(folder / name)
        workshop.finish(self.name)
        return Resolved(self.name, version, "PATH", folder, cached=True)

    def _version_of(self, program: Path) -> str:
        """The version that a program tells, if it is new enough."""
        try:
            output = process.run([program, "--version"], timeout_s=VERSION_TIMEOUT_S).output
        except ProcessFailedError as error:
            raise NotThisWayError(f"{program.name} doesn't run") from error
        version = version_in(output)
        if version is None:
            raise NotThisWayError(f"{program.name} tells no version")
        if version < Version(self.minimum):
            raise NotThisWayError(f"{program.name} {version} is too old")
        return str(version)

    # --- cached ways

    def _cached(self, source: str, workshop: Workshop) -> Resolved:
        def make(folder: Path) -> Provenance:
            workshop.tell(self.name)
            if source == "Debian package":
                detail = self._unpack_debian(folder, workshop)
            else:
                detail = self._build_go(folder, workshop)
            version = self._version_of(folder / self.commands[0].name)
            return Provenance(version, f"{source}{detail}")

        key = f"{source} {platform.system()} {platform.machine()} {self.key()}"
        return Resolved.of(self.name, workshop.entry(self.name, key, make))

    def _unpack_debian(self, folder: Path, workshop: Workshop) -> str:
        """Fetch and unpack the Debian packages, as any user: nothing is installed."""
        if not self.debian_packages:
            raise NotThisWayError("there is none")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            debs = debian.fetch(self.debian_packages, Path(scratch), workshop.cancel)
            details = [f"{deb.stem} sha256 {sha256_of(deb)}" for deb in debs]
            for deb in debs:
                debian.unpack(deb, folder / "root", workshop.cancel)
        for command in self.commands:
            binary = next(
                (b for n in command.names if (b := folder / "root/usr/bin" / n).exists()), None
            )
            if binary is None:
                raise NotThisWayError(f"no {command.name} in {', '.join(self.debian_packages)}")
            if self.debian_share:
                relocate(binary, self.debian_share)
            (folder / command.name).symlink_to(binary.relative_to(folder))
        if self.debian_share:
            (folder / "share").symlink_to(f"root{self.debian_share}")
            details.append(f"{self.debian_share} relocated")
        return f" ({'; '.join(details)})"

    def _build_go(self, folder: Path, workshop: Workshop) -> str:
        """Build the tools of the Go module."""
        workshop.tell(self.name, BUILDING_NOTE)
        go = find_go(self.go_module.parent / "go", workshop)
        for command in self.commands:
            package = tool_package(self.go_module, command.name)
            target = folder / command.name
            build(
                go,
                self.go_module,
                package,
                target,
                workshop.cancel,
                ldflags=self.go_ldflags,
                tags=self.go_tags,
            )
        return ""


def version_in(text: str) -> Version | None:
    """The first thing in a text that looks like a version of a release."""
    for found in re.findall(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)?)", text):
        try:
            return Version(found)
        except InvalidVersion:  # pragma: no cover - the pattern admits only versions
            continue
    return None


def relocate(binary: Path, share: str) -> None:
    """Point an executable at the folder `share` in its working directory, in place."""
    old = share.encode()
    new = b"." + b"/" * (len(old) - len("./share") + 1) + b"share"
    binary.write_bytes(binary.read_bytes().replace(old, new))
