"""The site of a night: what each job came to, the newest report of each, and no dead link."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import allure
import pytest
from playwright.sync_api import Browser

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import UsageError
from reports.account import Account
from reports.history import History, memory_of
from reports.report import Report
from reports.site import build
from suites.support.browser import browser

MAKE_TIMEOUT_S = 60.0

NIGHT = "https://github.invalid/team/groundwork/actions/runs/7"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a screen."""
    with browser() as found:
        yield found


def run(folder: Path, name: str, status: str, history: Path) -> None:
    """What a run leaves, with its report, and remembers; logs, where it has failed."""
    own, failed = folder / name, status != "passed"
    (own / "allure-results").mkdir(parents=True)
    result = {"name": "the mill turns", "status": status, "start": 1000, "stop": 3000}
    if failed:
        result |= {"statusDetails": {"message": "AssertionError: it stands still"}}
        (own / "logs" / "mill 1").mkdir(parents=True)
        (own / "logs" / "mill 1" / "100% #1.log").write_text("it stands still")
    (own / "allure-results" / "one-result.json").write_text(json.dumps(result))
    told = {"env": "local", "exit_code": int(failed), "wall_s": 2.0}
    (own / "run.json").write_text(json.dumps(told))
    (own / "timeline.jsonl").touch()
    store = History(history)
    store.keep(memory_of(Account.read(own)))
    Report("mill", store, history / "no-cache").first_page(own, lambda _: ())


def job(night: Path, name: str, outcome: str) -> Path:
    """The folder of a job's artifact, with what the job came to; an empty outcome isn't told."""
    folder = night / f"report {name}"
    folder.mkdir(parents=True)
    if outcome:
        (folder / "outcome").write_text(f"{outcome}\n")
    return folder


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A night of five jobs: a good one, a broken one, two that make no report, one half seen."""
    folder, history = tmp_path / "night", tmp_path / "history"
    good, broken = job(folder, "verify local", "success"), job(folder, "verify kind", "failure")
    run(good, "20260301-020000-aaaa", "failed", history / "good")
    run(good, "20260302-020000-bbbb", "passed", history / "good")
    # An artifact has a folder where there was a link; a run that was broken off moves none.
    shutil.copytree(good / "20260301-020000-aaaa", good / "latest")
    run(broken, "20260302-020000-cccc", "failed", history / "broken")
    job(folder, "selftest", "success")
    job(folder, "crash", "cancelled")
    run(job(folder, "load", "failure"), "20260302-020000-dddd", "passed", history / "load")
    return folder


def test_what_there_is_to_look_at_comes_first(chromium: Browser, night: Path) -> None:
    """What each job came to beside what its report says; a report tells what it looked at."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(build(night, night.parent / "site", NIGHT).as_uri())
    allure.attach(page.screenshot(), "the site", allure.attachment_type.PNG)
    assert page.inner_text("h1").endswith("3 of 5 jobs to look at")
    rows = [each.inner_text().split("\t") for each in page.locator("tbody tr").all()]
    told = {row[0].strip(): " ".join(row[1].split()) for row in rows}
    assert list(told) == ["crash", "load", "verify-kind", "selftest", "verify-local"]
    assert told["crash"] == "cancelled of the job it has left no report: its log says why"
    assert told["load"].startswith("failure of the job, beside what its report looked at")
    assert told["load"].endswith("kept 1 test passed, none failed")
    assert told["verify-kind"] == "failure of the job broken 1 failure of the product"
    assert told["selftest"] == "success of the job, which makes no report"
    assert told["verify-local"] == "kept 1 test passed, none failed"
    assert page.locator(f'a[href="{NIGHT}"]').count() == 1
    page.close()


def test_the_trend_is_that_of_the_history(chromium: Browser, night: Path) -> None:
    """The runs before, which aren't on the site, too; the newest last."""
    page = chromium.new_page()
    page.goto(build(night, night.parent / "site").as_uri())
    trends = [each.get_attribute("aria-label") for each in page.locator("svg").all()]
    assert trends[-1] == "The last 2 runs, the newest last: broken, kept"
    assert len(trends) == 3
    page.close()


def test_names_stay_and_all_they_lead_to_is_there(chromium: Browser, night: Path) -> None:
    """The newest report of each job, or that there is none; folders, too, have a page."""
    site = night.parent / "site"
    build(night, site, NIGHT)
    assert {each.name for each in (site / "latest").iterdir()} == {
        each.name.removeprefix("report ").replace(" ", "-") for each in night.iterdir()
    }
    seen, ahead = set[Path](), [site / "index.html"]
    page = chromium.new_page()
    while ahead:
        file = ahead.pop()
        seen.add(file)
        page.goto(file.as_uri())
        for each in page.locator("a").all():
            link = unquote((each.get_attribute("href") or "").partition("#")[0])
            to = (file.parent / link).resolve() if link and link != NIGHT else file
            to = to / "index.html" if to.is_dir() else to  # as a server of files does
            assert to.is_file(), f"{file}: {link}"
            if to.suffix == ".html" and to not in seen:
                ahead.append(to)
    page.close()
    assert site / "latest/verify-kind/logs/mill 1/index.html" in seen
    assert site / "latest/crash/index.html" in seen
    assert "Kept" in (site / "latest/verify-local/index.html").read_text()


def test_a_night_before_is_gone_from_the_site(tmp_path: Path, night: Path) -> None:
    """A job that is no more has no latest report; what it came to is in the history."""
    site = tmp_path / "site"
    (site / "latest" / "old").mkdir(parents=True)
    build(night, site)
    assert not (site / "latest" / "old").exists()


@pytest.mark.parametrize("missing", ["folder", "jobs"])
def test_a_night_that_left_nothing_is_refused(tmp_path: Path, missing: str) -> None:
    """Published, it would take the place of the one before, which is left alone."""
    (tmp_path / "site").mkdir()
    folder = tmp_path / "night"
    if missing == "jobs":
        folder.mkdir()
    with pytest.raises(UsageError, match="No such file" if missing == "folder" else "no job"):
        build(folder, tmp_path / "site")
    assert (tmp_path / "site").exists()


def test_a_job_writes_down_what_it_came_to(tmp_path: Path) -> None:
    """As its artifact holds it, and the site reads it; where nothing could be installed, too."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    env = process.plain_environment({"OUTCOME": "failure"})
    process.run(["make", "outcome"], timeout_s=MAKE_TIMEOUT_S, cwd=tmp_path, env=env)
    assert (tmp_path / "reports/out/outcome").read_text() == "failure\n"
    assert not (tmp_path / ".venv").exists()
