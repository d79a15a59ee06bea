"""What the tests of observability have in common: where signals get to, the table at the end."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from fixtures.declared.durations import Durations
from fixtures.declared.topics import Topic
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.signals import Logs, Traces
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.plugin import provides
from groundwork.use.client import Handle
from suites.support.noted import noted
from suites.support.options import settings_of
from suites.support.panels import Viewer
from suites.support.request import Signals
from suites.support.traffic import Traffic

# What a request's line of the table is called among its test's properties.
ROW = "observability"

# From the first request on: a rate needs two scrapes (15 s apart in production's profile), a record
# of it an evaluation, and a busy machine its time. One for all panels: they wait for the same.
SHOWN_TIMEOUT_S = 60.0

# The service publishes on this one, by a schema; who looks at its records finds no others there.
ITS_OWN = "signals.generated"

HEAD = ("| request | metric | exemplar | trace | log line |", "|---|---|---|---|---|")


def pytest_configure(config: pytest.Config) -> None:
    """Who ships signals to their stores follows from the platform, and must be known early."""
    local = settings_of(config).env == "local"
    shipping = ModuleType("shipping")
    vars(shipping)["shipper"] = (
        pytest.fixture(scope="session")(itself) if local else provides("collector")
    )
    config.pluginmanager.register(shipping)


def itself() -> None:
    """A service of this machine ships what it has to say by itself."""


@pytest.fixture(scope="session")
def viewer(prometheus: Prometheus, durations: Durations, broker_kind: str) -> Viewer:
    """Who looks at the dashboards."""
    return Viewer(prometheus, durations, broker_kind)


@pytest.fixture(scope="session")
def traffic(
    viewer: Viewer, hello_world: Handle, broker: Handle, topics: tuple[Topic, ...]
) -> Traffic:
    """Traffic that Prometheus has seen: requests, some refused, messages, records."""
    others = [each.name for each in topics if each.name != ITS_OWN]
    made = Traffic(hello_world.endpoint("http"), broker.endpoint("kafka"), others)
    window = viewer.durations.rate_window
    counters = ('http_requests_total{method="GET",status="404"}', "messages_consumed_total")
    wanted = [f"sum(rate({each}[{window}])) > 0" for each in counters]

    def look() -> None:
        made.send()
        waiting = [each for each in wanted if not viewer.prometheus.query(each)]
        if waiting:
            raise NotYetError(f"not yet: {'; '.join(waiting)}")

    wait_for(look, deadline=Deadline.after(SHOWN_TIMEOUT_S), what="traffic to be measured")
    return made


@pytest.fixture(scope="session")
def shown(traffic: Traffic) -> Deadline:
    """When all panels must show something: one moment for all of them."""
    del traffic  # only for its having been sent
    return Deadline.after(SHOWN_TIMEOUT_S)


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
