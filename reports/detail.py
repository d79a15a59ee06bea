"""The detail behind the first page: Allure's report of a run, in one file."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.packages.programs import ALLURE, JRE
from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.base.process import ProcessFailedError
from reports.results import test_of

__all__ = ["NAME", "Detail", "ReportError", "detail_of"]

# What it is called, beside the first page.
NAME = "allure.html"

# Some seconds for a thousand tests.
TIMEOUT_S = 300.0

CAUSE = "Caused by: "

# How the one file holds what would else be files: their names, and what is in them in base 64.
HELD = re.compile(r"\bd\('([^']+)','([^']*)'\)")

# Where Allure looks for what it knew after the run before, and what it knows after this one.
HISTORY, TESTS = "history", "data/test-cases/"


class ReportError(GroundworkError):
    """The report can't be built: one line that says which file, and why."""


@dataclass(frozen=True)
class Detail:
    """Allure's report.

    Attributes:
        pages: The page of each test in it, by its result's ``key``.
        history: Allure's own, after this run: files by name.
    """

    pages: Mapping[tuple[str, int], str] = field(default_factory=dict)
    history: Mapping[str, str] = field(default_factory=dict)


def detail_of(run_dir: Path, results: Path, cache_dir: Path, history: Mapping[str, str]) -> Detail:
    """Build Allure's report in a run's folder, and tell what it holds.

    Args:
        run_dir: The run's folder.
        results: That of its results.
        cache_dir: Where the command line is, or gets.
        history: Allure's own of the runs before, by name.

    Raises:
        ArtifactError: Allure's command line can't be had.
        ReportError: It can't be written, or Allure failed otherwise.
    """
    workshop = Workshop(Cache.open(cache_dir))  # fetching takes seconds; nobody is told
    allure, jre = ALLURE.resolve(workshop), JRE.resolve(workshop)
    # Allure's launcher is a shell script that wants JAVA_HOME; its main class needs neither.
    home = next(
        path.parent for path in allure.path.rglob("lib") if (path.parent / "config").is_dir()
    )
    folder, report, before = run_dir / "allure-report", run_dir / NAME, results / HISTORY
    try:
        for name, text in history.items():
            before.mkdir(exist_ok=True)
            (before / name).write_text(text, encoding="utf-8")
        generate(jre.program("bin/java"), home, results, folder)
        found = detail_in((folder / "index.html").read_text(encoding="utf-8"))
        (folder / "index.html").replace(report)
    except (OSError, ProcessFailedError) as error:
        raise ReportError(
            f"can't write {report}: {cause_of(error)}; make room, or set GROUNDWORK_OUT_DIR to a "
            "folder elsewhere and run the tests again"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)  # built again, the report is the same
    return found


def detail_in(text: str) -> Detail:
    """What the one file holds.

    Raises:
        ReportError: No test is in it where we look for them: it is of a version unknown to us.
    """
    pages, history = {}, {}
    for name, held in HELD.findall(text):
        if name.startswith(TESTS):
            told = json.loads(base64.b64decode(held))
            # Nothing that Allure's versions have called in different ways, such as a history.
            key = test_of(told), told["time"].get("start") or 0
            pages[key] = f"{NAME}#testresult/{told['uid']}"
        elif name.startswith(f"{HISTORY}/"):
            history[name.rpartition("/")[2]] = base64.b64decode(held).decode()
    if not pages:
        raise ReportError("Allure's report holds its tests otherwise than the version we know")
    return Detail(pages, history)


def cause_of(error: OSError | ProcessFailedError) -> str:
    """Why, in one line: what Java names as the innermost cause, without the class of it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    causes = [line for line in error.output.splitlines() if line.startswith(CAUSE)]
    if not causes:
        return str(error).partition("\n")[0]
    return causes[-1].removeprefix(CAUSE).partition(": ")[2] or causes[-1].removeprefix(CAUSE)


def generate(java: Path, home: Path, results: Path, folder: Path) -> None:
    """Have Allure make a folder with the report in one file of it."""
    process.run(
        [
            java,
            "-XX:-UsePerfData",
            f"-Dallure.home={home}",
            "-cp",
            f"{home / 'lib'}/*:{home / 'lib' / 'config'}",
            "io.qameta.allure.CommandLine",
            "generate",
            "--single-file",
            "--clean",
            "--output",
            folder,
            results,
        ],
        timeout_s=TIMEOUT_S,
        env=process.plain_environment({"APP_HOME": str(home)}),
    )
