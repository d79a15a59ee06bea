"""Container images, written as archives without a container engine.

An image is a list of layers, each a tree of files from artifacts, and a configuration. The same
files give the same bytes: owners, times and order are fixed. The format is what `docker save`
writes, which every engine and containerd read.

Format: https://github.com/moby/docker-image-spec (version 1.2, "Combined Image JSON + Filesystem
Changeset Format").
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.artifacts.artifact import Artifact
from groundwork.artifacts.cache import MANIFEST, Provenance
from groundwork.artifacts.workshop import Workshop

__all__ = ["ARCHITECTURES", "Image", "Piece"]

ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# The epoch: an image's content, not its age, tells it from another.
CREATED = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Piece:
    """Files of one artifact at a place in an image: one layer.

    Attributes:
        artifact: Where the files come from.
        source: A file or folder of the artifact; empty for all of it.
        target: Where it goes; for a folder, where its content goes.
        links: Symbolic links beside it: place in the image to what it points at.
    """

    artifact: Artifact
    target: str
    source: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image(Artifact):
    """One image.

    Attributes:
        name: The artifact's name.
        tags: What it is called, as REPOSITORY:TAG; an image may have several names.
        pieces: Its layers, the lowest first.
        entrypoint: What a container runs.
        env: Environment variables.
        user: UID:GID that a container runs as.
        folders: Empty folders to be made, by their mode.
    """

    name: str
    tags: tuple[str, ...]
    pieces: tuple[Piece, ...]
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    folders: Mapping[str, int] = field(default_factory=dict)

    def key(self) -> str:
        """The declaration with the keys of all pieces."""
        parts = [
            (each.artifact.key(), each.source, each.target, sorted(each.links.items()))
            for each in self.pieces
        ]
        own = ("layout 2", self.tags, self.entrypoint, sorted(self.env.items()), self.user)
        return repr((own, sorted(self.folders.items()), parts))

    def cache_key(self) -> str:
        """The key with the processor: a container of the image runs on no other."""
        return f"{platform.machine()} {self.key()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Write the archive; it is the file ``image.tar``.

        Raises:
            ArtifactError: One of its pieces can't be had.
        """
        trees = [each.artifact.resolve(workshop) for each in self.pieces]
        workshop.tell(self.name, "(writing the image)")
        write_archive(self, [tree.path for tree in trees], folder)
        sources = dict.fromkeys(tree.name for tree in trees)
        return Provenance(self.tags[0].rpartition(":")[2], f"image of {', '.join(sources)}")


def write_archive(image: Image, trees: list[Path], folder: Path) -> None:
    """Write ``image.tar`` into a folder."""
    layers: list[tuple[str, Path]] = []
    for number, (piece, tree) in enumerate(zip(image.pieces, trees, strict=True)):
        file = folder / f"layer-{number}.tar"
        with tarfile.open(file, "w") as archive:
            last = number == len(trees) - 1
            write_layer(archive, piece, tree, image.folders if last else {})
        with file.open("rb") as stream:
            layers.append((hashlib.file_digest(stream, "sha256").hexdigest(), file))
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": CREATED,
        "config": {
            "Entrypoint": list(image.entrypoint) or None,
            "Env": [f"{name}={value}" for name, value in sorted(image.env.items())],
            "User": image.user,
            "Labels": {"org.opencontainers.image.vendor": "groundwork"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest, _ in layers]},
        "history": [{"created": CREATED, "created_by": p.artifact.name} for p in image.pieces],
    }
    body = json.dumps(config, sort_keys=True).encode()
    digest = hashlib.sha256(body).hexdigest()
    names = [f"{layer}/layer.tar" for layer, _ in layers]
    manifest = [{"Config": f"{digest}.json", "RepoTags": list(image.tags), "Layers": names}]
    with tarfile.open(folder / "image.tar", "w") as archive:
        add_bytes(archive, f"{digest}.json", body)
        for name, (_, file) in dict(zip(names, layers, strict=True)).items():
            archive.add(file, name, filter=plain)
        add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
    for _, file in layers:
        file.unlink()


def write_layer(
    archive: tarfile.TarFile, piece: Piece, tree: Path, folders: Mapping[str, int]
) -> None:
    """Write one layer: the piece's files, its links, and empty folders."""
    source = tree / piece.source
    target = piece.target.strip("/")
    made: set[str] = set()
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.name == MANIFEST or "__pycache__" in path.parts:
                continue
            name = f"{target}/{path.relative_to(source)}".lstrip("/")
            add_parents(archive, name, made)
            if name not in made:
                archive.add(path, name, recursive=False, filter=plain)
                made.add(name)
    else:
        add_parents(archive, target, made)
        archive.add(source.resolve(), target, filter=plain)
    for place, pointed in sorted(piece.links.items()):
        add_parents(archive, place.strip("/"), made)
        link = tarfile.TarInfo(place.strip("/"))
        link.type, link.linkname = tarfile.SYMTYPE, pointed
        archive.addfile(link)
    for place, mode in sorted(folders.items()):
        add_parents(archive, place.strip("/"), made)
        empty = tarfile.TarInfo(place.strip("/"))
        empty.type, empty.mode = tarfile.DIRTYPE, mode
        archive.addfile(empty)
        made.add(empty.name)


def add_parents(archive: tarfile.TarFile, name: str, made: set[str]) -> None:
    """Add the folders above a file, once each."""
    parts = name.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        parent = "/".join(parts[:count])
        if parent not in made:
            made.add(parent)
            folder = tarfile.TarInfo(parent)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same file, whoever packs it and when."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member


def add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file that exists in memory only."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
