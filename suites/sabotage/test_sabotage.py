"""Sabotage: what operators have got wrong makes the suites fail, in words that name the cause.

Each injection is made in a copy of the project, or to the servers of an environment that is kept
and serves all of them. No test is ever changed. Between them, and at the end, a run without one is
green.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

import allure
import pytest

from suites.sabotage.injection import Injection, Kind
from suites.sabotage.listed import INJECTIONS
from suites.sabotage.saboteur import SUITES, Saboteur, sabotaged
from suites.sabotage.table import Row

# So many injections, and a run without one.
ROUND = 16


@pytest.fixture(scope="module")
def saboteur(pytestconfig: pytest.Config) -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    with sabotaged(platform_of(pytestconfig)) as made:
        yield made


def platform_of(config: pytest.Config) -> str:
    """Where injections are made in this run."""
    return str(config.getoption("groundwork_env") or "local")


def rounds(platform: str) -> Iterator[object]:
    """The injections of a platform, in rounds, each with a run without one."""
    chosen = [injection for injection in INJECTIONS if injection.platform == platform]
    for number, injection in enumerate(chosen):
        marks = [pytest.mark.always] if injection.always else []
        yield pytest.param(injection, id=injection.name, marks=marks)
        if (number + 1) % ROUND == 0 or number + 1 == len(chosen):
            yield pytest.param(None, id=f"none after {number + 1}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Which injections there are follows from the platform."""
    if "injection" in metafunc.fixturenames:
        metafunc.parametrize("injection", list(rounds(platform_of(metafunc.config))))


def test_what_is_wrong_is_named(
    request: pytest.FixtureRequest, saboteur: Saboteur, injection: Injection | None
) -> None:
    """The run fails, and its words name what was got wrong; without an injection it is green."""
    if injection is None:
        saboteur.living()
        said = saboteur.run(*SUITES[saboteur.platform])
        allure.attach(said.output, "output")
        assert said.green, said.output
        return
    said = saboteur.inject(injection)
    allure.attach(said.output, "output")
    missing = [word for word in injection.words if not re.search(word, said.text)]
    row = Row.of(injection, said.failed, green=said.green, named=not said.green and not missing)
    row.note(request.node)
    assert not said.green, f"nobody noticed: {injection.kind}"
    assert missing == [], f"words that name the cause, of which the run said none:\n{said.text}"


def test_the_list_is_long_enough() -> None:
    """At least forty misconfigurations, three of each kind, ten of them tried at every change."""
    kinds = sorted(injection.kind for injection in INJECTIONS)
    platforms = [injection.platform for injection in INJECTIONS]
    assert platforms.count("local") >= 40
    assert platforms.count("kind") >= 15
    assert {kind: len(list(each)) for kind, each in groupby(kinds)}.keys() == set(Kind)
    assert all(kinds.count(kind) >= 3 for kind in Kind)
    assert sum(injection.always for injection in INJECTIONS) >= 10
    assert len({injection.name for injection in INJECTIONS}) == len(INJECTIONS)
