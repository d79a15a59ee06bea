"""Budgets: what an alert may take follows from its rule and the profile, stage by stage."""

from __future__ import annotations

import pytest

from fixtures.declared.durations import load_durations
from fixtures.declared.rules import Rule, load_rules, rule_files
from suites.support.budgets import Budget, budget_of, hops_of

GROUPS = load_rules(rule_files("local"))
ALERTS = {rule.alert: rule for group in GROUPS for rule in group.rules if rule.alert}


@pytest.mark.parametrize(
    ("alert", "hops"),
    [("ServiceDown", 1), ("HighErrorRate", 2), ("BrokerDown", 1), ("DeadMansSwitch", 1)],
)
def test_records_are_counted(alert: str, hops: int) -> None:
    """On the way from what is scraped to the alert."""
    assert hops_of(ALERTS[alert], GROUPS) == hops


def test_each_stage_has_its_own() -> None:
    """Of an alert that waits, and of one that doesn't; of a rate half of its window."""
    fast = load_durations()["fast"]
    down = budget_of(ALERTS["ServiceDown"], GROUPS, fast)
    assert down == Budget(2, 2, 2, 4, 1)
    assert down.whole_s == 11
    switch = budget_of(ALERTS["DeadMansSwitch"], GROUPS, fast)
    assert switch.firing_s == 0
    errors = budget_of(ALERTS["HighErrorRate"], GROUPS, fast, share=0.05)
    assert errors.visible_s == 3
    silent = budget_of(ALERTS["BrokerDown"], GROUPS, fast, silent=True)
    assert silent.visible_s == 4
    late = budget_of(ALERTS["HighLatencyP95"], GROUPS, fast, share=0.1, late_s=1.5)
    assert late.visible_s == 5.5


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_no_alert_of_the_fast_profile_takes_longer_than_fifteen_seconds(alert: str) -> None:
    """A test waits for all of it; a rate's cause is at least four times its threshold."""
    budget = budget_of(ALERTS[alert], GROUPS, load_durations()["fast"])
    assert budget.whole_s <= 15


def test_a_wait_is_rounded_up_to_an_evaluation() -> None:
    """It is looked at no more often."""
    durations = load_durations()["fast"].model_copy(update={"for_": "5s"})
    rule = Rule("A", "", "up == 0", "1m", {}, {})
    assert budget_of(rule, (), durations).firing_s == 6
