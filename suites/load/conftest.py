"""What the suites of load are told: which load, by the names of its settings."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.declared.topics import load_topics
from fixtures.seeds import draw_seed
from groundwork.base.errors import UsageError
from load.settings import OWN, LoadSettings, helped
from load.topic import told_by
from suites.support.noted import noted
from suites.support.options import settings_of

# What a test's line for the terminal is called among its properties.
ROW = "load"

# What isn't told here by whoever asks for a load.
UNTOLD = OWN | {"closed", "keep"}

ASKED = pytest.StashKey[dict[str, str]]()
WANTED = pytest.StashKey[LoadSettings]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option for each setting of a load."""
    group = parser.getgroup("load")
    for name in LoadSettings.model_fields:
        if name not in UNTOLD:
            flag = f"--load-{name.replace('_', '-')}"
            group.addoption(flag, dest=f"load_{name}", help=helped(name))


def pytest_configure(config: pytest.Config) -> None:
    """Look at what is asked for before anything starts; choose a seed, for all workers one."""
    given = {name: config.getoption(f"load_{name}", None) for name in LoadSettings.model_fields}
    asked = {name: str(value) for name, value in given.items() if value is not None}
    asked.setdefault("seed", str(draw_seed()))
    config.option.load_seed = asked["seed"]
    try:
        generators = settings_of(config).generators
        if generators:
            asked = {"place": "inside", "workers": str(generators)} | asked
        declared = {each.name: each.partitions for each in load_topics()}
        settings = LoadSettings.of({"bootstrap": "-", "topic": "-", **told_by(asked, declared)})
        settings.expect_possible()
        expect_there(settings, generators)
    except UsageError as error:
        raise pytest.UsageError(f"load: {error}") from error
    config.stash[ASKED], config.stash[WANTED] = asked, settings


def expect_there(settings: LoadSettings, generators: int) -> None:
    """See that there are as many workers as are asked for, where they aren't started here.

    Raises:
        UsageError: There aren't.
    """
    if settings.place == "inside" and settings.workers != generators:
        raise UsageError(
            f"workers inside of a cluster are its --generators: {generators}, not "
            f"{settings.workers}"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the load of whoever isn't asked for: the broker, or the service."""
    asked = config.stash[WANTED].of_service
    unwanted = "acknowledged_and_there" if asked else "of_the_service"
    left = [item for item in items if item.path.name == "test_load.py" and unwanted in item.name]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_report_header(config: pytest.Config) -> str:
    """By which seed all of it is repeated."""
    return f"load: seed {config.option.load_seed}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What loads have come to, some lines each."""
    for lines in noted(terminalreporter, ROW):
        for line in lines.splitlines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def asked(pytestconfig: pytest.Config) -> dict[str, str]:
    """What is asked for, by the names of a load's settings."""
    return pytestconfig.stash[ASKED]


@pytest.fixture(scope="session")
def wanted(pytestconfig: pytest.Config) -> LoadSettings:
    """The same with all that follows; whom it is offered to isn't known yet."""
    return pytestconfig.stash[WANTED]
