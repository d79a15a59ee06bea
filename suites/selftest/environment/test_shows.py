"""What shows which promise: the list is in step with the promises and with the tests."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from fixtures.declared.objectives import FILE as OBJECTIVES
from fixtures.declared.promises import FILE as PROMISES
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.base.reader import load
from reports.categories import Category
from reports.promises import Promise, promised_here, promises_of, read_shows, state_of
from reports.results import Result
from suites.support.collected import collected

OPTIONS = ({"env": "local", "brokers": 1}, {"env": "kind", "brokers": 3})


def places(document: dict[str, Any]) -> Iterator[str]:
    """Where promises stand: each part of the file, or of a part that has parts itself."""
    for key, part in document.items():
        if isinstance(part, dict):
            yield from (f"{key}.{name}" for name in part)
        else:
            yield key


def test_every_promise_has_its_entry() -> None:
    """What is promised and shown by nothing is told by a machine, not by a reviewer."""
    promised = {each for file in (PROMISES, OBJECTIVES) for each in places(load(file.read_text()))}
    listed = [each.of for each in read_shows(ROOT / "suites" / "shows.yaml", ROOT)]
    assert sorted(listed) == sorted(promised)


def test_every_pattern_means_tests_that_exist() -> None:
    """On every platform; one that matches nothing would never show its promise."""
    patterns = {
        pattern: promise.text
        for options in OPTIONS
        for promise in promised_here(options)
        for pattern in promise.tests
        if promise.about not in ONLY_IN_CLUSTERS
    }
    lost = {
        pattern: text
        for pattern, text in patterns.items()
        if not any(fnmatchcase(test, pattern) for test in collected())
    }
    assert lost == {}


# No fault of theirs has a test: they are said to be not looked at, which they aren't.
ONLY_IN_CLUSTERS = {"toolbox", "console", "collector", "dashboards", "stack"}


def result(test: str, category: Category) -> Result:
    """What a test came to."""
    return Result(test, "title", "suite", category, 1.0, "", (), (test, 0))


@pytest.mark.parametrize(
    ("categories", "left_out", "state"),
    [
        ({"a": "passed", "b": "passed"}, {}, "shown"),
        ({"a": "passed"}, {}, "in part"),
        ({"a": "passed"}, {"b": "no disk"}, "in part"),
        ({"a": "passed", "b": "product failure"}, {}, "broken"),
        ({"a": "infrastructure failure", "b": "product failure"}, {}, "broken"),
        ({"a": "passed", "b": "infrastructure failure"}, {}, "unknown"),
        ({"a": "passed", "b": "nothing shown"}, {}, "unknown"),
        ({"a": "passed", "b": "test defect"}, {}, "unknown"),
        ({"a": "passed", "b": "skipped"}, {}, "in part"),
        ({}, {"a": "no disk", "b": "no disk"}, "left out"),
        ({}, {"a": "no disk"}, "left out"),
        ({"c": "product failure"}, {}, "not looked at"),
    ],
)
def test_a_promise_is_shown_by_all_of_its_tests(
    categories: dict[str, Category], left_out: dict[str, str], state: str
) -> None:
    """One that failed, didn't run or told nothing is enough not to show it."""
    results = [result(test, category) for test, category in categories.items()]
    promise = Promise("of", "text", ("a", "b"))
    found, own, missing = state_of(promise, results, left_out)
    assert found == state
    assert {each.test for each in own} == categories.keys() - {"c"}
    ran = {test for test, category in categories.items() if category != "skipped"}
    assert len(missing) == len({"a", "b"} - ran)


def test_what_one_node_can_t_show_is_left_out() -> None:
    """With one broker a test of copies passes, and shows nothing of three."""
    rows = {
        options["brokers"]: next(p for p in promised_here(options) if p.of == "broker.copies")
        for options in OPTIONS
    }
    (name,) = rows[1].tests
    assert state_of(rows[1], [result(name, "passed")], {})[0] == "left out"
    assert state_of(rows[3], [result(name, "passed")], {})[0] == "shown"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- of: [", "shows.yaml: while parsing"),
        ("- {of: a, promised: b}", "shows.yaml: entry 0 tests: Field required"),
        ("- {of: a, promised: b, tests: []}", "shows.yaml: entry 0 tests:"),
        ("- {of: a, promised: b, tests: [c], moon: 1}", "shows.yaml: entry 0 moon:"),
    ],
)
def test_a_malformed_list_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    """The line names the file, and what is wrong."""
    file = tmp_path / "shows.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_shows(file, tmp_path)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "entry",
    [
        "{of: a.moon, promised: b, tests: [c]}",
        "{of: a.b, promised: '{{ it.moon }}', tests: [c]}",
        "{of: a.b, promised: '{{ moon }}', tests: [c]}",
        "{of: a.b, promised: '{% if %}', tests: [c]}",
    ],
)
def test_an_entry_of_nothing_is_refused_by_name(tmp_path: Path, entry: str) -> None:
    """It would promise something that isn't promised any more."""
    file = tmp_path / "shows.yaml"
    file.write_text(f"- {entry}")
    with pytest.raises(UsageError, match=r"shows.yaml: a\."):
        list(promises_of(read_shows(file, tmp_path), {"a": {"b": {"c": 1}}}, {"env": "local"}))
