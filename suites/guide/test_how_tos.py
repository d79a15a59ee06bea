"""What the how-tos say is true: each is executed in a copy of the project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import ledger, process
from suites.support.copies import copy_project
from suites.support.documents import execute
from suites.support.scene import Scene, scene_of

HOW_TOS = ROOT / "docs" / "how-to"

GIT_TIMEOUT_S = 60.0

# A command of a page starts an environment, on a cluster from nothing, and ends it.
COMMAND_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Project:
    """A copy of this project for a page to change, with folders of its own for its runs."""

    root: Path
    scene: Scene

    def run(self, commands: str) -> None:
        """Run commands of a page as somebody who works on the project does."""
        process.run(
            ["sh", "-eu", "-c", commands],
            timeout_s=COMMAND_TIMEOUT_S,
            cwd=self.root,
            env=self.scene.environment(),
        )

    def git(self, *args: str) -> str:
        """What git says."""
        who = ["-c", "user.name=reader", "-c", "user.email=reader@example.invalid"]
        argv = ["git", *who, *args]
        return process.run(argv, timeout_s=GIT_TIMEOUT_S, cwd=self.root, env=os.environ).output

    def follow(self, page: str, wanted: str = "") -> None:
        """Do what a page says, and see that nothing is left of it but the changed files."""
        execute(HOW_TOS / f"{page}.md", self.root, self.run, wanted)
        scope = self.scene.scope
        left = [*ledger.environments(scope.state_dir), *scope.tmp_dir.iterdir()]
        assert [path for path in left if not path.name.startswith("pytest-of-")] == []


@pytest.fixture
def project() -> Iterator[Project]:
    """The copy, under git, with this virtual environment."""
    with scene_of((), engine=False) as scene:
        root = copy_project(scene.base / "project")
        (root / ".venv").symlink_to(Path(sys.prefix))
        made = Project(root, scene)
        made.git("init", "--quiet")
        made.git("add", "--all")
        made.git("commit", "--quiet", "--message", "as it is")
        yield made


def cost(project: Project) -> tuple[dict[str, int], set[str]]:
    """Lines added to files that were there, by file; the files that are new."""
    counted = [line.split("\t") for line in project.git("diff", "--numstat").splitlines()]
    assert all(removed == "0" for _, removed, _ in counted)
    new = project.git("ls-files", "--others", "--exclude-standard").splitlines()
    return {file: int(added) for added, _, file in counted}, set(new)


def test_a_resource_costs_a_module_and_two_lines(project: Project) -> None:
    """On this machine; on a cluster, one folder of manifests more. A test of it is a file."""
    project.follow("resource")
    lines, files = cost(project)
    assert lines == {"fixtures/plugin.py": 1, "fixtures/resources/__init__.py": 1}
    assert {file.rpartition("/")[0] for file in files - {"fixtures/resources/pages.py"}} == {
        "manifests/kubernetes/base/pages",
        "suites/smoke",
    }


def test_a_resource_comes_up_in_a_cluster(project: Project) -> None:
    """With the manifests of its own folder, and nothing else told."""
    project.follow("resource", "kind")


@pytest.mark.parametrize("page", ["suite", "rule", "fault", "experiment"])
def test_a_page_is_true(project: Project, page: str) -> None:
    """Its code fits the project, and its commands succeed."""
    project.follow(page)
