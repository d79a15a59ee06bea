"""Secrets: what stands in .env reaches the service that needs it, and nobody and nothing else."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from groundwork.base import process
from suites.support.copies import copy_project

RUN_TIMEOUT_S = 180.0


@pytest.fixture
def copy() -> Iterator[Path]:
    """A copy of the project, so that no .env of the user's is touched."""
    base = Path(tempfile.mkdtemp(prefix="gw-secret-"))
    root = base / "project"
    copy_project(root)
    yield root
    call(root, "groundwork", "down")
    shutil.rmtree(base)


def call(root: Path, *words: str) -> process.Completed:
    """A module's command in the copy."""
    own = {"GROUNDWORK_STATE_DIR": str(root.parent / "state"), "TMPDIR": str(root.parent)}
    return process.run(
        [sys.executable, "-m", *words],
        timeout_s=RUN_TIMEOUT_S,
        cwd=root,
        env=os.environ | own,
        check=False,
    )


def test_a_secret_is_where_it_belongs_and_nowhere_else(copy: Path) -> None:
    """A canary in .env is in hello-world's environment, and in no argument, log or report."""
    canary = f"canary{uuid4().hex}"
    (copy / ".env").write_text(f"DATABASE_PASSWORD={canary}\nALPACA_SECRET_KEY={canary}\n")
    run = call(copy, "pytest", "suites/smoke", "--keep-env")
    assert run.returncode == 0, run.output
    holders = set()
    for each in psutil.process_iter():
        try:
            environment = each.environ()
            assert canary not in " ".join(each.cmdline())
        except psutil.Error:  # it has just ended, or isn't ours
            continue
        if any(canary in value for value in environment.values()):
            holders.add(environment.get(process.TOKEN, f"pid {each.pid}").partition(":")[2])
    assert holders == {"hello-world:hello-world"}
    report = call(copy, "reports")
    assert report.returncode == 0, report.output
    assert canary not in run.output + report.output
    (copy / ".env").unlink()
    found = [
        str(path)
        for path in copy.parent.rglob("*")
        if path.is_file() and canary.encode() in path.read_bytes()
    ]
    assert found == []
