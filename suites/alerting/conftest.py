"""What the suites of alerting have in common: the cases, who looks on, and the table at the end."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.environment import resources
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError
from suites.support.alerts import told_alertmanagers
from suites.support.causes import Case
from suites.support.coverage import cases_of
from suites.support.noted import noted
from suites.support.options import settings_of
from suites.support.wakings import Observer

# What a case's line of the table is called among its test's properties.
ROW = "alerting"

HEAD = (
    "| alert | told after | at most | visible | pending | firing | told | over after | at most |",
    "|---|---|---|---|---|---|---|---|---|",
)

# The longest cause and its alert, and those of its round after it.
LIMIT_S = 300.0

SETTINGS = pytest.StashKey[FoundationSettings]()
CASES = pytest.StashKey[tuple[Case, ...]]()


def pytest_configure(config: pytest.Config) -> None:
    """Look at all cases before anything starts."""
    try:
        settings = settings_of(config)
        # What can't be mounted here is a resource all the same.
        whole = settings.model_copy(update={"volume": "small"})
        config.stash[CASES] = tuple(cases_of(whole).values())
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[SETTINGS] = settings


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of each case; it breaks what all of its round do, as far as that is there."""
    if "case" not in metafunc.fixturenames:
        return
    there = {each.name for each in resources(metafunc.config.stash[SETTINGS])}
    cases = metafunc.config.stash[CASES]
    params = []
    for case in cases:
        beside = {each.cause.disturbed for each in cases if each.round == case.round}
        broken = sorted(beside & there | {case.cause.disturbed})
        marks = pytest.mark.disturbs(*broken, limit_s=LIMIT_S)
        params.append(pytest.param(case, id=case.alert, marks=marks))
    metafunc.parametrize("case", params)


@pytest.fixture(scope="session")
def known_cases(pytestconfig: pytest.Config) -> tuple[Case, ...]:
    """All cases of this platform, whichever are selected."""
    return pytestconfig.stash[CASES]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: each alert, how long it took, by stages, and how long it may."""
    rows = noted(terminalreporter, ROW)
    if rows:
        for line in (*HEAD, *rows):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def observer(prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver) -> Observer:
    """Who looks at Prometheus and at whoever is woken; from when on that can be told of."""
    told_alertmanagers(prometheus)
    return Observer(prometheus, alertmanager, receiver)
