"""Budgets: what an alert may take follows from its rule and the profile, stage by stage."""

from __future__ import annotations

import pytest

from fixtures.declared.durations import load_durations, seconds_of
from fixtures.declared.rules import Group, Rule, alerts_in, load_rules, rule_files
from suites.support.budgets import Budget, budget_of, hops_of, silence_of

GROUPS = load_rules(rule_files("local"))
ALERTS = alerts_in(GROUPS)


@pytest.mark.parametrize(
    ("alert", "hops"),
    [
        ("ServiceDown", 1),
        ("HighErrorRate", 1),
        ("BrokerDown", 1),
        ("DeadMansSwitch", 1),
        ("Proof", 0),
    ],
)
def test_records_of_other_groups_are_counted(alert: str, hops: int) -> None:
    """On the way from what is scraped to the alert; a group's own are there in the same moment."""
    assert hops_of(ALERTS[alert], GROUPS) == hops


def test_what_is_recorded_later_in_a_group_comes_an_evaluation_later() -> None:
    """Rules of a group are evaluated in their order, each with what was recorded before it."""
    first, second = Rule("", "a", "up", "", {}, {}), Rule("", "b", "a", "", {}, {})
    alert = Rule("A", "", "b > 0", "", {}, {})
    assert hops_of(alert, [Group("g", (first, second, alert))]) == 0
    assert hops_of(alert, [Group("g", (second, first, alert))]) == 1
    assert hops_of(alert, [Group("g", (alert, second, first))]) == 2
    assert hops_of(alert, [Group("g", (first, second)), Group("h", (alert,))]) == 1
    assert hops_of(alert, [Group("f", (first,)), Group("g", (second,)), Group("h", (alert,))]) == 2


def test_each_stage_has_its_own() -> None:
    """Of an alert that waits, and of one that doesn't; of a rate a part of its window."""
    fast = load_durations()["fast"]
    down = budget_of(ALERTS["ServiceDown"], GROUPS, fast)
    assert down == Budget(2, 2, 2, 4, 1, resolved_s=7)
    assert down.whole_s == 11
    switch = budget_of(ALERTS["DeadMansSwitch"], GROUPS, fast)
    assert switch.firing_s == 0
    errors = budget_of(ALERTS["HighErrorRate"], GROUPS, fast, share=0.125)
    assert errors.visible_s == 3.25
    assert errors.resolved_s == down.resolved_s + seconds_of(fast.rate_window)
    silent = budget_of(ALERTS["BrokerDown"], GROUPS, fast, silent=True)
    assert silent.visible_s == 4
    late = budget_of(ALERTS["HighLatencyP95"], GROUPS, fast, share=0.1, late_s=1.5)
    assert late.visible_s == 4.5
    missing = budget_of(ALERTS["ScrapeTargetMissing"], GROUPS, fast, absence=True, recovers_s=3)
    assert missing.visible_s == seconds_of(fast.rate_window)
    assert missing.resolved_s == down.resolved_s + 3


def test_silence_is_noticed_later_where_alertmanager_goes_on() -> None:
    """It tells of what a dead Prometheus has told it last for a while."""
    fast = load_durations()["fast"]
    assert silence_of(fast, outlived=False) == fast.heartbeat_age_max_s
    assert silence_of(fast, outlived=True) == fast.heartbeat_age_max_s + 4 * 2


def test_a_wait_is_rounded_up_to_an_evaluation() -> None:
    """It is looked at no more often."""
    durations = load_durations()["fast"].model_copy(update={"for_": "5s"})
    rule = Rule("A", "", "up == 0", "1m", {}, {})
    assert budget_of(rule, (), durations).firing_s == 6
