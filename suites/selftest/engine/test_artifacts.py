"""Artifacts: an entry of the cache is whole or not there, whatever happened before."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.resources.alertmanager import PROGRAM as ALERTMANAGER
from fixtures.resources.node_exporter import PROGRAM as NODE_EXPORTER
from fixtures.resources.prometheus import PROGRAM as PROMETHEUS
from groundwork import artifacts
from groundwork.artifacts import (
    Artifact,
    Cache,
    Command,
    MavenJars,
    NotThisWayError,
    Program,
    Progress,
    Provenance,
    Workshop,
    resolve_all,
)
from groundwork.artifacts.cache import Entry
from groundwork.artifacts.gobuild import tool_package
from groundwork.artifacts.maven import Coordinate, read_lock
from groundwork.artifacts.program import relocate, version_in
from groundwork.base import process
from groundwork.base.errors import ArtifactError, CancelledError, UsageError
from groundwork.base.process import ProcessFailedError

BUILD_S = 0.2
END_TIMEOUT_S = 10.0


def build(folder: Path) -> Provenance:
    """Two files and a link."""
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text("content")
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "link").symlink_to("program")
    return Provenance("1.0", "selftest")


def entry_of(cache: Cache, notes: list[str] | None = None) -> Entry:
    """The entry that the tests are about."""
    return cache.entry("thing", "key", build, noticed=(notes or []).append)


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    """The second use finds it; another key is another entry."""
    cache = Cache.open(tmp_path)
    first, second = entry_of(cache), entry_of(cache)
    assert (first.cached, second.cached) == (False, True)
    assert first.path == second.path
    assert cache.entry("thing", "other", build, noticed=print).path != first.path


@pytest.mark.parametrize("damage", ["changed", "deleted", "added", "relinked", "no manifest"])
def test_a_damaged_entry_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    """One flipped bit is enough, and the user is told."""
    cache = Cache.open(tmp_path)
    path = entry_of(cache).path
    if damage == "changed":
        (path / "deep" / "file").write_text("c0ntent")
    elif damage == "deleted":
        (path / "program").unlink()
    elif damage == "added":
        (path / "deep" / "stranger").touch()
    elif damage == "relinked":
        (path / "link").unlink()
        (path / "link").symlink_to("/etc/passwd")
    else:
        (path / "groundwork-manifest.json").unlink()
    notes: list[str] = []
    again = cache.entry("thing", "key", build, noticed=notes.append)
    assert not again.cached
    assert notes[0].startswith("again: ")
    assert (again.path / "deep" / "file").read_text() == "content"
    assert entry_of(cache).cached


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    """Neither an entry nor a half one."""

    def fail(folder: Path) -> Provenance:
        build(folder)
        raise ArtifactError("the network is gone")

    cache = Cache.open(tmp_path)
    with pytest.raises(ArtifactError):
        cache.entry("thing", "key", fail, noticed=print)
    assert [path.suffix for path in (tmp_path / "thing").iterdir()] == [".lock"]
    assert not entry_of(cache).cached


BUILDER = """
import sys, time
from pathlib import Path
from groundwork.artifacts import Cache

def build(folder):
    (folder / "half").write_text("half")
    Path(sys.argv[2]).touch()
    time.sleep(60)

Cache.open(Path(sys.argv[1])).entry("thing", "key", build, noticed=print)
"""


@pytest.mark.parametrize("where", ["here", "in a builder's output"])
def test_a_full_disk_is_told_as_such(tmp_path: Path, where: str) -> None:
    """One line names the cache's folder and how to move it, whoever met the full disk."""

    def build(folder: Path) -> Provenance:
        del folder
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if where == "here":
            raise full
        raise NotThisWayError("the build failed") from ProcessFailedError(f"ld: {full.strerror}")

    cache = Cache.open(tmp_path)
    with pytest.raises(UsageError, match="GROUNDWORK_CACHE_DIR") as refused:
        cache.entry("thing", "key", build, noticed=print)
    assert str(tmp_path) in str(refused.value)
    assert list(tmp_path.rglob("*.part")) == []


def test_a_killed_build_leaves_no_half_entry(tmp_path: Path) -> None:
    """Whoever comes next builds anew, at once: a dead builder holds no lock."""
    begun = tmp_path / "begun"
    root = tmp_path / "cache"
    builder = process.spawn(
        [sys.executable, "-c", BUILDER, root, begun],
        env=dict(os.environ),
        log=tmp_path / "log",
    )
    while not begun.exists():
        assert builder.exit_code() is None, (tmp_path / "log").read_text()
        time.sleep(0.01)
    process.send(builder.identity, signal.SIGKILL)
    builder.wait()
    entry = entry_of(Cache.open(root))
    assert not entry.cached
    assert not (entry.path / "half").exists()


def test_builders_of_the_same_thing_wait_for_one(tmp_path: Path) -> None:
    """Two runs at once fetch once."""
    built = []

    def slow(folder: Path) -> Provenance:
        time.sleep(BUILD_S)
        built.append(folder)
        return build(folder)

    cache = Cache.open(tmp_path)
    threads = [
        threading.Thread(target=cache.entry, args=("thing", "key", slow), kwargs={"noticed": print})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_a_cache_that_cant_be_written_is_refused(tmp_path: Path) -> None:
    """One line that says how to choose another."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="GROUNDWORK_CACHE_DIR"):
        Cache.open(tmp_path / "file" / "cache")


def example() -> Any:
    """The class in the package's docstring, which shows an artifact of one's own."""
    text = str(artifacts.__doc__).partition("::\n")[2]
    code = "".join(line for line in text.splitlines(keepends=True) if line[:4].isspace())
    names: dict[str, Any] = {}
    exec(textwrap.dedent(code), names)  # noqa: S102 - our own docstring
    return names["WordList"]


def test_an_artifact_of_ones_own_is_two_methods(tmp_path: Path) -> None:
    """As the docstring shows it: made once, told of, and refused in one line."""
    told: list[Progress] = []
    workshop = Workshop(Cache.open(tmp_path), told.append)
    word_list = example()
    first, second = (word_list("words", ("b", "a")).resolve(workshop) for _ in range(2))
    assert (first.name, first.version, first.source) == ("words", "1.0", "our own words")
    assert (first.path / "words.txt").read_text() == "a b"
    assert (first.cached, second.cached, second.path) == (False, True, first.path)
    finished = Progress("words", finished=True)
    assert told == [Progress("words", note="(sorting words)"), finished, finished]
    assert word_list("words", ("c",)).resolve(workshop).path != first.path
    with pytest.raises(ArtifactError) as refused:
        word_list("words", ()).resolve(workshop)
    assert str(refused.value) == "words: there are no words; connect to the network once"


@dataclass(frozen=True)
class Patient(Artifact):
    """Takes until somebody ends it, unless it is refused at once."""

    name: str
    refused: bool

    def key(self) -> str:
        """Nothing else."""
        return self.name

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Wait for the end."""
        del folder
        if self.refused:
            raise NotThisWayError("no way")
        assert workshop.cancel.wait(END_TIMEOUT_S), "nobody has ended it"
        raise CancelledError("ended")


def test_the_first_artifact_that_cant_be_had_ends_the_others(tmp_path: Path) -> None:
    """Its line is the one that is told, whatever the others say when they are ended."""
    workshop = Workshop(Cache.open(tmp_path))
    with pytest.raises(ArtifactError, match="two: no way; connect to the network once"):
        resolve_all([Patient("one", refused=False), Patient("two", refused=True)], workshop)
    assert list(tmp_path.rglob("*.part")) == []


def test_a_lock_line_that_isnt_one_is_told_by_line(tmp_path: Path) -> None:
    """File and line."""
    lock = tmp_path / "some.lock"
    lock.write_text("# comment\norg.example:thing:jar:1.0 abc\nnonsense\n")
    with pytest.raises(UsageError, match=r"some\.lock:3"):
        read_lock(lock)


parts = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_", min_size=1, max_size=12)


@given(parts, parts, st.sampled_from(["jar", "zip"]), st.just("") | parts, parts)
def test_coordinates_survive_writing(
    group: str, artifact: str, packaging: str, classifier: str, version: str
) -> None:
    """What a lock holds is what was resolved."""
    words = [word for word in (group, artifact, packaging, classifier, version) if word]
    assert str(Coordinate.parse(":".join(words))) == ":".join(words)


def test_a_download_that_isnt_what_the_lock_says_is_refused(tmp_path: Path) -> None:
    """The check of the sum stands between the network and the cache."""
    file = tmp_path / "thing.jar"
    file.write_bytes(b"something else")
    lock = tmp_path / "thing.lock"
    lock.write_text(f"org.example:thing:jar:1.0 {hashlib.sha256(b'thing').hexdigest()}\n")
    jars = MavenJars("thing", lock)
    with pytest.raises(ArtifactError, match=r"is not what thing\.lock says"):
        jars._check(jars.locked[0], file)  # noqa: SLF001 - reached only through the network


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prometheus, version 2.42.0+ds (branch: debian/sid)", "2.42.0"),
        ("node_exporter, version 1.5.0 (go1.19.8)", "1.5.0"),
        ("v3.1", "3.1"),
        ("node_exporter, version  (branch: )\n  go version: go1.27.3", "None"),
        ("no version here", "None"),
    ],
)
def test_versions_are_found_in_what_programs_print(text: str, version: str) -> None:
    """The first thing that looks like a release."""
    assert str(version_in(text)) == version


def fake_program(folder: Path, name: str, version: str) -> None:
    """An executable on a PATH that tells a version."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {name} {version}\n")
    (folder / name).chmod(0o755)


def test_a_program_on_path_is_used_if_its_version_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is too old isn't; the error names every way that was tried, and what to do."""
    module = tmp_path / "module"
    module.mkdir()
    for file in ("go.mod", "go.sum"):
        (module / file).touch()
    program = Program("server", (Command("server"),), "2.0", (), module)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    workshop = Workshop(Cache.open(tmp_path / "cache"))
    fake_program(tmp_path / "bin", "server", "2.3.1")
    found = program.resolve(workshop)
    assert (found.version, found.source) == ("2.3.1", "PATH")
    assert found.program("server").resolve() == tmp_path / "bin" / "server"
    fake_program(tmp_path / "bin", "server", "1.9")
    (tmp_path / "bin" / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "apt-get").chmod(0o755)
    with pytest.raises((ArtifactError, UsageError)) as refused:
        program.resolve(workshop)
    assert "server" in str(refused.value)


@pytest.mark.parametrize(
    "program",
    [PROMETHEUS, ALERTMANAGER, NODE_EXPORTER],
    ids=["prometheus", "alertmanager", "node exporter"],
)
def test_every_program_has_its_package_in_the_go_module(program: Program) -> None:
    """What a Go build would build is declared in go.mod, and locked in go.sum."""
    for command in program.commands:
        package = tool_package(program.go_module, command.name)
        repository = "/".join(package.split("/")[:3])
        assert f"\n{repository} v" in (program.go_module / "go.sum").read_text()


def test_relocating_keeps_an_executables_length(tmp_path: Path) -> None:
    """Offsets in it stay true, and the path is that of the folder beside it."""
    share = "/usr/share/some/thing"
    binary = tmp_path / "binary"
    binary.write_bytes(b"\0head" + share.encode() + b"/file.tmpl\0tail")
    before = binary.stat().st_size
    relocate(binary, share)
    data = binary.read_bytes()
    assert len(data) == before
    (tmp_path / "share").mkdir()
    path = data.removeprefix(b"\0head").split(b"/file.tmpl")[0].decode()
    assert (tmp_path / path).resolve() == (tmp_path / "share").resolve()
