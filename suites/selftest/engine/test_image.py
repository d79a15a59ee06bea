"""Images written without an engine: the same files give the same bytes, laid out as declared."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.artifacts import Cache, Files, Image, Piece, Workshop
from groundwork.artifacts.cache import MANIFEST

USER = "10001:10001"
TEMPORARY = 0o1777


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A file of a tree, or a link where ``link`` says what to."""

    content: bytes = b""
    mode: int = 0o644
    link: str = ""


@dataclasses.dataclass(frozen=True)
class Maker:
    """Who writes a tree, when, and in which order: all that an image must not show."""

    backwards: bool = False
    umask: int = 0o022
    time_s: int = 1_700_000_000
    owner: int = 1000


USUAL = Maker()


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """The process's umask for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def write(folder: Path, tree: dict[str, Leaf], maker: Maker = USUAL) -> Path:
    """Write a tree as this maker would."""
    with umask(maker.umask):
        folder.mkdir()
        for name in sorted(tree, reverse=maker.backwards):
            path, leaf = folder / name, tree[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            if leaf.link:
                path.symlink_to(leaf.link)
            else:
                path.write_bytes(leaf.content)
                path.chmod(leaf.mode & ~maker.umask)
    for path in folder.rglob("*"):
        os.utime(path, (maker.time_s, maker.time_s), follow_symlinks=False)
        if os.geteuid() == 0:  # else all files are the caller's own, who isn't root either
            os.chown(path, maker.owner, maker.owner, follow_symlinks=False)
    return folder


def archive_of(image: Image, folder: Path) -> bytes:
    """The archive of an image, in a cache of its own."""
    return (image.resolve(Workshop(Cache.open(folder))).path / "image.tar").read_bytes()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    """The members of an archive by name, in order; none is there twice."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = archive.getmembers()
    by_name = {member.name: member for member in found}
    assert len(by_name) == len(found), "a member hides another of its name"
    return by_name


def content(data: bytes, name: str) -> bytes:
    """One member's content."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read()


def manifest_of(data: bytes) -> dict[str, Any]:
    """The one entry of an archive's manifest."""
    (entry,) = json.loads(content(data, "manifest.json"))
    found: dict[str, Any] = entry
    return found


def config_of(data: bytes) -> dict[str, Any]:
    """An image's configuration."""
    found: dict[str, Any] = json.loads(content(data, manifest_of(data)["Config"]))
    return found


def layers_of(data: bytes) -> list[bytes]:
    """The layers, the lowest first."""
    return [content(data, name) for name in manifest_of(data)["Layers"]]


names = st.text("abcXYZ019._-é", min_size=1, max_size=8).filter(lambda n: n not in {".", ".."})
leaves = st.builds(
    Leaf,
    content=st.binary(max_size=600),
    mode=st.sampled_from([0o644, 0o640, 0o755, 0o700, 0o4755, 0o444]),
) | st.builds(Leaf, link=st.sampled_from(["a", "../b", "/usr/bin/busybox"]))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Leaf]:
    """A tree of files and links, some in folders, none of which is a file elsewhere."""
    tree: dict[str, Leaf] = {}
    for parts in draw(st.lists(st.lists(names, min_size=1, max_size=4), max_size=8)):
        folders = {"/".join(parts[:n]) for n in range(1, len(parts))}
        name = "/".join(parts)
        if not folders & tree.keys() and not any(
            f"{each}/".startswith(name + "/") for each in tree
        ):
            tree[name] = draw(leaves)
    return tree


makers = st.builds(
    Maker,
    backwards=st.booleans(),
    umask=st.sampled_from([0o022, 0o002, 0o077]),
    time_s=st.integers(0, 2_000_000_000),
    owner=st.integers(0, 60_000),
)


@settings(max_examples=50)  # each writes two trees and four archives
@given(trees(), makers, makers)
def test_the_same_files_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Leaf], one: Maker, other: Maker
) -> None:
    """Whoever wrote them, when, in which order, under which umask, and whose they are."""
    root = tmp_path_factory.mktemp("image")
    archives = []
    for number, maker in enumerate((one, other)):
        files = Files("files", write(root / f"tree-{number}", tree, maker))
        image = Image("image", ("example:1",), (Piece(files, "opt/app"),), folders={"/tmp": 0o1777})  # noqa: S108 - in an image
        with umask(maker.umask):
            archives.append(archive_of(image, root / f"cache-{number}"))
    assert archives[0] == archives[1]


@settings(max_examples=50)
@given(trees(), st.sampled_from(["", "app", "/opt/app/"]))
def test_a_layer_holds_the_tree_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Leaf], target: str
) -> None:
    """Every file with its content and right to run, every link with its target, root's, dateless.

    Folders come before what is in them, once.
    """
    root = tmp_path_factory.mktemp("image")
    files = Files("files", write(root / "tree", tree))
    data = archive_of(Image("image", ("example:1",), (Piece(files, target),)), root / "cache")
    (layer,) = layers_of(data)
    found = members(layer)
    inside = target.strip("/")
    for name, leaf in tree.items():
        member = found[f"{inside}/{name}".lstrip("/")]
        if leaf.link:
            assert (member.issym(), member.linkname) == (True, leaf.link)
        else:
            assert content(layer, member.name) == leaf.content
            assert member.mode == (0o755 if leaf.mode & 0o100 else 0o644)
    leaves_found = [name for name, member in found.items() if not member.isdir()]
    assert len(leaves_found) == len(tree)
    assert list(found) == sorted(found, key=PurePosixPath), "a folder is listed in any order"
    seen: set[str] = set()
    for name, member in found.items():
        parent = name.rpartition("/")[0]
        assert not parent or parent in seen, f"{name} comes before its folder"
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert member.mtime == 0
        if member.isdir():
            assert member.mode == 0o755
            seen.add(name)


def pieces(folder: Path) -> tuple[Piece, Piece]:
    """A library, and a program of one file with a link beside it."""
    lib = write(folder / "lib", {"libc.so": Leaf(b"C"), "deep/er": Leaf(b"E")})
    bin_ = write(folder / "bin", {"program": Leaf(b"#!", 0o755), "notes": Leaf(b"N")})
    (folder / "bin" / "by-path").symlink_to(folder / "bin" / "program")
    return (
        Piece(Files("library", lib), "usr/lib"),
        Piece(Files("program", bin_), "usr/bin/server", "by-path", {"/usr/bin/alias": "server"}),
    )


@pytest.fixture
def declared(tmp_path: Path) -> Image:
    """An image that uses all that can be declared."""
    return Image(
        "image-server",
        ("localhost/server:1.2", "localhost/other:1.2"),
        pieces(tmp_path),
        entrypoint=("/usr/bin/server", "--serve"),
        env={"PATH": "/usr/bin", "HOME": "/"},
        user=USER,
        folders={"/tmp": TEMPORARY, "/var/data": 0o777, "/tmp/deeper": 0o700},  # noqa: S108 - in an image
    )


def test_a_layer_is_found_by_its_sum(declared: Image, tmp_path: Path) -> None:
    """The configuration lists the sha256 of each layer, as the layers lie in the manifest."""
    data = archive_of(declared, tmp_path / "cache")
    sums = [hashlib.sha256(layer).hexdigest() for layer in layers_of(data)]
    assert len(sums) == len(declared.pieces)
    assert config_of(data)["rootfs"]["diff_ids"] == [f"sha256:{each}" for each in sums]
    assert manifest_of(data)["Layers"] == [f"{each}/layer.tar" for each in sums]
    named = manifest_of(data)["Config"]
    assert named == hashlib.sha256(content(data, named)).hexdigest() + ".json"
    assert len(config_of(data)["history"]) == len(sums)


def test_an_image_is_what_was_declared(declared: Image, tmp_path: Path) -> None:
    """Its names, its user, what it runs and with which variables."""
    data = archive_of(declared, tmp_path / "cache")
    assert manifest_of(data)["RepoTags"] == ["localhost/server:1.2", "localhost/other:1.2"]
    config = config_of(data)["config"]
    assert config["User"] == USER
    assert config["Entrypoint"] == ["/usr/bin/server", "--serve"]
    assert config["Env"] == ["HOME=/", "PATH=/usr/bin"]
    assert config_of(data)["os"] == "linux"


def test_a_program_is_the_file_and_not_a_link_to_it(declared: Image, tmp_path: Path) -> None:
    """A program that was found on PATH is a link to a place that an image doesn't have."""
    _, layer = layers_of(archive_of(declared, tmp_path / "cache"))
    found = members(layer)
    assert found["usr/bin/server"].isfile()
    assert content(layer, "usr/bin/server") == b"#!"
    assert found["usr/bin/server"].mode == 0o755
    assert (found["usr/bin/alias"].issym(), found["usr/bin/alias"].linkname) == (True, "server")
    assert "usr/bin/notes" not in found


def test_empty_folders_have_the_declared_modes(declared: Image, tmp_path: Path) -> None:
    """In the last layer, also where one lies in another."""
    first, last = (members(each) for each in layers_of(archive_of(declared, tmp_path / "cache")))
    for place, mode in declared.folders.items():
        member = last[place.strip("/")]
        assert (member.isdir(), oct(member.mode)) == (True, oct(mode))
        assert place.strip("/") not in first
    assert oct(last["var"].mode) == "0o755"


def test_two_equal_layers_are_stored_once(tmp_path: Path) -> None:
    """Both are listed: an engine puts one over the other."""
    library, _ = pieces(tmp_path)
    data = archive_of(Image("image", ("example:1",), (library, library)), tmp_path / "cache")
    one, other = layers_of(data)
    assert one == other
    assert len(members(data)) == len({"config", "layer", "manifest"})


def test_what_the_cache_and_python_write_stays_out(tmp_path: Path) -> None:
    """The cache's own manifest tells of this machine; compiled Python of when it was compiled."""
    tree = {MANIFEST: Leaf(b"{}"), "a.py": Leaf(), "__pycache__/a.pyc": Leaf(), "b/c.py": Leaf()}
    files = Files("files", write(tmp_path / "tree", tree))
    image = Image("image", ("example:1",), (Piece(files, ""),))
    (layer,) = layers_of(archive_of(image, tmp_path / "cache"))
    assert set(members(layer)) == {"a.py", "b", "b/c.py"}


def test_an_image_is_written_once(declared: Image, tmp_path: Path) -> None:
    """The second time it comes from the cache; it tells its tag and where its files are from."""
    workshop = Workshop(Cache.open(tmp_path / "cache"))
    first = declared.resolve(workshop)
    second = declared.resolve(workshop)
    assert (first.cached, second.cached) == (False, True)
    assert (second.version, second.source) == ("1.2", "image of library, program")
    assert [each.name for each in first.path.iterdir() if each.name != MANIFEST] == ["image.tar"]


@pytest.mark.parametrize(
    "change",
    [
        {"tags": ("localhost/server:1.3",)},
        {"entrypoint": ("/usr/bin/server",)},
        {"env": {"PATH": "/usr/bin", "HOME": "/root"}},
        {"user": "0:0"},
        {"folders": {"/tmp": 0o777}},  # noqa: S108 - in an image
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_declared_is_part_of_the_key(declared: Image, change: dict[str, Any]) -> None:
    """What is made of another declaration is another entry of the cache."""
    assert dataclasses.replace(declared, **change).key() != declared.key()


def test_the_key_is_of_the_content_of_all_pieces(declared: Image, tmp_path: Path) -> None:
    """A changed file, place or order of layers is another image; elsewhere it isn't."""
    library, program = declared.pieces
    others = [
        (program, library),
        (library,),
        (dataclasses.replace(library, target="usr/lib64"), program),
        (dataclasses.replace(library, source="deep"), program),
        (library, dataclasses.replace(program, links={})),
    ]
    keys = {dataclasses.replace(declared, pieces=each).key() for each in others}
    assert len(keys | {declared.key()}) == len(others) + 1
    before = declared.key()
    moved = shutil.copytree(tmp_path / "lib", tmp_path / "copy")
    copied = dataclasses.replace(library, artifact=Files("library", moved))
    assert dataclasses.replace(declared, pieces=(copied, program)).key() == before
    (tmp_path / "lib" / "libc.so").write_bytes(b"D")
    assert declared.key() != before


def test_the_order_of_variables_is_no_part_of_the_key(declared: Image) -> None:
    """They are sorted, as they are in the configuration."""
    turned = dict(sorted(declared.env.items()))
    assert list(turned) != list(declared.env)
    assert dataclasses.replace(declared, env=turned).key() == declared.key()
