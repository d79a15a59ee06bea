"""A full disk under the report: the run tells its results, and what could not be written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import ExitCode
from suites.support.disk import on_a_small_disk

RUN_TIMEOUT_S = 120.0


def test_a_report_that_cant_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """Allure's results, attachments and all: exit code 6, and the tests' own results."""
    out = tmp_path / "out"
    out.mkdir()
    words = [sys.executable, "-m", "pytest", "suites/smoke", "-q", "-p", "no:cacheprovider"]
    words += ["-k", "webhook or alertmanager or silenced"]
    done = process.run(
        on_a_small_disk(out, "12k", words),
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=os.environ
        | {"GROUNDWORK_OUT_DIR": str(out), "GROUNDWORK_STATE_DIR": str(tmp_path / "state")},
        check=False,
    )
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert " passed" in done.output
    assert "failed" not in done.output
    assert f"output: can't write {out}" in done.output
    assert "INTERNALERROR" not in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize("what", ["a file", "a folder below a file"])
def test_a_folder_that_cant_be_made_is_refused_before_anything_starts(
    tmp_path: Path, what: str
) -> None:
    """One line, exit code 4."""
    file = tmp_path / "file"
    file.touch()
    out = file if what == "a file" else file / "out"
    done = process.run(
        [sys.executable, "-m", "pytest", "suites/smoke/test_alerts.py", "-q"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=os.environ
        | {"GROUNDWORK_OUT_DIR": str(out), "GROUNDWORK_STATE_DIR": str(tmp_path / "state")},
        check=False,
    )
    assert done.returncode == ExitCode.USAGE, done.output
    assert done.output.startswith("ERROR: groundwork: can't write ")
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "state").exists()
