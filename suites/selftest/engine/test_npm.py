"""Packages of npm: what the lock says is fetched by npm itself, and nothing else is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.packages.programs import ALLURE
from groundwork.artifacts import Cache, NotThisWayError, NpmPackage, Workshop
from groundwork.artifacts.npm import find_npm, is_new_enough
from groundwork.base.errors import ArtifactError, UsageError

LOCKED = {
    "packages": {
        "": {"name": "own"},
        "node_modules/thing": {"version": "1.2.3", "integrity": "sha512-abc"},
    }
}

# Stands for npm: what it is asked for, and where, is what it "fetches".
ECHO = """#!/bin/sh
case "$1" in --version) echo 10.9.2; exit ;; esac
mkdir -p node_modules/thing/dist
printf '%s\\n' "$@" > node_modules/thing/dist/asked
cat package-lock.json > node_modules/thing/dist/lock
"""


@pytest.fixture
def package(tmp_path: Path) -> NpmPackage:
    """A package of a lock."""
    folder = tmp_path / "tools" / "thing"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"dependencies": {"thing": "^1.2"}}')
    (folder / "package-lock.json").write_text(json.dumps(LOCKED))
    return NpmPackage("thing", folder, "thing")


def install_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put npm and Node on PATH, and nothing else but a shell's commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("npm", "node"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "npm"


def workshop(tmp_path: Path) -> Workshop:
    """With a cache of the test's."""
    return Workshop(Cache.open(tmp_path / "cache"))


def test_npm_is_asked_for_the_lock_and_runs_nothing(
    package: NpmPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's own files are what is left: neither npm's cache nor the lock."""
    install_npm(tmp_path, monkeypatch, ECHO)
    found = package.resolve(workshop(tmp_path))
    assert (found.version, found.source, found.cached) == ("1.2.3", "npm", False)
    words = found.program("dist/asked").read_text().splitlines()
    assert words[:2] == ["ci", "--ignore-scripts"]
    # Beside the folder that it works in, where it goes with that.
    assert str(found.path.with_suffix(".part")) in words[words.index("--cache") + 1]
    assert json.loads(found.program("dist/lock").read_text()) == LOCKED
    left = {path.name for path in found.path.iterdir()}
    assert left == {"dist", "groundwork-manifest.json"}
    assert package.resolve(workshop(tmp_path)).cached


def test_another_lock_is_another_entry(package: NpmPackage) -> None:
    """A sum is a part of it."""
    before = package.key()
    lock = package.folder / "package-lock.json"
    lock.write_text(lock.read_text().replace("sha512-abc", "sha512-abd"))
    assert package.key() != before


def test_what_npm_refuses_is_told_in_one_line(
    package: NpmPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that it calls an error: another sum, no network."""
    lines = "echo 'npm error code EINTEGRITY'; echo 'npm error a page'; exit 1"
    install_npm(tmp_path, monkeypatch, ECHO.replace("mkdir", f"{lines}\nmkdir"))
    with pytest.raises(ArtifactError) as refused:
        package.resolve(workshop(tmp_path))
    assert str(refused.value) == (
        "thing: npm can't fetch thing: npm error code EINTEGRITY; connect to the network once"
    )
    assert [each.suffix for each in (tmp_path / "cache" / "thing").iterdir()] == [".lock"]


def test_a_package_that_isnt_locked_is_told_by_file(package: NpmPackage) -> None:
    """A misspelt name is a mistake in the declaration."""
    with pytest.raises(UsageError, match=r"package-lock\.json: think isn't in it"):
        _ = NpmPackage("thing", package.folder, "think").version


@pytest.mark.parametrize(
    ("says", "fits"), [("echo 10.9.2", True), ("echo 6.14.18", False), ("exit 1", False)]
)
def test_an_npm_that_is_too_old_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, *, fits: bool
) -> None:
    """It would read a lock of the third version as an empty one."""
    npm = install_npm(tmp_path, monkeypatch, f"#!/bin/sh\n{says}\n")
    assert is_new_enough(str(npm)) is fits
    if fits:
        assert find_npm(tmp_path, workshop(tmp_path)) == (str(npm),)


def test_without_npm_and_its_wheel_the_network_is_asked_for(
    package: NpmPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither is to be had the one line says so."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(NotThisWayError, match="no npm, and its wheel can't be fetched"):
        find_npm(tmp_path / "tools" / "node", workshop(tmp_path))
    with pytest.raises(ArtifactError, match="no npm, and its wheel can't be fetched; connect to"):
        package.resolve(workshop(tmp_path))


def test_allure_is_locked_with_a_sum_and_no_address() -> None:
    """As npm wrote it, for whichever registry is in reach."""
    lock = json.loads((ALLURE.folder / "package-lock.json").read_text())
    for place, each in lock["packages"].items():
        if place:
            assert each["integrity"].startswith("sha512-")
            assert "resolved" not in each
