"""Files of the project as an artifact: they are there, and their content is the key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts.artifact import Artifact, Resolved
from groundwork.artifacts.cache import files_of, sha256_of
from groundwork.artifacts.workshop import Workshop

__all__ = ["Files", "key_of"]


@dataclass(frozen=True)
class Files(Artifact):
    """A folder of the project."""

    name: str
    folder: Path

    def key(self) -> str:
        """The names and contents of all files of the folder, in one sum."""
        return key_of(self.folder)

    def resolve(self, workshop: Workshop) -> Resolved:
        """The folder itself: nothing is made of it."""
        del workshop
        return Resolved(self.name, "", "the project", self.folder, cached=True)


def key_of(folder: Path) -> str:
    """One sum for the names and contents of all files below a folder; compiled Python left out."""
    files = files_of(folder)
    sums = sorted((n, sha256_of(path)) for n, path in files.items() if "__pycache__" not in n)
    return hashlib.sha256(repr(sums).encode()).hexdigest()
