"""Causes of alerts: each is of a declared alert, and what is wrong is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.declared.rules import load_rules, rule_files
from groundwork.base.errors import UsageError
from suites.support.causes import FILE, load_causes

ALERTS = {rule.alert for group in load_rules(rule_files("local")) for rule in group.rules} - {""}


def test_each_case_is_of_an_alert() -> None:
    """And a silent cause is one that nobody has an answer from."""
    cases = {case.alert: case for case in load_causes(ALERTS)}
    assert cases.keys() <= ALERTS
    assert cases["BrokerDown"].silent
    assert not cases["ServiceDown"].silent


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("alert: ServiceDown", "alert: SunDown", "SunDown: there is no such alert; known: Alert"),
        ("fault: kill", "faults: kill", "cause.Broken.fault: Field required"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A case of an alert that isn't declared, and one that can't be read."""
    file = tmp_path / "cases.yaml"
    file.write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=r"cases.yaml:\d+: ") as refused:
        load_causes(ALERTS, file)
    assert said in str(refused.value)


def test_no_cases_are_told() -> None:
    """An empty list proves nothing."""
    file = Path("/nowhere/cases.yaml")
    with pytest.raises(UsageError, match="No such file"):
        load_causes(ALERTS, file)
