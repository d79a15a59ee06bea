"""Python packages as files: a layer of an image, from a lock with hashes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts.artifact import Artifact, NotThisWayError
from groundwork.artifacts.cache import Provenance
from groundwork.artifacts.debian import DebianTree
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.errors import ArtifactError
from groundwork.base.process import ProcessFailedError

__all__ = ["PythonPackages"]

INSTALL_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class PythonPackages(Artifact):
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
        """The lock file's content, and the Python that it is installed for."""
        return f"{self.lock.read_text()} for {self.python.key()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Install them.

        Raises:
            ArtifactError: The Python that they are for can't be had.
            NotThisWayError: They can't be installed.
        """
        try:
            tree = self.python.resolve(workshop)
            workshop.tell(self.name, "(Python packages)")
            process.run(
                [
                    sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes",
                    "--only-binary", ":all:", "--python-version", python_version(tree.path),
                    "--target", folder, "-r", self.lock,
                ],
                timeout_s=INSTALL_TIMEOUT_S,
                cancel=workshop.cancel,
            )  # fmt: skip
        except ProcessFailedError as error:
            raise NotThisWayError(str(error).partition("\n")[0]) from error
        return Provenance("", "wheels")


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
