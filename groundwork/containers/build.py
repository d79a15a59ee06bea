"""Images that the container engine builds, where vendors' images can be pulled."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts import Artifact, Piece, Provenance, Workshop
from groundwork.artifacts.cache import MANIFEST
from groundwork.base.errors import ArtifactError
from groundwork.base.process import ProcessFailedError
from groundwork.containers.engine import reason_of
from groundwork.containers.finding import find_engine

__all__ = ["BuiltImage"]


@dataclass(frozen=True)
class BuiltImage(Artifact):
    """An image as an archive that nodes can load, ``image.tar``.

    Attributes:
        name: The artifact's name.
        tag: What it is called, as REPOSITORY:TAG.
        pieces: The files that it is built from, at their places in the build's context; a
            Dockerfile is among them.
    """

    name: str
    tag: str
    pieces: tuple[Piece, ...]

    def key(self) -> str:
        """The image's name, and the keys of all files that it is built from."""
        parts = [(each.artifact.key(), each.source, each.target) for each in self.pieces]
        return repr((self.tag, parts))

    def cache_key(self) -> str:
        """The key with the processor: a container of the image runs on no other."""
        return f"{platform.machine()} {self.key()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Have the archive built.

        Raises:
            ArtifactError: The engine can't build it, such as without its base image.
            UsageError: There is no engine.
        """
        context = folder / "context"
        self.lay_out(context, workshop)
        workshop.tell(self.name, "(building the image)")
        try:
            find_engine().build(self.tag, context, folder / "image.tar", workshop.cancel)
        except ProcessFailedError as error:
            raise ArtifactError(
                f"{self.name}: can't be built ({reason_of(error)}); connect to the registry "
                "of its base image, or use --images packages"
            ) from error
        shutil.rmtree(context)
        return Provenance(self.tag.rpartition(":")[2], "built by the engine")

    def lay_out(self, context: Path, workshop: Workshop) -> None:
        """Put everything that it is built from into a folder."""
        trees = [each.artifact.resolve(workshop) for each in self.pieces]
        for piece, tree in zip(self.pieces, trees, strict=True):
            put(tree.path / piece.source, context / piece.target)


def put(source: Path, target: Path) -> None:
    """Copy a file or a folder into the build's context."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns(MANIFEST, "__pycache__", ".venv")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
