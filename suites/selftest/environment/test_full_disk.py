"""A full disk under the report: the run tells its results, and what could not be written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import ExitCode
from suites.support.disk import on_a_small_disk

RUN_TIMEOUT_S = 120.0

# Builds the report of a run of one result, and lists what is in the run's folder then.
BUILD = """
mkdir -p "$2/it/allure-results" && cp "$3" "$2/it/allure-results/"
"$1" -m reports it; code=$?
ls -A "$2/it"
exit $code
"""
RESULT = {"uuid": "one", "name": "one", "status": "passed", "start": 1, "stop": 2}


def call(argv: list[str], out: Path, state: Path) -> process.Completed:
    """Run a command of this project with folders of its own."""
    own = {"GROUNDWORK_OUT_DIR": str(out), "GROUNDWORK_STATE_DIR": str(state)}
    return process.run(argv, timeout_s=RUN_TIMEOUT_S, cwd=ROOT, env=os.environ | own, check=False)


def test_a_report_that_cant_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    """Allure's results, attachments and all: exit code 6, and the tests' own results."""
    out = tmp_path / "out"
    out.mkdir()
    words = [sys.executable, "-m", "pytest", "suites/smoke", "-q", "-p", "no:cacheprovider"]
    words += ["-k", "webhook or alertmanager or silenced"]
    done = call(on_a_small_disk(out, "12k", words), out, tmp_path / "state")
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
    done = call(
        [sys.executable, "-m", "pytest", "suites/smoke/test_alerts.py", "-q"],
        out,
        tmp_path / "state",
    )
    assert done.returncode == ExitCode.USAGE, done.output
    assert done.output.startswith("ERROR: groundwork: can't write ")
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "state").exists()


def build_on(size: str, tmp_path: Path) -> tuple[Path, process.Completed]:
    """The folder of runs on a disk of a size, and what the building of a report there has told."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "one-result.json").write_text(json.dumps(RESULT))
    words = ["sh", "-c", BUILD, "sh", sys.executable, str(out), str(tmp_path / "one-result.json")]
    own = {"GROUNDWORK_OUT_DIR": str(out), "GROUNDWORK_HISTORY_DIR": str(tmp_path / "history")}
    done = process.run(
        on_a_small_disk(out, size, words),
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=os.environ | own,
        check=False,
    )
    return out, done


@pytest.mark.parametrize("size", ["200k", "400k"])
def test_where_only_the_first_page_has_room_it_is_there(tmp_path: Path, size: str) -> None:
    """And a line says which file is missing, and why; not Allure's stack of Java."""
    out, done = build_on(size, tmp_path)
    built, told, *left = done.output.splitlines()
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert built.startswith("groundwork: report: ")
    assert told.startswith(f"groundwork: can't write {out}/it/allure.html: No space left on device")
    assert left == ["allure-results", "report.html", "trend.json"]


def test_a_report_that_has_no_room_is_told_in_one_line(tmp_path: Path) -> None:
    """Which file, and why; what it has begun is gone again: half a page would look like all."""
    out, done = build_on("12k", tmp_path)
    told, *left = done.output.splitlines()
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert told.startswith(f"groundwork: can't write {out}/it/report.html: No space left on device")
    assert left == ["allure-results"]
