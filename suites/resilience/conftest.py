"""What experiments are told: which of them, and by which seed; and the matrix at the end."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.experiments import expect_all_sound, file_of
from fixtures.declared.objectives import load_objectives
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from fixtures.seeds import draw_seed
from groundwork.base.errors import UsageError
from suites.support.alerts import told_alertmanagers
from suites.support.noted import noted
from suites.support.paging import Pager

# What a test's lines for the terminal are called among its properties.
EXPERIMENT = "experiment"
MATRIX = "matrix"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that these suites alone have."""
    group = parser.getgroup("experiments")
    group.addoption("--experiment", help="only this experiment of chaos/experiments")
    group.addoption(
        "--short", action="store_true", help="only the experiments that every change is held to"
    )
    group.addoption("--seed", help="of what experiments leave to chance (default: any)")


def pytest_configure(config: pytest.Config) -> None:
    """Look at all experiments before anything starts; and choose a seed, for all workers one."""
    chosen = config.getoption("--experiment", None)
    try:
        expect_all_sound()
        if chosen is not None:
            file_of(chosen)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    seed = config.getoption("--seed", None) or str(draw_seed())
    if not seed.isdecimal():
        raise pytest.UsageError(f"--seed {seed}: should be a number")
    config.option.seed = seed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what isn't an experiment that was asked for."""
    chosen = config.getoption("--experiment", None)
    short = config.getoption("--short", default=False)
    if chosen is None and not short:
        return
    rows = load_objectives().interruption
    wanted = {chosen} if chosen is not None else {n for n, row in rows.items() if row.short}
    params = (getattr(getattr(item, "callspec", None), "params", {}) for item in items)
    kept = [
        item
        for item, found in zip(items, params, strict=True)
        if found.get("experiment") in wanted or (short and "experiment" not in found)
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_report_header(config: pytest.Config) -> str:
    """By which seed all of it is repeated."""
    return f"experiments: --seed {config.option.seed}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What experiments have come to, a line each; and who was told of which."""
    for line in (*sorted(noted(terminalreporter, EXPERIMENT)), *noted(terminalreporter, MATRIX)):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def pager(prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver) -> Pager:
    """Whoever is woken; from when on they can be told of anything."""
    told_alertmanagers(prometheus)
    return Pager(prometheus, alertmanager, receiver)


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Of what experiments leave to chance."""
    return int(pytestconfig.option.seed)
