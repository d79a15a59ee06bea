"""The engine as others get it: its wheel, in a virtual environment of somebody else's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import ledger, process
from suites.support.documents import blocks_of, execute
from suites.support.pond import RUN_TIMEOUT_S, Pond

DOCUMENT = ROOT / "docs" / "another-environment.md"
INSTALL_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Guest:
    """Somebody else's project and the virtual environment that it has.

    Attributes:
        pond: Its folders.
        venv: The virtual environment, which holds the wheel and what tests of the page need.
    """

    pond: Pond
    venv: Path

    def run(self, commands: str) -> None:
        """Run a block of commands as a user would, with the virtual environment active."""
        self.output(commands)

    def output(self, commands: str) -> str:
        """What a block of commands prints; each must succeed."""
        env = self.pond.environment({})
        return process.run(
            ["sh", "-eu", "-c", commands],
            timeout_s=RUN_TIMEOUT_S,
            cwd=self.pond.root,
            env=env | {"PATH": f"{self.venv / 'bin'}:{env['PATH']}"},
        ).output


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the engine's wheel, and pytest-xdist for `-n`."""
    base = tmp_path_factory.mktemp("wheel")
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    build: list[str | Path] = ["hatchling", "build", "--target", "wheel", "--directory", base]
    process.run([sys.executable, "-m", *build], timeout_s=INSTALL_TIMEOUT_S, cwd=ROOT)
    (wheel,) = base.glob("groundwork-*.whl")
    venv = base / "venv"
    process.run([*uv, "venv", "--python", sys.executable, venv], timeout_s=INSTALL_TIMEOUT_S)
    locked: list[str | Path] = ["--constraint", ROOT / "requirements.lock"]
    install = ["pip", "install", "--python", venv / "bin" / "python", *locked]
    process.run([*uv, *install, wheel, "pytest-xdist"], timeout_s=INSTALL_TIMEOUT_S)
    return venv


@contextmanager
def guest_of(pond: Pond, venv: Path) -> Iterator[Guest]:
    """A project of nothing but what the page writes."""
    for path in pond.root.iterdir():
        if path.is_file():
            path.unlink()
    yield Guest(pond, venv)


def test_the_page_on_another_environment_is_true(pond: Pond, venv: Path) -> None:
    """Its project starts, is broken, healed, kept, adopted and removed, and leaves nothing."""
    with guest_of(pond, venv) as guest:
        execute(DOCUMENT, pond.root, guest.run)
        assert ledger.environments(pond.state_dir) == ()
        assert pond.leftovers() == []


def test_a_kept_environment_is_adopted_and_removed(pond: Pond, venv: Path) -> None:
    """By the installed command, in a project of somebody else's."""
    with guest_of(pond, venv) as guest:
        execute(DOCUMENT, pond.root, lambda _: None)
        assert "http://127.0.0.1:" in guest.output("groundwork up")
        assert "kept" in guest.output("groundwork status")
        assert "adopted environment" in guest.output("pytest -k answers")
        assert "removed" in guest.output("groundwork down")
        assert "nothing is running" in guest.output("groundwork status")
        assert pond.leftovers() == []


def test_the_page_satisfies_a_strict_type_checker(pond: Pond, venv: Path) -> None:
    """The engine tells its types: nothing of an environment's own code is unchecked."""
    with guest_of(pond, venv):
        execute(DOCUMENT, pond.root, lambda _: None)
        files = [block.word for block in blocks_of(DOCUMENT) if block.language == "python"]
        python, cache = venv / "bin" / "python", pond.root / "mypy"
        argv: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache]
        checked = process.run(
            [*argv, "--python-executable", python, *files],
            timeout_s=INSTALL_TIMEOUT_S,
            cwd=pond.root,
            check=False,
        )
        assert checked.returncode == 0, checked.output


def test_the_wheel_is_what_is_tested(pond: Pond, venv: Path) -> None:
    """The engine that the virtual environment imports is its own, and so is the command."""
    with guest_of(pond, venv) as guest:
        where = guest.output("python -c 'import groundwork; print(groundwork.__file__)'")
        assert where.startswith(str(venv))
        assert "start these, with what they need" in guest.output("groundwork --help")
