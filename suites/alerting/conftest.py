"""What the suites of alerting have in common: who looks on, and the table at the end."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from suites.support.alerts import told_alertmanagers
from suites.support.noted import noted
from suites.support.wakings import Observer

# What a case's line of the table is called among its test's properties.
ROW = "alerting"

HEAD = "| alert | told after | at most | pending after | firing | told | over after |"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: each alert, how long it took, by stages, and how long it may."""
    rows = sorted(noted(terminalreporter, ROW))
    if rows:
        for line in (HEAD, "|---|---|---|---|---|---|---|", *rows):
            terminalreporter.write_line(line)


@pytest.fixture
def observer(prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver) -> Observer:
    """Who looks at Prometheus and at whoever is woken; from when on that can be told of."""
    told_alertmanagers(prometheus)
    return Observer(prometheus, alertmanager, receiver)
