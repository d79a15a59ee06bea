"""The report's first page: what a browser shows of it before anybody scrolls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import allure
import pytest
from playwright.sync_api import Browser, Page, Request

from groundwork.base.errors import ArtifactError
from groundwork.checkers.paging import Cell
from groundwork.declare.settings import Settings
from reports.account import Account
from reports.detail import NAME, detail_in
from reports.figures import FOLDER as FIGURES
from reports.figures import Figure
from reports.history import History, memory_of
from reports.matrix import Matrix, Row, draw_matrix, write_matrix
from reports.promises import Promise
from reports.report import Built, Report
from reports.results import FOLDER, read_results
from suites.selftest.conftest import dug
from suites.support.browser import browser
from suites.support.pond import Pond

# A laptop's: what is below is seen by whoever scrolls.
WIDTH, HEIGHT = 1280, 900

# The texts of those elements all of which is in the window, as they are rendered.
IN_SIGHT = """(elements, height) => elements
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().height > 0)
    .filter(e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= height)
    .map(e => e.innerText)"""

PROMISED = (
    Promise("spring", "The spring answers", ("check_pond.py::test_spring",)),
    Promise("mill", "The mill turns", ("check_pond.py::test_mill*",)),
    Promise("plan", "What is planned happens", ("check_pond.py::test_plan",)),
    Promise("lake", "The lake is wet", ("check_pond.py::test_lake",)),
)

# What each run is asked for, and what it comes to. In their order: each is compared with the last.
RUNS: Mapping[str, tuple[str, int]] = {"kept": ("", 0), "broken": ("fail", 1), "died": ("exit", 6)}


# Nobody listens there: whoever wants to fetch something is refused at once.
NOWHERE = "http://127.0.0.1:9"


def report_of(pond: Pond) -> Report:
    """What the scratch project's reports are built of; Allure is the user's."""
    cache_dir = Settings.from_json("{}").cache_dir
    return Report("pond", History(pond.root / "history"), cache_dir)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Path]]:
    """Three real runs of the scratch project: one is green, one breaks a promise, one loses it."""
    with dug() as pond:
        told = {"GROUNDWORK_HISTORY_DIR": "history"}  # from the project's root on
        folders = {}
        for name, (plan, code) in RUNS.items():
            done = pond.pytest("-p", "reports.plugin", env=told | {"POND_PLAN": plan})
            assert done.returncode == code, done.output
            folders[name] = (pond.root / "reports/out/latest").resolve()
        for name, folder in folders.items():
            # Allure takes seconds: the one report is built with it, of the others the page alone.
            report = report_of(pond)
            build = report.build if name == "broken" else report.first_page
            build(folder, lambda _: PROMISED)
        yield folders


@pytest.fixture
def alone(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Built]:
    """The broken run without Allure: the cache is empty, and there is no network; what is built."""
    folder = tmp_path / runs["broken"].name
    shutil.copytree(runs["broken"], folder, ignore=shutil.ignore_patterns(NAME, "report.html"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    report = Report("pond", History(tmp_path / "history"), tmp_path / "cache")
    return folder, report.build(folder, lambda _: PROMISED)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a screen."""
    with browser() as found:
        yield found


def above_the_fold(chromium: Browser, folder: Path) -> str:
    """What is visible of a page at once, in both schemes of colours, and without scripts."""
    shown = ""
    for scheme in ("dark", "light"):
        context = chromium.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=False,
            offline=True,
        )
        page = context.new_page()
        asked = asked_by(page)
        page.goto((folder / "report.html").as_uri())
        allure.attach(page.screenshot(), scheme, allure.attachment_type.PNG)
        leaves = page.locator("h1, h2, h3, p, li, dt, dd, pre")
        shown = "\n".join(leaves.evaluate_all(IN_SIGHT, HEIGHT))
        context.close()
        assert [each for each in asked if not each.startswith(("file:", "data:"))] == []
    return shown


def asked_by(page: Page) -> list[str]:
    """The addresses that a page asks for, as it does."""
    asked: list[str] = []

    def ask(request: Request) -> None:
        asked.append(request.url)

    page.on("request", ask)
    return asked


def test_a_green_run_is_told_as_kept_and_no_further(
    chromium: Browser, runs: dict[str, Path]
) -> None:
    """That all passed, what it says nothing of, and that there is nothing to compare it with."""
    shown = above_the_fold(chromium, runs["kept"])
    assert "Kept: 8 tests passed, none failed" in shown
    assert "3 of 4 promises are shown" in shown
    assert "1 promise not looked at: no test that shows them ran" in shown
    assert "nothing to compare with" in shown
    assert "Nothing failed." in shown
    assert "Broken" not in shown
    assert "Unknown" not in shown


def test_faults_and_alerts_are_shown_where_a_run_has_them(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    """By a table and a picture; a run without experiments has no such part."""
    assert 'id="matrix"' not in (runs["kept"] / "report.html").read_text()
    folder = tmp_path / runs["kept"].name
    shutil.copytree(runs["kept"], folder)
    down = Cell("BrokerDown", "must", 11.25, None, "that it is over was never told")
    matrix = Matrix((Row("broker-paused", "kept", (down,)),), ("BrokerDown", "HostDown"))
    write_matrix(matrix, folder)
    draw_matrix(matrix, folder)
    report = Report("pond", History(tmp_path / "history"), tmp_path / "cache")
    report.first_page(folder, lambda _: PROMISED)
    page = (folder / "report.html").read_text()
    for said in (
        '<h2 id="matrix">Faults and alerts</h2>',
        "Alerts that no experiment has raised: HostDown",
        "that it is over was never told",
        '<img src="matrix/matrix.svg"',
    ):
        assert said in page


def test_figures_are_shown_beside_what_they_usually_are(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    """A figure that is worse than usually is a warning; a run without figures has no such part."""
    assert 'id="figures"' not in (runs["kept"] / "report.html").read_text()
    report = Report("pond", History(tmp_path / "history"), tmp_path / "cache")
    pages = []
    for number, value in enumerate((1_000.0, 1_100.0, 700.0), 1):
        folder = tmp_path / f"{runs['kept'].name[:-1]}{number}"
        shutil.copytree(runs["kept"], folder)
        Figure("rate", "borne", "records/s", "more", value, 800.0).write(folder)
        (folder / FIGURES / "knee.svg").write_text("<svg/>")
        report.history.keep(memory_of(Account.read(folder)))
        report.first_page(folder, lambda _: PROMISED)
        pages.append((folder / "report.html").read_text())
    assert "worse than usually" not in pages[1]
    for said in (
        '<h2 id="figures">Figures</h2>',
        "at least 800 records/s",
        '<strong class="broken">700 records/s</strong>',
        "1 figure worse than usually",
        "borne: 700 records/s, usually 1,050 records/s",
        '<img src="figures/knee.svg"',
    ):
        assert said in pages[2]


def test_a_broken_promise_is_named(chromium: Browser, runs: dict[str, Path]) -> None:
    """Whose fault it is, which promise isn't kept, by which test, and that it is new."""
    shown = above_the_fold(chromium, runs["broken"])
    assert "Broken: 1 failure of the product" in shown
    assert "Not kept: What is planned happens" in shown
    assert "Whatever the outer test wants to see: wanted" in shown
    assert "1 newly failing" in shown
    assert "AssertionError: wanted" in shown
    assert "Kept" not in shown
    assert "Unknown" not in shown


def test_a_death_of_the_infrastructure_is_no_failure_of_the_product(
    chromium: Browser, runs: dict[str, Path]
) -> None:
    """Unknown, with what died and its last words; what failed before isn't called mended."""
    shown = above_the_fold(chromium, runs["died"])
    assert "Unknown: the infrastructure died" in shown
    assert "That is not the product's fault" in shown
    assert "spring: process spring ended with exit code 3 during the run" in shown
    assert "server is starting" in shown
    assert "nothing newly failing\nnothing mended" in shown
    assert "2 that passed tell nothing now" in shown
    assert "Broken" not in shown
    assert "Kept" not in shown


def test_each_link_leads_to_its_evidence(chromium: Browser, runs: dict[str, Path]) -> None:
    """To a file beside the page, a place on it, or the test's own page in Allure's report."""
    context = chromium.new_context()
    page = context.new_page()
    files = followed(page, runs["broken"])
    assert {"allure.html", "timeline.jsonl", "run.json", "logs"} <= files
    page.locator(".failure h3 a").first.click()
    page.locator(".test-result__name").first.wait_for()
    assert "Whatever the outer test wants to see" in page.inner_text(".test-result__name")
    allure.attach(page.screenshot(), "the test in Allure", allure.attachment_type.PNG)
    context.close()


def followed(page: Page, folder: Path) -> set[str]:
    """The files that a first page leads to; each of its links leads to something that is there."""
    page.goto((folder / "report.html").as_uri())
    links = {each.get_attribute("href") or "" for each in page.locator("a").all()}
    places = {each.get_attribute("id") for each in page.locator("[id]").all()}
    assert {link[1:] for link in links if link.startswith("#")} <= places
    files = {link.partition("#")[0] for link in links if not link.startswith("#")}
    assert [file for file in files if not (folder / file).exists()] == []
    return files


def test_without_allure_the_page_says_what_is_missing(
    chromium: Browser, alone: tuple[Path, Built]
) -> None:
    """As much as ever is told and can be followed; where Allure's would be, why it isn't there."""
    folder, built = alone
    assert isinstance(built.lacking, ArtifactError)
    assert str(built.lacking).startswith("allure: npm can't fetch ")
    shown = above_the_fold(chromium, folder)
    assert "Broken: 1 failure of the product" in shown
    assert "Not kept: What is planned happens" in shown
    assert "AssertionError: wanted" in shown
    assert f"could not be built: {built.lacking}" in shown
    context = chromium.new_context()
    page = context.new_page()
    assert followed(page, folder) >= {"timeline.jsonl", "run.json", "logs"}
    assert "allure.html" not in page.content()
    page.get_by_role("link", name="why").click()
    assert page.url.endswith("#lacking")
    context.close()


def test_allure_knows_as_many_tests_as_ran(runs: dict[str, Path]) -> None:
    """Whatever it calls them, each result is found in its one file."""
    detail = detail_in((runs["broken"] / NAME).read_text(encoding="utf-8"))
    results = read_results(runs["broken"] / FOLDER)
    assert set(detail.pages) == {each.key for each in results}
    assert len(detail.pages) == 8
    assert "history.json" in detail.history
