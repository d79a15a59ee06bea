"""What experiments are told: which of them, and by which seed; and the matrix at the end."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.experiments import expect_all_sound, file_of, load, names
from fixtures.declared.durations import Durations, is_duration, seconds_of
from fixtures.declared.objectives import load_objectives
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from fixtures.seeds import draw_seed
from groundwork.base.errors import UsageError
from suites.support.alerts import told_alertmanagers
from suites.support.experiments import LIMIT_S
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
    group.addoption(
        "--duration",
        default="0s",
        help="how long faults are combined: 90s, 20m (default: a minute)",
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
    if not is_duration(config.option.duration):
        raise pytest.UsageError(f"--duration {config.option.duration}: should be like 90s or 20m")
    seed = config.getoption("--seed", None) or str(draw_seed())
    if not seed.isdecimal():
        raise pytest.UsageError(f"--seed {seed}: should be a number")
    config.option.seed = seed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of each experiment, with a claim on what it breaks and on the machine."""
    if "experiment" not in metafunc.fixturenames:
        return
    limit_s = LIMIT_S + seconds_of(metafunc.config.option.duration)
    params = []
    for name in names():
        _, experiment = load(file_of(name))
        broken = [pytest.mark.disturbs(each, limit_s=limit_s) for each in experiment.breaks()]
        marks = [*broken, pytest.mark.alone(limit_s=limit_s)]
        params.append(pytest.param(name, marks=marks, id=name))
    metafunc.parametrize("experiment", params)


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
def pager(
    prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver, durations: Durations
) -> Pager:
    """Whoever is woken; from when on they can be told of anything, and the start is forgotten."""
    told_alertmanagers(prometheus)
    made = Pager(prometheus, alertmanager, receiver)
    made.await_calm(seconds_of(durations.rate_window) + seconds_of(durations.for_))
    return made


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> dict[str, object]:
    """What every experiment is told: what is left to chance, and how long faults are combined."""
    own = pytestconfig.option
    return {"seed": int(own.seed), "duration_s": seconds_of(own.duration)}
