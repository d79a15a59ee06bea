"""`make dev-setup`: hooks that refuse keys, and a .env that means nothing until it is filled."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings
from groundwork.base import process
from suites.support.copies import copy_project

# Hooks look at a file or two.
TIMEOUT_S = 120.0

# Made here: written out, they would be found in this very file.
KEY = "AKIA" + "Q3" * 8
BESIDE_ITS_NAME = "aws_secret" + "_access_key = '" + "wJal/XUtn+FEMI7K" * 2 + "wJalXUtn'"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Those of somebody who commits, with all that git and pre-commit write among temporaries."""
    who = {"NAME": "reader", "EMAIL": "reader@example.invalid"}
    git = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    own = {"PRE_COMMIT_HOME": str(tmp_path / "pre-commit"), "GIT_CONFIG_GLOBAL": "/dev/null"}
    return process.plain_environment(git | own)


@pytest.fixture
def project(tmp_path: Path, variables: dict[str, str]) -> Path:
    """A copy under git, set up."""
    root = copy_project(tmp_path / "p")
    (root / ".venv").mkdir()
    (root / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (root / ".venv" / ".installed").touch()  # `make setup` has been here
    for words in (["git", "init", "--quiet"], ["make", "dev-setup"]):
        process.run(words, timeout_s=TIMEOUT_S, cwd=root, env=variables)
    return root


def commit(project: Path, variables: dict[str, str], text: str) -> process.Completed:
    """Commit one file with a text."""
    (project / "notes.txt").write_text(text + "\n")
    add = ["git", "add", "notes.txt", ".pre-commit-config.yaml", ".secrets.baseline"]
    process.run(add, timeout_s=TIMEOUT_S, cwd=project, env=variables)
    words = ["git", "commit", "--message", "notes"]
    return process.run(words, timeout_s=TIMEOUT_S, cwd=project, env=variables, check=False)


def test_a_commit_with_a_key_is_refused(project: Path, variables: dict[str, str]) -> None:
    """Each kind by a hook that says what it is; nothing is fetched for it, and others pass."""
    refused = commit(project, variables, KEY)
    assert refused.returncode == 1, refused.output
    assert "no keys as AWS has them" in refused.output
    assert "AWS Access Key" in refused.output
    assert "Initializing environment" not in refused.output
    assert commit(project, variables, BESIDE_ITS_NAME).returncode == 1
    passed = commit(project, variables, "nothing secret")
    assert passed.returncode == 0, passed.output


def test_env_is_made_once(project: Path, variables: dict[str, str]) -> None:
    """From the example; what somebody has written there stays."""
    assert (project / ".env").read_bytes() == (ROOT / ".env.example").read_bytes()
    (project / ".env").write_text("REDIS_PASSWORD=own\n")
    again = process.run(["make", "dev-setup"], timeout_s=TIMEOUT_S, cwd=project, env=variables)
    assert (project / ".env").read_text() == "REDIS_PASSWORD=own\n"
    assert "next: make doctor" in again.output


def test_the_example_means_nothing_and_names_everything(tmp_path: Path) -> None:
    """A copy changes no setting; each setting and each secret has a line."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(text)
    assert FoundationSettings.load({}, tmp_path) == FoundationSettings.load({}, tmp_path / "none")
    assert set(dotenv_values(tmp_path / ".env").values()) == {""}
    named = {line.partition("=")[0].lstrip("#") for line in text.splitlines() if "=" in line}
    hidden = {"GROUNDWORK_DECIDED", *map(str.upper, FoundationSettings.secret_names())}
    expected = {
        name
        for name in FoundationSettings.variables()
        if name not in hidden and name.removeprefix("GROUNDWORK_") not in hidden
    }
    assert expected <= named
    assert FoundationSettings.secret_names() <= named
