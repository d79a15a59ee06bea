"""What runs where: the list is in step with the tests, and what it leaves out is told."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.base.errors import UsageError
from groundwork.declare.where import Exclusion, load_exclusions
from suites.support.collected import COLLECT_TIMEOUT_S, collected


@pytest.fixture(scope="module")
def exclusions() -> tuple[Exclusion, ...]:
    """The list of this repository."""
    return ENVIRONMENT.exclusions(FoundationSettings.from_json("{}"))


def test_every_entry_means_tests_that_exist(exclusions: tuple[Exclusion, ...]) -> None:
    """An entry that matches nothing would hide that its test was renamed."""
    for each in exclusions:
        assert any(fnmatchcase(test, each.tests) for test in collected()), each.tests


def test_smoke_runs_everywhere(exclusions: tuple[Exclusion, ...]) -> None:
    """No test of the smoke suite is left out anywhere: it is the same on every platform."""
    smoke = [test for test in collected() if test.startswith("suites/smoke/")]
    assert smoke
    for each in exclusions:
        assert not any(fnmatchcase(test, each.tests) for test in smoke), each.tests


def test_conditions_are_values_that_the_settings_can_have(
    exclusions: tuple[Exclusion, ...],
) -> None:
    """A condition with a misspelt value would never hold."""
    for each in exclusions:
        for name, values in each.when.items():
            for value in values:
                settings = FoundationSettings.model_validate({"env": "kind"} | {name: value})
                assert getattr(settings, name) == value


def test_all_conditions_must_hold() -> None:
    """One that doesn't is enough to have the tests run."""
    each = Exclusion("*", {"env": ("kind",), "images": ("packages",)}, "why")
    assert each.applies({"env": "kind", "images": "packages"})
    assert not each.applies({"env": "kind", "images": "vendor"})


@pytest.mark.parametrize(
    ("experiment", "own", "run"),
    [
        ("broker-volume-full", {}, False),
        ("broker-volume-full", {"env": "kind", "broker": "kafka"}, False),
        ("broker-volume-full", {"broker_volume": "small"}, True),
        ("broker-volume-full", {"env": "kind", "broker_volume": "small"}, True),
        ("broker-volume-full", {"broker_volume": "small", "brokers": 3}, False),
        ("leader-cut-off", {"brokers": 3}, False),
        ("leader-cut-off", {"brokers": 3, "links": "relayed"}, True),
        ("leader-cut-off", {"env": "kind", "broker": "kafka", "brokers": 3}, True),
        ("leader-cut-off", {"env": "kind", "broker": "redpanda", "brokers": 3}, False),
        ("broker-killed", {}, True),
        ("broker-killed", {"env": "kind", "broker_volume": "small"}, False),
        ("broker-killed", {"env": "kind"}, True),
        ("broker-killed", {"broker_volume": "small"}, True),
    ],
)
def test_an_experiment_is_left_out_where_its_options_are_others(
    experiment: str, own: dict[str, object], *, run: bool
) -> None:
    """As its row says, with the reason that stands there."""
    settings = FoundationSettings.model_validate(own)
    name = f"suites/resilience/test_experiments.py::test_what_was_promised_is_kept[{experiment}]"
    left_out = [
        each.reason
        for each in ENVIRONMENT.exclusions(settings)
        if fnmatchcase(name, each.tests) and each.applies(settings.public())
    ]
    assert (left_out == []) == run


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- tests: [", "where.yaml: while parsing"),
        ("- {tests: x, when: {env: [local]}}", "where.yaml: entry 0 reason: Field required"),
        ("- {tests: x, when: {}, reason: y}", "where.yaml: entry 0 when:"),
        ("- {tests: x, when: {moon: [1]}, reason: y}", "where.yaml: no such settings: moon"),
    ],
)
def test_a_malformed_list_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    """The line names the file, and what is wrong."""
    file = tmp_path / "where.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_exclusions(file, ["env"], tmp_path)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("flags", "code"), [([], 5), (["--strict-env"], 1)])
def test_what_is_left_out_is_told(tmp_path: Path, flags: list[str], code: int) -> None:
    """At the end of the run, with the reason; under --strict-env it is a failure."""
    ended = process.run(
        [sys.executable, "-m", "pytest", "suites/guard", "-p", "no:cacheprovider", *flags],
        timeout_s=COLLECT_TIMEOUT_S,
        cwd=ROOT,
        env=process.plain_environment({"GROUNDWORK_OUT_DIR": str(tmp_path)}),
        check=False,
    )
    assert ended.returncode == code, ended.output
    assert "of suites/guard/" in ended.output
    assert "there is no cluster on this platform" in ended.output
