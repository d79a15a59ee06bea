"""The report: one self-contained HTML file of a run's Allure results."""

from __future__ import annotations

import shutil
from pathlib import Path

from fixtures.packages.programs import ALLURE, JRE
from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError, UsageError
from groundwork.base.process import ProcessFailedError

__all__ = ["build"]

# Some seconds for a thousand tests.
TIMEOUT_S = 300.0

CAUSE = "Caused by: "


class ReportError(GroundworkError):
    """The report can't be built: one line that says which file, and why."""


def build(run_dir: Path, cache_dir: Path) -> Path:
    """Build ``report.html`` in a run's folder and return its path.

    Raises:
        UsageError: The run has no results, or there was none.
        ArtifactError: Allure's command line can't be had.
        ReportError: It can't be written, or Allure failed otherwise.
    """
    results = run_dir / "allure-results"
    if not any(results.glob("*-result.json")):
        raise UsageError(f"{results}: no results; run `make smoke` first, or name another run")
    workshop = Workshop(Cache.open(cache_dir))  # fetching takes seconds; nobody is told
    allure, jre = ALLURE.resolve(workshop), JRE.resolve(workshop)
    # Allure's launcher is a shell script that wants JAVA_HOME; its main class needs neither.
    home = next(
        path.parent for path in allure.path.rglob("lib") if (path.parent / "config").is_dir()
    )
    folder, report = run_dir / "allure-report", run_dir / "report.html"
    try:
        generate(jre.program("bin/java"), home, results, folder)
        (folder / "index.html").replace(report)
    except (OSError, ProcessFailedError) as error:
        raise ReportError(
            f"can't write {report}: {cause_of(error)}; make room, or set GROUNDWORK_OUT_DIR to a "
            "folder elsewhere and run the tests again"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report


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
