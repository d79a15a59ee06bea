"""`python -m reports.site FOLDER`: reports of several jobs as a site, with those of nights before.

FOLDER has a folder for each job, as its artifact holds it: runs, each with ``report.html``. The
site (``dist/site``) has each under a name that stays, ``latest/JOB/``, and under its day,
``DAY/JOB/``; what lies there from nights before is kept for a week.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.use.command import perform, say

__all__ = ["SITE", "build"]

SITE = ROOT / "dist" / "site"

# Ten reports a night, of some megabytes each; GitHub's pages may take a gigabyte.
NIGHTS = 7

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def build(folder: Path, site: Path, day: str) -> Path:
    """Put the reports of a night into a site, and return the page that lists all.

    Raises:
        UsageError: There is no report.
    """
    reports = sorted(folder.glob("*/**/report.html"))
    if not reports:
        raise UsageError(f"{folder}: no job has left a report")
    shutil.rmtree(site / "latest", ignore_errors=True)
    for report in reports:  # in the order of their runs: the last one of a job stays
        name = report.relative_to(folder).parts[0].removeprefix("report ").replace(" ", "-")
        for target in (site / "latest" / name, site / day / name):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(report, target / "index.html")
            record = report.with_name("run.json")
            if record.exists():
                shutil.copyfile(record, target / "run.json")
    for old in days_of(site)[NIGHTS:]:
        shutil.rmtree(site / old)
    page = site / "index.html"
    page.write_text(listed(site), encoding="utf-8")
    return page


def days_of(site: Path) -> list[str]:
    """The nights that a site has, the newest first."""
    return sorted((each.name for each in site.iterdir() if DAY.fullmatch(each.name)), reverse=True)


def outcome_of(folder: Path) -> str:
    """How a job's run ended, in a word."""
    try:
        code = json.loads((folder / "run.json").read_text(encoding="utf-8"))["exit_code"]
    except (OSError, ValueError, KeyError):
        return "no record"
    return "green" if code == 0 else f"exit code {code}"


def listed(site: Path) -> str:
    """The page that lists every night's reports."""
    parts = ["<!doctype html><meta charset=utf-8><title>groundwork, every night</title>"]
    for day in ["latest", *days_of(site)]:
        parts.append(f"<h2>{day}</h2><ul>")
        for job in sorted(path for path in (site / day).iterdir() if path.is_dir()):
            name = html.escape(job.name)
            parts.append(f'<li><a href="{day}/{name}/">{name}</a>: {outcome_of(job)}</li>')
        parts.append("</ul>")
    return "\n".join(parts) + "\n"


def main() -> int:
    """Build the site of this night."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        raise UsageError("which folder has the reports? python -m reports.site FOLDER")
    page = build(Path(sys.argv[1]), SITE, f"{datetime.now(UTC):%Y-%m-%d}")
    say(f"groundwork: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
