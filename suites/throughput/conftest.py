"""What the suites of throughput have in common: figures, and how much of it is measured."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fixtures.declared.durations import is_duration, seconds_of
from fixtures.declared.objectives import Objectives
from fixtures.scratch import ScratchTopic
from fixtures.settings import FoundationSettings
from groundwork.use.client import Handle
from load.course import placement_of
from load.settings import LoadSettings
from suites.support.figures import FIGURE, Figures
from suites.support.noted import noted
from suites.support.rates import CLUSTER, LOCAL, Rates

# What a test's lines for the terminal are called among its properties.
LINES = "throughput"

# Until the third minute everybody takes what they need, and two more are the least to be told of.
SOAK_MIN_S = 300


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often both sides of a comparison are measured."""
    text = "how often a native tool and ours take turns (default: 5)"
    group = parser.getgroup("throughput")
    group.addoption("--pairs", default="5", help=text)
    text = "only the soak, for so long: 10m, 1h; else it is left out"
    group.addoption("--soak", metavar="DURATION", help=text)
    text = "messages a second of the soak (default: half of what is borne, which is looked for)"
    group.addoption("--soak-rate", metavar="RATE", type=float, default=0.0, help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Look at what is asked for before anything starts."""
    if not config.option.pairs.isdecimal() or not int(config.option.pairs):
        raise pytest.UsageError(f"--pairs {config.option.pairs}: should be a number, 1 or more")
    soak = config.option.soak
    if soak is not None and not (is_duration(soak) and seconds_of(soak) >= SOAK_MIN_S):
        raise pytest.UsageError(f"--soak {soak}: should be like 10m or 1h, five minutes at least")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The soak alone, where it is asked for; else all but the soak."""
    wanted = config.option.soak is not None
    here = Path(__file__).parent
    own = [each for each in items if each.path.is_relative_to(here)]
    left = [each for each in own if (each.path.name == "test_soak.py") != wanted]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [each for each in items if each not in left]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was measured: tables, and a line for each figure."""
    for name in (LINES, FIGURE):
        for text in noted(terminalreporter, name):
            for line in text.splitlines():
                terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def pairs(pytestconfig: pytest.Config) -> int:
    """How often both sides are measured."""
    return int(pytestconfig.option.pairs)


@pytest.fixture(scope="session")
def from_inside(decided: FoundationSettings) -> dict[str, str]:
    """What a load is told so that the generators in a cluster offer it, where there are any."""
    many = decided.generators
    return {"place": "inside", "workers": str(many)} if many else {}


@pytest.fixture
def topic_of(broker: Handle) -> Iterator[Callable[[int], ScratchTopic]]:
    """Makes a topic of the test's own, of so many partitions, that exists before a load."""
    with ExitStack() as stack:

        def make(partitions: int) -> ScratchTopic:
            name = f"throughput-{uuid.uuid4()}"
            bootstrap = broker.endpoint("kafka")
            settings = LoadSettings.of(
                {"bootstrap": bootstrap, "topic": name, "partitions": partitions}
            )
            placement = placement_of(settings, settings.nodes)
            made = ScratchTopic(bootstrap, name, placement)
            made.make()
            stack.callback(made.remove)
            return made

        yield make


@pytest.fixture(scope="session")
def rates(decided: FoundationSettings) -> Rates:
    """How much is offered, where it isn't all that can be."""
    return LOCAL if decided.env == "local" else CLUSTER


@pytest.fixture
def figures(
    objectives: Objectives,
    decided: FoundationSettings,
    out_dir: Path,
    record_property: Callable[[str, object], None],
) -> Figures:
    """Where a test puts what it has measured."""
    return Figures(objectives, decided.env, out_dir, record_property)


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tells lines to whoever reads the terminal."""
    return lambda text: record_property(LINES, text)
