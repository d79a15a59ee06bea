"""Allure: titles, labels and attachments of every test; environment and categories of a run."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import allure
import allure_commons
import pytest

from fixtures import ENVIRONMENT
from groundwork.artifacts import Resolved
from groundwork.base import process
from groundwork.base.errors import GroundworkError, UsageError
from groundwork.plugin import session_key, uses
from groundwork.use.bundle import grouped
from reports.account import Account
from reports.categories import CATEGORIES
from reports.history import history_of, memory_of
from reports.results import TEST

# Enough to see what led to a failure; the whole logs lie beside the report.
LOG_LINES = 200


class Tolerant:
    """Allure's results where the disk is full: the run goes on, and tells of it at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def _bear(self, outcome: Any) -> None:
        if isinstance(outcome.exception, OSError):
            blame(self._config, outcome.exception)
            outcome.force_result(None)

    @allure_commons.hookimpl(hookwrapper=True)
    def report_result(self) -> Generator[None, Any, None]:
        """A test's result."""
        self._bear((yield))

    @allure_commons.hookimpl(hookwrapper=True)
    def report_container(self) -> Generator[None, Any, None]:
        """What several tests have in common."""
        self._bear((yield))

    @allure_commons.hookimpl(hookwrapper=True)
    def report_attached_file(self) -> Generator[None, Any, None]:
        """A file that is attached."""
        self._bear((yield))

    @allure_commons.hookimpl(hookwrapper=True)
    def report_attached_data(self) -> Generator[None, Any, None]:
        """A text that is attached."""
        self._bear((yield))


def blame(config: pytest.Config, error: OSError) -> None:
    """Have the run tell that something of its output can't be written."""
    session = config.stash.get(session_key, None)
    if session is not None:
        session.blame_output(error, Path(config.option.allure_report_dir))


def pytest_configure(config: pytest.Config) -> None:
    """Bear a full disk."""
    tolerant = Tolerant(config)
    allure_commons.plugin_manager.register(tolerant)
    config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(tolerant))


def pytest_groundwork_configure(config: pytest.Config, out_dir: Path) -> None:
    """Have Allure's results written beside the run's other output, unless told otherwise."""
    if hasattr(config.option, "allure_report_dir") and not config.option.allure_report_dir:
        folder = out_dir / "allure-results"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pytest.UsageError(
                f"groundwork: can't write {folder}: {error.strerror}; set GROUNDWORK_OUT_DIR to a "
                "folder that you can write"
            ) from error
        config.option.allure_report_dir = str(folder)


def pytest_groundwork_finish(
    config: pytest.Config, out_dir: Path, record: dict[str, Any], artifacts: tuple[Resolved, ...]
) -> None:
    """Write what holds for the whole run, and remember it, to compare the next one with it."""
    folder = getattr(config.option, "allure_report_dir", None)
    if not folder or not Path(folder).is_dir():
        return
    properties = {"platform": record["env"]}
    chosen = {name: value for name, value in record["options"].items() if value and name != "env"}
    properties |= {f"option.{name}": f"{value}" for name, value in chosen.items()}
    properties |= {f"resource.{each['name']}": each["version"] for each in record["resources"]}
    properties |= {f"artifact.{a.name}": f"{a.version} ({a.source})" for a in artifacts}
    left_out = grouped({each["test"]: each["reason"] for each in record["left_out"]})
    properties |= {f"left_out.{n}": text for n, text in enumerate(left_out, 1)}
    lines = [f"{name} = {value}\n" for name, value in sorted(properties.items())]
    try:
        (Path(folder) / "environment.properties").write_text("".join(lines))
        (Path(folder) / "categories.json").write_text(json.dumps(CATEGORIES, indent=2))
    except OSError as error:
        blame(config, error)
    remember(config, out_dir, Path(folder))


def remember(config: pytest.Config, out_dir: Path, results: Path) -> None:
    """Keep what the next run is compared with."""
    session = config.stash.get(session_key, None)
    if session is None or session.run is None:
        return
    history = history_of(session.run.settings)
    try:
        history.keep(memory_of(Account.read(out_dir, results)))
    except OSError as error:
        session.blame_output(error, history.folder)
    except UsageError:  # a result that a full disk has cut short, which is told by itself
        return


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Title each test with the first line of its docstring, and its parameters."""
    for item in items:
        function = getattr(item, "function", None)
        text = getattr(function, "__doc__", None)
        if function is not None and text and not hasattr(function, "__allure_display_name__"):
            title = text.strip().partition("\n")[0].rstrip(".")
            title = title.replace("{", "{{").replace("}", "}}")  # Allure fills in what is braced
            variant = " [{param_id}]" if hasattr(item, "callspec") else ""
            allure.title(title + variant)(function)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Label the test by its id and where it stands, also one that the environment fails."""
    allure.dynamic.label(TEST, item.nodeid)
    allure.dynamic.epic(ENVIRONMENT.name)
    allure.dynamic.feature(item.path.parent.name)
    allure.dynamic.story(item.path.stem.removeprefix("test_"))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what the test used, and the logs where it failed."""
    report = yield
    if uses(item) and (report.failed or call.when == "call"):
        attach(item, logs=report.failed)
    return report


def attach(item: pytest.Item, *, logs: bool) -> None:
    """Attach versions and endpoints of a test's resources; with ``logs`` their last lines."""
    session = item.config.stash.get(session_key, None)
    if session is None:
        return
    try:
        resources = session.client().status().resources
    except GroundworkError:
        return  # the keeper is gone: the test says so itself, and the run keeps the logs
    used = [each for each in resources if each.name in uses(item)]
    shown = {
        each.name: {
            "version": each.version,
            "endpoints": {name: at.address for name, at in each.endpoints.items()},
        }
        for each in used
    }
    allure.attach(
        json.dumps(shown, indent=2), "versions and endpoints", allure.attachment_type.JSON
    )
    for each in used if logs else ():
        for name in each.processes or [each.name]:
            text = process.tail_of(Path(each.log_dir) / f"{name}.log", LOG_LINES)
            allure.attach(text, f"log of {name}", allure.attachment_type.TEXT)
