"""The report: a reviewer decides by the outcome that a failure is counted as."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from traceback import format_exception_only

import pytest
from _pytest.outcomes import Failed

from fixtures.paths import ROOT
from groundwork.base import errors, process
from groundwork.base.process import ProcessFailedError
from reports.categories import CATEGORIES, category_of


def categories_of(error: BaseException) -> list[str]:
    """The categories that Allure counts a failure in: the expression must match all of it."""
    message = "".join(format_exception_only(type(error), error)).strip()
    return [
        str(each["name"]) for each in CATEGORIES if re.fullmatch(str(each["messageRegex"]), message)
    ]


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (errors.ProvisionError("broker", "not ready: AssertionError"), "infrastructure failure"),
        (
            errors.ResourceDiedError("broker", "ended\nFailed: no"),
            "infrastructure failure",
        ),
        (errors.NeedFailedError("broker", "not started: cluster"), "infrastructure failure"),
        (errors.KeeperLostError("the keeper died"), "infrastructure failure"),
        (errors.LockTimeoutError("broker", "held"), "infrastructure failure"),
        (errors.ArtifactError("jre: no network"), "infrastructure failure"),
        (AssertionError("assert 1 == 2"), "product failure"),
        (AssertionError(), "product failure"),
        (Failed("it was never woken"), "product failure"),
        (errors.NotRecoveredError("mill", "not recovered"), "product failure"),
        (errors.WaitTimeoutError("waited 3 s for ProvisionError"), "product failure"),
        (ExceptionGroup("two", [AssertionError(), AssertionError()]), "product failure"),
        (errors.NothingShownError("load: invalid"), "nothing shown"),
        (KeyError("ProvisionError"), "test defect"),
        (ProcessFailedError("iptables-save failed"), "test defect"),
        (TypeError("AssertionError"), "test defect"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_failure_is_of_one_category(error: BaseException, category: str) -> None:
    """By the class of its error, whatever its text quotes."""
    assert categories_of(error) == [category]
    assert category_of("broken", f"{type(error).__module__}.{type(error).__name__}: x") == category


def test_a_report_is_looked_for_where_runs_were_told_to_write(tmp_path: Path) -> None:
    """GROUNDWORK_OUT_DIR moves the output of runs, and so the report."""
    done = process.run(
        [sys.executable, "-m", "reports"],
        timeout_s=30,
        cwd=ROOT,
        env=process.plain_environment({"GROUNDWORK_OUT_DIR": str(tmp_path)}),
        check=False,
    )
    assert done.returncode == 4
    assert done.output.startswith(f"groundwork: {tmp_path}/latest/allure-results: no results")
