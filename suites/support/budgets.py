"""Budgets: how long an alert may take from its cause to whoever is woken, by what is declared.

Each stage takes what its own interval allows at the most: what has just been missed comes with the
next scrape, evaluation or flush.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import promql_parser

from fixtures.declared.durations import Durations, seconds_of, windows_of
from fixtures.declared.expressions import selectors
from fixtures.declared.rules import Group, Rule
from suites.support.causes import Case

__all__ = ["Budget", "budget_of", "budget_of_case", "hops_of", "silence_of", "woken_within_s"]


@dataclass(frozen=True)
class Budget:
    """The most that each stage may take, in seconds.

    Attributes:
        visible_s: Until the cause is scraped; of a rate until enough of it is in the window.
        recorded_s: Through the records between the series and the alert.
        pending_s: Until the alert is evaluated.
        firing_s: For how long it must have been so.
        notified_s: Until its group is told.
        resolved_s: From the end of the cause until that is told.
    """

    visible_s: float
    recorded_s: float
    pending_s: float
    firing_s: float
    notified_s: float
    resolved_s: float

    @property
    def whole_s(self) -> float:
        """From the cause to whoever is woken."""
        own = (self.visible_s, self.recorded_s, self.pending_s, self.firing_s, self.notified_s)
        return sum(own)


def hops_of(alert: Rule, groups: Iterable[Group]) -> int:
    """How often an evaluation is waited for between what is scraped and an alert's own.

    That is once for each record on the longest way that is made in another group: rules of one
    group are evaluated one after the other, each with what those before it have just recorded
    (``Group.Eval`` in Prometheus' rules/group.go).
    """
    made: dict[str, list[Place]] = {}
    own = Place("", 0, alert)
    for group in groups:
        for number, rule in enumerate(group.rules):
            place = Place(group.name, number, rule)
            if rule.record:
                made.setdefault(rule.record, []).append(place)
            if rule == alert:
                own = place

    @cache
    def depth(place: Place) -> int:
        below = (each for name in read_by(place.rule) for each in made.get(name, ()))
        return max((depth(each) + (not each.comes_before(place)) for each in below), default=0)

    return depth(own)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a rule stands.

    Attributes:
        group: Its group.
        number: Which of that it is.
    """

    group: str
    number: int
    rule: Rule

    def comes_before(self, other: Place) -> bool:
        """Whether what it records is there when the other is evaluated, in the same moment."""
        return self.group == other.group and self.number < other.number


def is_windowed(alert: Rule, groups: Iterable[Group]) -> bool:
    """Whether something on the way from what is scraped to an alert is measured over a window."""
    records = [rule for group in groups for rule in group.rules if rule.record]

    def windowed(rule: Rule) -> bool:
        read = read_by(rule)
        return bool(windows_of(rule.expr)) or any(windowed(r) for r in records if r.record in read)

    return windowed(alert)


def read_by(rule: Rule) -> frozenset[str]:
    """The names of the series that a rule reads."""
    parsed = promql_parser.parse(rule.expr)
    return frozenset(each.name for each in selectors(parsed) if each.name)


def budget_of(
    alert: Rule,
    groups: Iterable[Group],
    durations: Durations,
    *,
    share: float = 0.0,
    absence: bool = False,
    silent: bool = False,
    late_s: float = 0.0,
    recovers_s: float = 0.0,
) -> Budget:
    """The budget of an alert, with the durations of a profile.

    Args:
        alert: As it is declared: whether it waits at all.
        groups: All rules of the platform.
        durations: The profile.
        share: Of a rate: so much of its window must be filled before the threshold is crossed.
        absence: Whether it is of something that hasn't been there for a whole window.
        silent: Whether the cause keeps a target from answering: a scrape is over after its time.
        late_s: Until the cause can be measured at all: a slow request is when it is over.
        recovers_s: Until what was healed is as it was: a server starts.
    """
    scrape_s = seconds_of(durations.scrape_interval)
    evaluation_s = seconds_of(durations.evaluation_interval)
    window_s = seconds_of(durations.rate_window)
    silence_s = seconds_of(durations.scrape_timeout) if silent else 0.0
    waits_s = seconds_of(durations.for_) if seconds_of(alert.for_) > 0 else 0.0
    recorded_s = hops_of(alert, groups) * evaluation_s
    # What has happened is in a rate as long; what is there again is no more missed at once.
    lasting_s = window_s if is_windowed(alert, groups) and not absence else 0.0
    measured_s = window_s if absence else scrape_s + share * window_s
    return Budget(
        visible_s=measured_s + silence_s + late_s,
        recorded_s=recorded_s,
        pending_s=evaluation_s,
        firing_s=math.ceil(waits_s / evaluation_s) * evaluation_s,
        notified_s=seconds_of(durations.group_wait),
        resolved_s=recovers_s
        + scrape_s
        + lasting_s
        + recorded_s
        + evaluation_s
        + seconds_of(durations.group_interval),
    )


def silence_of(durations: Durations, *, outlived: bool) -> float:
    """How long it may take until the silence of the dead man's switch is noticed, in seconds.

    Args:
        durations: The profile.
        outlived: Whether it is Prometheus that is silent: Alertmanager goes on telling what it was
            told for a while.
    """
    return durations.heartbeat_age_max_s + (durations.outlives_s if outlived else 0.0)


def budget_of_case(
    case: Case, alert: Rule, groups: Iterable[Group], durations: Durations
) -> Budget:
    """The budget of an alert, with what a case says of its cause."""
    return budget_of(
        alert,
        groups,
        durations,
        share=case.share,
        absence=case.absence,
        silent=case.silent,
        late_s=case.late_s,
        recovers_s=case.recovers_s,
    )


def woken_within_s(case: Case, budget: Budget, durations: Durations) -> float:
    """How long it may take from a case's cause until somebody is woken, by whatever does it."""
    if case.told == "silence":
        return silence_of(durations, outlived=case.cause.disturbed == "prometheus")
    return budget.whole_s
