"""Artifacts: how a server's program is obtained; cached, locked, verified.

One of your own is a frozen dataclass with two methods. ``key`` says what its content follows from:
the same key, the same entry of the cache. ``make`` fills a folder that appears in the cache once it
is whole, and says what is in it::

    from dataclasses import dataclass
    from pathlib import Path

    from groundwork.artifacts import Artifact, NotThisWayError, Provenance, Workshop

    @dataclass(frozen=True)
    class WordList(Artifact):
        name: str
        words: tuple[str, ...]

        def key(self) -> str:
            return repr(self.words)

        def make(self, folder: Path, workshop: Workshop) -> Provenance:
            if not self.words:
                raise NotThisWayError("there are no words")
            workshop.tell(self.name, "(sorting words)")
            (folder / "words.txt").write_text(" ".join(sorted(self.words)))
            return Provenance("1.0", "our own words")

A resource that declares it finds it at ``stage.artifact(NAME).path``. What takes long is given
``workshop.cancel``; an artifact that is made of another calls ``other.resolve(workshop)``. One that
nobody makes, such as a program on PATH, has ``resolve`` in the place of ``make``.
"""

from groundwork.artifacts.artifact import Artifact, NotThisWayError, Resolved, resolve_all
from groundwork.artifacts.cache import Cache, Provenance, default_cache_dir
from groundwork.artifacts.debian import DebianTree
from groundwork.artifacts.files import Files
from groundwork.artifacts.gobuild import GoBuild
from groundwork.artifacts.image import Image, Piece
from groundwork.artifacts.maven import MavenJars
from groundwork.artifacts.npm import NpmPackage
from groundwork.artifacts.packages import PythonPackages
from groundwork.artifacts.program import Command, Program
from groundwork.artifacts.runtime import WheelRuntime
from groundwork.artifacts.workshop import Progress, Report, Workshop

__all__ = [
    "Artifact",
    "Cache",
    "Command",
    "DebianTree",
    "Files",
    "GoBuild",
    "Image",
    "MavenJars",
    "NotThisWayError",
    "NpmPackage",
    "Piece",
    "Program",
    "Progress",
    "Provenance",
    "PythonPackages",
    "Report",
    "Resolved",
    "WheelRuntime",
    "Workshop",
    "default_cache_dir",
    "resolve_all",
]
