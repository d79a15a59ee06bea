"""Python packages as files: a layer of an image, from a lock with hashes."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts.artifact import Progress, Report, Resolved, obtain
from groundwork.artifacts.cache import Cache, Provenance
from groundwork.artifacts.debian import DebianTree
from groundwork.base import process
from groundwork.base.errors import ArtifactError
from groundwork.base.process import ProcessFailedError

__all__ = ["PythonPackages"]

INSTALL_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class PythonPackages:
    """What a lock file names, installed for the Python of a tree, not for the one that runs here.

    Attributes:
        name: The artifact's name.
        lock: A requirements file with hashes.
        python: The tree whose Python will run them.
    """

    name: str
    lock: Path
    python: DebianTree

    def key(self) -> str:
        """The lock, and the Python."""
        return f"{self.lock.read_text()} for {self.python.key()}"

    def resolve(
        self, cache: Cache, report: Report, cancel: threading.Event | None = None
    ) -> Resolved:
        """Take them from the cache, or install them into it.

        Raises:
            ArtifactError: They can't be had.
        """

        def make(folder: Path) -> Provenance:
            tree = self.python.resolve(cache, report, cancel)
            report(Progress(self.name, note="(Python packages)"))
            process.run(
                [
                    sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes",
                    "--only-binary", ":all:", "--python-version", python_version(tree.path),
                    "--target", folder, "-r", self.lock,
                ],
                timeout_s=INSTALL_TIMEOUT_S,
                cancel=cancel,
            )  # fmt: skip
            return Provenance("", "wheels")

        try:
            return obtain(cache, self.name, self.key(), make, report, cancel)
        except ProcessFailedError as error:
            first = str(error).partition("\n")[0]
            raise ArtifactError(f"{self.name}: {first}; connect to the network once") from error


def python_version(tree: Path) -> str:
    """MAJOR.MINOR of the Python in a tree.

    Raises:
        ArtifactError: There is none.
    """
    for program in sorted((tree / "usr/bin").glob("python3.*")):
        found = re.fullmatch(r"python(3\.\d+)", program.name)
        if found is not None:
            return found[1]
    raise ArtifactError(f"{tree}: no Python in it")
