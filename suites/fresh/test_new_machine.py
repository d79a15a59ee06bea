"""A new machine: whoever has git, Python and make pastes what the README says, and it is green."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import allure
import pytest

from fixtures.paths import ROOT
from groundwork.base import ledger
from suites.support.copies import copy_project
from suites.support.documents import blocks_of
from suites.support.newmachine import NewMachine, make_machine
from suites.support.reader import commit_all

README = ROOT / "README.md"

# Everything is fetched for the first time: nine minutes were seen of a machine that was very busy.
README_TIMEOUT_S = 1800.0

# Where temporary files are on a disk: /tmp may be memory, which node exporter doesn't measure.
DISK = "/var/tmp"  # noqa: S108 - a folder of its own is made there


@pytest.fixture
def machine() -> Iterator[NewMachine]:
    """A root file system with the project as it stands here, of some gigabytes; it goes at once."""
    base = Path(tempfile.mkdtemp(prefix="gw-fresh-", dir=DISK))
    try:
        project = copy_project(base / "project")
        commit_all(project)
        with make_machine(base, project) as made:
            yield made
    finally:
        shutil.rmtree(base)


def test_the_readme_is_true_where_nothing_is_installed(machine: NewMachine) -> None:
    """Its commands succeed in their order, without root, and leave nothing that runs."""
    commands = [b.text for b in blocks_of(README) if b.language == "sh" and not b.word]
    assert commands[0].startswith("make smoke")
    said = machine.run("".join(commands), README_TIMEOUT_S)
    allure.attach(said, "what was said", allure.attachment_type.TEXT)
    assert "nothing is missing for --env local" in said
    assert ledger.environments(machine.state_dir) == ()
    assert (machine.state_dir / "history").is_dir()  # it is this folder that was written to
