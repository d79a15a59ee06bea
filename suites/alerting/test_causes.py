"""Causes: each alert fires of what it is for, within its budget, and is over when that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import load_rules, rule_files
from groundwork.keep import timeline
from groundwork.keep.events import FaultHealed, FaultLanded
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession
from suites.support.budgets import Budget, budget_of
from suites.support.causes import Case, load_causes
from suites.support.wakings import Observer, Waking

GROUPS = load_rules(rule_files("local"))
ALERTS = {rule.alert: rule for group in GROUPS for rule in group.rules if rule.alert}
CASES = load_causes(ALERTS)

# Beyond a budget an alert isn't late, but lost: a busy machine is never as slow.
LOST_S = 60.0

# What a busy machine adds to a budget.
SLACK_S = 1.0

LIMIT_S = 240.0


def marked(case: Case) -> object:
    """A case, with a claim on what it breaks."""
    return pytest.param(
        case, id=case.alert, marks=pytest.mark.disturbs(case.cause.resource, limit_s=LIMIT_S)
    )


@pytest.fixture
def timeline_file(groundwork_session: EnvironmentSession) -> Path:
    """Where the keeper writes down when a fault has landed."""
    out_dir = groundwork_session.client().status().out_dir
    assert out_dir is not None
    return out_dir / "timeline.jsonl"


def moment_of(file: Path, kind: type[FaultLanded | FaultHealed], fault: str) -> int:
    """When a fault has landed, or was healed, by the keeper's own stamp."""
    for each in timeline.read(file):
        event = each.event
        named = isinstance(event, FaultLanded | FaultHealed) and event.id == fault
        if named and isinstance(event, kind):
            return each.t_ns
    raise LookupError(f"{fault} isn't on {file}")


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_an_alert_wakes_somebody(
    record_property: Callable[[str, object], None],
    broker: Handle,
    hello_world: Handle,
    durations: Durations,
    observer: Observer,
    timeline_file: Path,
    case: Case,
) -> None:
    """It is told in time, with its labels and texts; nothing else is raised; and it ends."""
    handles = {each.name: each for each in (broker, hello_world)}
    budget = budget_of(ALERTS[case.alert], GROUPS, durations, case.share, silent=case.cause.silent)
    waking = Waking({"alertname": case.alert, **case.labels})
    cause = case.cause
    with observer.observing(waking):
        with handles[cause.resource].fault(
            cause.fault, cause.target, limit_s=LIMIT_S, **cause.parameters
        ) as opened:
            fault = opened.told.id
            waking.caused_ns = moment_of(timeline_file, FaultLanded, fault)
            observer.await_notified(waking, budget.whole_s + LOST_S)
        waking.healed_ns = moment_of(timeline_file, FaultHealed, fault)
        observer.await_resolved(waking, LOST_S + seconds_of(durations.group_interval))
    row = row_of(case, waking, budget)
    record_property("alerting", row)
    allure.attach(row, "latency")
    assert "<no value>" not in str(waking.told)
    assert waking.told["annotations"].keys() == ALERTS[case.alert].annotations.keys()
    assert waking.latency_s <= budget.whole_s + SLACK_S, row
    assert observer.others(waking) <= set(case.together)


def row_of(case: Case, waking: Waking, budget: Budget) -> str:
    """A case's line of the table."""
    pending_s, firing_s, told_s = waking.stages_s
    return (
        f"| {case.alert} | {waking.latency_s:.1f} s | {budget.whole_s:g} s | "
        f"{pending_s:.1f} s | {firing_s:.1f} s | {told_s:.1f} s | {waking.resolution_s:.1f} s |"
    )
