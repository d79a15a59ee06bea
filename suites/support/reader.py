"""Readers: whoever follows a page of ours, in a copy of the project, as it is after a clone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from groundwork.base import ledger, process
from suites.support.copies import copy_project
from suites.support.documents import execute
from suites.support.scene import Scene, scene_of

__all__ = ["Reader", "commit_all", "reader_of"]

GIT_TIMEOUT_S = 60.0

# A command of a page starts an environment, on a cluster from nothing, and ends it.
COMMAND_TIMEOUT_S = 600.0

# What make that runs these tests tells whom it starts: a reader's own make must not hear of it.
OF_MAKE = ("ARGS", "ENV", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")

# Who commits.
WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in {"NAME": "reader", "EMAIL": "reader@example.invalid"}.items()
}

# What `make setup` has made, once it has.
INSTALLED = (".installed", "checkov/.installed", "audit/.installed")


@dataclass(frozen=True)
class Reader:
    """A copy of this project for a page to change, with folders of its own for its runs."""

    root: Path
    scene: Scene

    def environment(self) -> dict[str, str]:
        """What a reader's shell has: the copy's commands are of the copy."""
        told = {n: v for n, v in self.scene.environment().items() if n not in OF_MAKE}
        return (
            told
            | WHO
            | {
                "GROUNDWORK_OUT_DIR": str(self.root / "reports" / "out"),
                "GROUNDWORK_HISTORY_DIR": str(self.scene.base / "history"),
                "PRE_COMMIT_HOME": str(self.scene.base / "pre-commit"),
                "PYTHONPATH": str(self.root),
            }
        )

    def run(self, commands: str) -> None:
        """Run commands of a page as somebody who works on the project does."""
        process.run(
            ["sh", "-eu", "-c", commands],
            timeout_s=COMMAND_TIMEOUT_S,
            cwd=self.root,
            env=self.environment(),
        )

    def git(self, *args: str) -> str:
        """What git says."""
        return process.run(
            ["git", *args], timeout_s=GIT_TIMEOUT_S, cwd=self.root, env=self.environment()
        ).output

    def follow(self, page: Path, wanted: str = "") -> None:
        """Do what a page says, and see that nothing is left of it but the changed files."""
        execute(page, self.root, self.run, wanted)
        scope = self.scene.scope
        left = [*ledger.environments(scope.state_dir), *scope.tmp_dir.iterdir()]
        assert [path for path in left if not path.name.startswith("pytest-of-")] == []


@contextmanager
def reader_of() -> Iterator[Reader]:
    """A copy, under git, with this virtual environment."""
    with scene_of((), engine=False) as scene:
        root = copy_project(scene.base / "project")
        set_up(root / ".venv", Path(sys.prefix))
        commit_all(root)
        yield Reader(root, scene)


def commit_all(root: Path) -> None:
    """Make a folder a git repository that has all of it."""
    for words in ("init --quiet", "add --all", "commit --quiet --message copied"):
        argv = ["git", *words.split()]
        process.run(argv, timeout_s=GIT_TIMEOUT_S, cwd=root, env=os.environ | WHO)


def set_up(venv: Path, ours: Path) -> None:
    """What `make setup` makes, made of our own virtual environment, which it can't clear so."""
    venv.mkdir()
    for part in ("bin", "include", "lib", "pyvenv.cfg"):
        (venv / part).symlink_to(ours / part)
    for mark in INSTALLED:
        (venv / mark).parent.mkdir(exist_ok=True)
        (venv / mark).touch()
