"""Causes: each alert fires of what it is for, within its budget, and is over when that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import allure
import pytest

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import load_rules, rule_files
from fixtures.resources.patient import Patient
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession
from suites.support.budgets import Budget, budget_of
from suites.support.causes import Case, load_causes
from suites.support.illness import ill, visited
from suites.support.wakings import Observer, Waking

GROUPS = load_rules(rule_files("local"))
ALERTS = {rule.alert: rule for group in GROUPS for rule in group.rules if rule.alert}
CASES = load_causes(ALERTS)

# Beyond a budget an alert isn't late, but lost: a busy machine is never as slow.
LOST_S = 60.0

# What a busy machine adds to a budget.
SLACK_S = 1.0

LIMIT_S = 240.0

# What it is asked for a window then; its visitors come twice as often.
BUSY_PER_S = 12.0

# What can't be mounted everywhere.
VOLUME = "volume"

# What the patient is asked, over and over.
PAGE = "/"


def marked(case: Case) -> object:
    """A case, with a claim on what it breaks."""
    return pytest.param(
        case, id=case.alert, marks=pytest.mark.disturbs(case.disturbed, limit_s=LIMIT_S)
    )


@pytest.fixture
def timeline_file(groundwork_session: EnvironmentSession) -> Path:
    """Where the keeper writes down when a fault has landed."""
    out_dir = groundwork_session.client().status().out_dir
    assert out_dir is not None
    return out_dir / "timeline.jsonl"


@pytest.fixture
def busy(patient: Patient, observer: Observer, durations: Durations) -> Iterator[Patient]:
    """The patient, who is asked all the time, and has been for a rate's whole window."""

    def look() -> None:
        found = observer.requests_per_s("patient", durations.rate_window)
        if found < BUSY_PER_S:
            raise NotYetError(f"{found:.1f} requests a second")

    with visited(f"{patient.url}{PAGE}"):
        timeout_s = seconds_of(durations.rate_window) + LOST_S
        wait_for(look, deadline=Deadline.after(timeout_s), what="the patient to be busy")
        yield patient


@dataclass(frozen=True)
class Bedside:
    """Whoever sees to it that an alert is caused, and looks on.

    Attributes:
        patient: Who may ail, and is asked all the time.
        observer: Looks at Prometheus, and at whoever is woken.
        timeline_file: Where the keeper writes down when a fault has landed.
        note: Puts a line into the table.
    """

    patient: Patient
    observer: Observer
    durations: Durations
    timeline_file: Path
    note: Callable[[str, object], None]

    def see(self, case: Case, handles: dict[str, Handle]) -> None:
        """Cause an alert, and have it told in time, as declared, alone, and to be over again."""
        rule = ALERTS[case.alert]
        budget = budget_of(
            rule, GROUPS, self.durations, case.share, silent=case.silent, late_s=case.late_s
        )
        waking = Waking({"alertname": case.alert, **case.labels})
        observer = self.observer
        with observer.observing(waking):
            with ill(case, handles, self.patient, self.timeline_file) as illness:
                waking.caused_ns = illness.caused_ns
                observer.await_notified(waking, budget.whole_s + LOST_S)
            waking.healed_ns = illness.healed_ns
            own = self.durations
            over_s = seconds_of(own.group_interval) + seconds_of(own.rate_window)
            observer.await_resolved(waking, over_s + LOST_S)
        row = row_of(case, waking, budget)
        self.note("alerting", row)
        allure.attach(row, "latency")
        assert "<no value>" not in str(waking.told)
        assert waking.told["annotations"].keys() == rule.annotations.keys()
        assert waking.latency_s <= budget.whole_s + SLACK_S, row
        assert observer.others(waking) <= set(case.together)


@pytest.fixture
def bedside(
    busy: Patient,
    observer: Observer,
    durations: Durations,
    timeline_file: Path,
    record_property: Callable[[str, object], None],
) -> Bedside:
    """Whoever sees to an alert."""
    return Bedside(busy, observer, durations, timeline_file, record_property)


@pytest.mark.parametrize("case", [marked(case) for case in CASES if case.disturbed != VOLUME])
def test_an_alert_wakes_somebody(
    bedside: Bedside, broker: Handle, hello_world: Handle, node_exporter: Handle, case: Case
) -> None:
    """It is told in time, with its labels and texts; nothing else is raised; and it ends."""
    bedside.see(case, {each.name: each for each in (broker, hello_world, node_exporter)})


@pytest.mark.parametrize("case", [marked(case) for case in CASES if case.disturbed == VOLUME])
def test_a_full_volume_wakes_somebody(bedside: Bedside, volume: Handle, case: Case) -> None:
    """The same, where a small volume can be mounted."""
    bedside.see(case, {volume.name: volume})


def row_of(case: Case, waking: Waking, budget: Budget) -> str:
    """A case's line of the table."""
    pending_s, firing_s, told_s = waking.stages_s
    return (
        f"| {case.alert} | {waking.latency_s:.1f} s | {budget.whole_s:g} s | "
        f"{pending_s:.1f} s | {firing_s:.1f} s | {told_s:.1f} s | {waking.resolution_s:.1f} s |"
    )
