"""Programs that came as a wheel with the Python environment itself."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts.artifact import Artifact, Resolved
from groundwork.artifacts.workshop import Workshop
from groundwork.base.errors import ArtifactError

__all__ = ["WheelRuntime"]


@dataclass(frozen=True)
class WheelRuntime(Artifact):
    """A runtime inside an installed distribution; its hashes were checked at installation.

    Attributes:
        name: The artifact's name.
        distribution: The distribution's name.
        folder: The runtime's folder among the distribution's files.
    """

    name: str
    distribution: str
    folder: str

    def key(self) -> str:
        """The distribution; its version is the lock file's business."""
        return f"{self.distribution}/{self.folder}"

    def resolve(self, workshop: Workshop) -> Resolved:
        """Find the runtime in this interpreter's environment.

        Raises:
            ArtifactError: It isn't installed.
        """
        del workshop
        try:
            found = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError as error:
            raise ArtifactError(
                f"{self.name}: the package {self.distribution} is not installed; install it "
                "beside groundwork"
            ) from error
        path = Path(str(found.locate_file(self.folder)))
        if not path.is_dir():
            raise ArtifactError(f"{self.name}: {path} is missing; install {self.distribution} anew")
        return Resolved(self.name, found.version, "wheel", path, cached=True)
