"""The report: one self-contained HTML file of a run's Allure results."""

from __future__ import annotations

from pathlib import Path

from fixtures.packages.programs import ALLURE, JRE
from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from groundwork.base.errors import UsageError

__all__ = ["build"]

# Some seconds for a thousand tests.
TIMEOUT_S = 300.0


def build(run_dir: Path, cache_dir: Path) -> Path:
    """Build ``report.html`` in a run's folder and return its path.

    Raises:
        UsageError: The run has no results, or there was none.
        ArtifactError: Allure's command line can't be had.
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
    folder = run_dir / "allure-report"
    process.run(
        [
            jre.program("bin/java"),
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
    report = run_dir / "report.html"
    (folder / "index.html").replace(report)
    folder.rmdir()
    return report
