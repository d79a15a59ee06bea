"""`python -m reports.site FOLDER`: what the jobs of a night have left, as a site.

FOLDER has a folder for each job, as its artifact holds it: runs, and what the job came to
(``make outcome``). The site (``dist/site``) lists them, and has the newest report of each, with all
that it leads to, under a name that stays: ``latest/JOB/``. It remembers nothing by itself: what is
shown of nights before comes with the reports, from the history of each job.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.use.command import perform, say
from reports.account import Account
from reports.history import Memory, memory_of
from reports.page import templates
from reports.report import NAME
from reports.trend import Trend, read_trend

__all__ = ["SITE", "build"]

SITE = ROOT / "dist" / "site"

# What GitHub calls the end of a job; `make outcome` has written it down.
OUTCOME = "outcome"
SUCCESS = "success"

# The same run once more, for what hands artifacts on follows links.
LATEST = "latest"

# What the address of a night is made of, on GitHub.
ADDRESS = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


@dataclass(frozen=True)
class Job:
    """What a job has left.

    Attributes:
        name: That stays, and may stand in an address.
        outcome: What GitHub says that it came to; empty where nobody has written it down.
        run: The folder of its newest run that has a report; None where it has none.
        memory: What that run came to; None where there is none, or it can't be read.
        trend: It, and the runs before it; None where there is none.
    """

    name: str
    outcome: str
    run: Path | None
    memory: Memory | None
    trend: Trend | None

    @classmethod
    def read(cls, folder: Path) -> Job:
        """What lies in the folder of a job."""
        name = folder.name.removeprefix("report ").replace(" ", "-")
        told = next(iter(sorted(folder.rglob(OUTCOME))), None)
        outcome = told.read_text(encoding="utf-8").strip() if told is not None else ""
        reports = sorted(folder.rglob(NAME), key=lambda each: each.parent.name)
        runs = [each.parent for each in reports if each.parent.name != LATEST]
        if not runs:
            return cls(name, outcome, None, None, None)
        try:
            memory = memory_of(Account.read(runs[-1]))
        except UsageError:
            memory = None
        return cls(name, outcome, runs[-1], memory, read_trend(runs[-1]))

    @property
    def failed(self) -> bool:
        """Whether it came to something else than success, whatever its report says."""
        return self.outcome not in {SUCCESS, ""}

    @property
    def good(self) -> bool:
        """Whether nobody has to look at it."""
        if self.run is None:
            return self.outcome == SUCCESS
        return not self.failed and self.memory is not None and self.memory.judgement == "kept"


def build(folder: Path, site: Path, night: str = "") -> Path:
    """Make the site of a night anew, and return the page that lists all.

    Args:
        folder: What the jobs have left.
        site: Where it is made.
        night: The address of the night itself, if it has one.

    Raises:
        UsageError: No job has left anything.
    """
    jobs = sorted(map(Job.read, folders_of(folder)), key=lambda each: (each.good, each.name))
    if not jobs:
        raise UsageError(f"{folder}: no job has left anything")
    shutil.rmtree(site, ignore_errors=True)
    template = templates().get_template("site.html.jinja")
    for job in jobs:
        target = site / "latest" / job.name
        if job.run is None:
            target.mkdir(parents=True)
            text = template.render(title=ENVIRONMENT.name, jobs=[job], night=night, top="../../")
            (target / "index.html").write_text(text, encoding="utf-8")
            continue
        shutil.copytree(job.run, target)
        (target / NAME).rename(target / "index.html")
        list_folders(target)
    page = site / "index.html"
    text = template.render(title=ENVIRONMENT.name, jobs=jobs, night=night, top="")
    page.write_text(text, encoding="utf-8")
    return page


def folders_of(folder: Path) -> list[Path]:
    """The folders of the jobs.

    Raises:
        UsageError: There is no such folder.
    """
    try:
        return [each for each in folder.iterdir() if each.is_dir()]
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error


def list_folders(run: Path) -> None:
    """Give each folder of a run a page: a report leads to folders, and Pages shows none."""
    template = templates().get_template("folder.html.jinja")
    for folder in [each for each in run.rglob("*") if each.is_dir()]:
        names = sorted(f"{each.name}{'/' * each.is_dir()}" for each in folder.iterdir())
        text = template.render(folder=folder.relative_to(run), names=names)
        (folder / "index.html").write_text(text, encoding="utf-8")


def main() -> int:
    """Build the site of this night."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        raise UsageError("which folder has the reports? python -m reports.site FOLDER")
    server, repository, run = (os.environ.get(name, "") for name in ADDRESS)
    night = f"{server}/{repository}/actions/runs/{run}" if run else ""
    say(f"groundwork: {build(Path(sys.argv[1]), SITE, night)}")
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
