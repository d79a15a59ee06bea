"""What the tests of observability have in common: where signals get to, the table at the end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.resources.prometheus import Prometheus
from fixtures.resources.signals import Logs, Traces
from groundwork.plugin import provides
from suites.support.noted import noted
from suites.support.options import settings_of
from suites.support.request import Signals

# What a request's line of the table is called among its test's properties.
ROW = "observability"

HEAD = ("| request | metric | exemplar | trace | log line |", "|---|---|---|---|---|")


def pytest_configure(config: pytest.Config) -> None:
    """Who ships signals to their stores follows from the platform, and must be known early."""
    local = settings_of(config).env == "local"
    shipper = pytest.fixture(scope="session")(itself) if local else provides("collector")
    config.pluginmanager.register(SimpleNamespace(shipper=shipper), "observability-shipper")


def itself() -> None:
    """A service of this machine ships what it has to say by itself."""


@pytest.fixture(scope="session")
def signals(prometheus: Prometheus, logs: Logs, traces: Traces, shipper: object) -> Signals:
    """Where a service's signals get to."""
    del shipper  # only for its being there
    return Signals(prometheus, logs, traces)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: each request, and how long after its answer each of its signals was found."""
    rows = noted(terminalreporter, ROW)
    if rows:
        for line in (*HEAD, *rows):
            terminalreporter.write_line(line)
