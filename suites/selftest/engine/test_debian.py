"""Debian packages as files: apt's answers, sums, and what a tree of unpacked packages looks like.

The packages are a few bytes each, made here, and lie in a folder that apt takes for its mirror: it
is the machine's own apt that resolves, fetches and verifies, without network and without the
machine's lists. On a machine without apt every one of these functions must refuse, and say why.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from groundwork.artifacts import Cache, DebianTree, NotThisWayError, Progress, Workshop
from groundwork.artifacts.cache import files_of
from groundwork.artifacts.debian import closure, fetch, mirror, unpack
from groundwork.base import process
from groundwork.base.errors import ArtifactError, CancelledError

APT_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Package:
    """A package: what it needs, and its files; those whose content begins with -> are links."""

    name: str
    needs: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def control(self) -> str:
        """Its description, as apt's lists have it, too."""
        return (
            f"Package: {self.name}\nVersion: 1.0\nArchitecture: all\n"
            f"Maintainer: nobody <nobody@localhost>\n{self.needs}Description: made by a test\n"
        )

    def deb(self) -> bytes:
        """The package as dpkg reads it: two archives in an archive."""
        members = {
            "debian-binary": b"2.0\n",
            "control.tar.gz": tar({"control": self.control()}),
            "data.tar.gz": tar(self.files),
        }
        archive = b"!<arch>\n"
        for name, data in members.items():
            archive += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
            archive += data + b"\n" * (len(data) % 2)
        return archive


def tar(files: Mapping[str, str]) -> bytes:
    """A compressed archive; what lies in a folder called bin may be run."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.mode = 0o755 if "bin/" in name else 0o644
            if content.startswith("->"):
                member.type, member.linkname = tarfile.SYMTYPE, content.removeprefix("->")
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))
    return stream.getvalue()


SERVER = Package(
    "server",
    needs="Depends: library\nRecommends: manual\n",
    files={"bin/server": "run", "usr/bin/alias": "->server", "usr/share/doc/server/x": "read me"},
)
LIBRARY = Package("library", files={"lib/library.so": "code", "usr/lib/other.so": "more"})
MANUAL = Package("manual", files={"usr/share/manual/x": "long"})


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the three packages, which is the only mirror that apt knows.

    Apt has no lists yet. The library is installed already, as far as apt knows.
    """
    repository = tmp_path / "repository"
    repository.mkdir()
    shown = []
    for package in (SERVER, LIBRARY, MANUAL):
        data = package.deb()
        file = repository / f"{package.name}_1.0_all.deb"
        file.write_bytes(data)
        sums = f"Size: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        shown.append(f"{package.control()}Filename: ./{file.name}\n{sums}")
    (repository / "Packages").write_text("\n".join(shown))
    for folder in ("lists/partial", "cache/archives/partial"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    (tmp_path / "status").write_text(f"{LIBRARY.control()}Status: install ok installed\n")
    configuration = {
        "APT::Sandbox::User": "root",  # apt's own user may not look into a test's folder
        "Dir::Cache": tmp_path / "cache",
        "Dir::Etc::SourceList": tmp_path / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": tmp_path / "lists",
        "Dir::State::status": tmp_path / "status",
        "Debug::NoLocking": "1",
    }
    file = tmp_path / "apt.conf"
    file.write_text("".join(f'{name} "{value}";\n' for name, value in configuration.items()))
    monkeypatch.setenv("APT_CONFIG", str(file))
    return repository


@pytest.fixture
def listed(mirrored: Path) -> Path:
    """The same, and apt has its lists."""
    if has_apt():
        process.run(["apt-get", "update"], timeout_s=APT_TIMEOUT_S)
    return mirrored


def has_apt() -> bool:
    """Whether this machine can fetch and unpack Debian packages at all."""
    return all(shutil.which(program) for program in ("apt-get", "dpkg-deb"))


@contextmanager
def with_apt() -> Iterator[None]:
    """What is done here needs apt: where there is none it must be refused for that reason."""
    if has_apt():
        yield
    else:
        with pytest.raises(NotThisWayError, match="no apt here"):
            yield


def wrap(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """Put an apt-get before the machine's, which is ``$APT`` in its lines."""
    folder.mkdir()
    wrapper = folder / "apt-get"
    wrapper.write_text(f"#!/bin/sh\nAPT={shutil.which('apt-get')}\n{lines}\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.usefixtures("listed")
def test_a_closure_is_what_an_empty_system_would_need() -> None:
    """Dependencies come along, also those that this machine has; recommendations don't."""
    with with_apt():
        assert closure(["server"]) == ["library", "server"]
        assert closure(["manual"]) == ["manual"]


@pytest.mark.usefixtures("listed")
def test_an_unknown_package_is_named() -> None:
    """One line that says what to do."""
    reason = "apt knows no sever: call apt-get update" if has_apt() else "no apt here"
    with pytest.raises(NotThisWayError, match=reason):
        closure(["sever"])


def test_the_mirror_is_the_first_that_apt_is_configured_with(
    listed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where it has none, that is said."""
    with with_apt():
        assert mirror() == f"file:{listed}"
        (tmp_path / "sources.list").write_text("")
        with pytest.raises(NotThisWayError, match="apt has no mirror: call apt-get update"):
            mirror()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(NotThisWayError, match="no apt here"):
        mirror()


@pytest.mark.parametrize("lists", ["listed", "mirrored"])
def test_packages_are_fetched_with_or_without_the_systems_lists(
    lists: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Where there are no lists, lists of our own are made, and the system stays as it is."""
    repository: Path = request.getfixturevalue(lists)
    before = sorted((tmp_path / "lists").rglob("*"))
    folder = tmp_path / "debs"
    folder.mkdir()
    with with_apt():
        debs = fetch(["library", "server"], folder)
        assert [deb.name for deb in debs] == ["library_1.0_all.deb", "server_1.0_all.deb"]
        for deb in debs:
            assert deb.read_bytes() == (repository / deb.name).read_bytes()
        assert (folder / "lists").exists() == (lists == "mirrored")
    assert sorted((tmp_path / "lists").rglob("*")) == before


@pytest.mark.usefixtures("listed")
def test_a_package_that_isnt_what_the_lists_say_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though apt has taken it: here it is changed on the way from apt to us."""
    folder = tmp_path / "debs"
    folder.mkdir()
    reason = r"server_1\.0_all\.deb isn't what apt's lists say" if has_apt() else "no apt here"
    spoil = '"$APT" "$@" && case "$*" in *download*) echo >> server_1.0_all.deb ;; esac'
    wrap(tmp_path / "bin", monkeypatch, spoil)
    with pytest.raises(NotThisWayError, match=reason):
        fetch(["library", "server"], folder)


def test_a_mirror_that_has_other_packages_than_its_lists_is_refused(
    listed: Path, tmp_path: Path
) -> None:
    """By apt itself, with its own lists and with ours."""
    (listed / "server_1.0_all.deb").write_bytes(LIBRARY.deb())
    folder = tmp_path / "debs"
    folder.mkdir()
    reason = "apt can't download server" if has_apt() else "no apt here"
    with pytest.raises(NotThisWayError, match=reason):
        fetch(["server"], folder)


@pytest.mark.usefixtures("listed")
def test_fetching_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that doesn't answer isn't waited for, and no other lists are tried."""
    folder = tmp_path / "debs"
    folder.mkdir()
    wrap(tmp_path / "bin", monkeypatch, 'echo >> "$0.calls"; sleep 60')
    (tmp_path / "bin" / "dpkg-deb").touch(mode=0o755)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        fetch(["server"], folder, cancel)
    assert (tmp_path / "bin" / "apt-get.calls").read_text() == "\n"


def test_a_package_is_unpacked_over_what_is_there(tmp_path: Path) -> None:
    """Through links to folders, which stay; files keep the right to run, and links are links."""
    deb = tmp_path / "debs" / "server.deb"
    deb.parent.mkdir()
    deb.write_bytes(SERVER.deb())
    folder = tmp_path / "tree"
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "usr" / "bin" / "older").touch()
    (folder / "bin").symlink_to("usr/bin")
    if not has_apt():
        with pytest.raises(process.ProcessFailedError, match="dpkg-deb"):
            unpack(deb, folder)
        return
    unpack(deb, folder)
    found = files_of(folder)
    expected = {"bin", "usr/bin/server", "usr/bin/alias", "usr/bin/older", "usr/share/doc/server/x"}
    assert found.keys() == expected
    assert (folder / "bin").is_symlink()
    assert found["usr/bin/server"].stat().st_mode & 0o777 == 0o755
    assert str(found["usr/bin/alias"].readlink()) == "server"
    assert list(deb.parent.iterdir()) == [deb]


@pytest.mark.usefixtures("listed")
def test_a_tree_holds_the_packages_and_what_they_need(tmp_path: Path) -> None:
    """With a merged /usr, without what isn't wanted, and once: the second time it is there."""
    tree = DebianTree("tree", ("server",))
    reports: list[Progress] = []
    workshop = Workshop(Cache.open(tmp_path / "own"), reports.append)
    if not has_apt():
        with pytest.raises(ArtifactError, match="no apt here"):
            tree.resolve(workshop)
        return
    made = tree.resolve(workshop)
    assert files_of(made.path).keys() == {
        *("bin", "lib", "lib64", "sbin"),
        *("usr/bin/server", "usr/bin/alias", "usr/lib/library.so", "usr/lib/other.so"),
    }
    assert (made.path / "bin" / "server").read_text() == "run"
    assert made.source == "Debian packages (library_1.0_all, server_1.0_all)"
    assert reports[-1].finished
    again = tree.resolve(workshop)
    assert (made.cached, again.cached, again.path) == (False, True, made.path)


def test_without_apt_an_image_cant_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line that says where it can, and what to do elsewhere; nothing half made is left."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ArtifactError) as refused:
        DebianTree("tree", ("server",)).resolve(Workshop(Cache.open(tmp_path / "own")))
    text = str(refused.value)
    assert text.startswith("tree: no apt here; an image is built from Debian packages on a Debian")
    assert text.endswith("use --images vendor")
    assert "\n" not in text
    assert [each.suffix for each in (tmp_path / "own" / "tree").iterdir()] == [".lock"]
    with pytest.raises(NotThisWayError, match="no apt here"):
        fetch(["server"], tmp_path)


def test_the_key_is_the_declaration() -> None:
    """Other packages, or another choice among their files, make another tree."""
    trees = (
        DebianTree("tree", ("server",)),
        DebianTree("tree", ("server", "library")),
        DebianTree("tree", ("server",), without=()),
    )
    assert len({tree.key() for tree in trees}) == len(trees)
    assert trees[0].key() == DebianTree("another", ("server",)).key()
