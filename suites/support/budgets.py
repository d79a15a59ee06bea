"""Budgets: how long an alert may take from its cause to whoever is woken, by what is declared.

Each stage takes what its own interval allows at the most: what has just been missed comes with the
next scrape, evaluation or flush.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import promql_parser

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import Group, Rule
from suites.support.promql import selectors

__all__ = ["Budget", "budget_of", "hops_of"]


@dataclass(frozen=True)
class Budget:
    """The most that each stage may take, in seconds.

    Attributes:
        visible_s: Until the cause is scraped; of a rate until enough of it is in the window.
        recorded_s: Through the records between the series and the alert.
        pending_s: Until the alert is evaluated.
        firing_s: For how long it must have been so.
        notified_s: Until its group is told.
    """

    visible_s: float
    recorded_s: float
    pending_s: float
    firing_s: float
    notified_s: float

    @property
    def whole_s(self) -> float:
        """From the cause to whoever is woken."""
        own = (self.visible_s, self.recorded_s, self.pending_s, self.firing_s, self.notified_s)
        return sum(own)


def hops_of(alert: Rule, groups: Iterable[Group]) -> int:
    """How many records lie between an alert and what is scraped, on the longest way."""
    records: Mapping[str, tuple[Rule, ...]] = {}
    found: dict[str, list[Rule]] = {}
    for group in groups:
        for rule in group.rules:
            if rule.record:
                found.setdefault(rule.record, []).append(rule)
    records = {name: tuple(rules) for name, rules in found.items()}

    @cache
    def depth(name: str) -> int:
        below = [read for rule in records.get(name, ()) for read in read_by(rule)]
        return 1 + max(map(depth, below), default=0) if name in records else 0

    return max(map(depth, read_by(alert)), default=0)


def read_by(rule: Rule) -> frozenset[str]:
    """The names of the series that a rule reads."""
    parsed = promql_parser.parse(rule.expr)
    return frozenset(each.name for each in selectors(parsed) if each.name)


def budget_of(
    alert: Rule,
    groups: Iterable[Group],
    durations: Durations,
    share: float = 0.0,
    *,
    silent: bool = False,
    late_s: float = 0.0,
) -> Budget:
    """The budget of an alert, with the durations of a profile.

    Args:
        alert: As it is declared: whether it waits at all.
        groups: All rules of the platform.
        durations: The profile.
        share: Of a rate: the threshold by the level that its cause has; so much of the window
            must be filled before it is seen. 0 for what isn't a rate.
        silent: Whether the cause keeps a target from answering: a scrape is over after its time.
        late_s: Until the cause can be measured at all: a slow request is when it is over.
    """
    scrape_s = seconds_of(durations.scrape_interval)
    evaluation_s = seconds_of(durations.evaluation_interval)
    silence_s = seconds_of(durations.scrape_timeout) if silent else 0.0
    waits_s = seconds_of(durations.for_) if seconds_of(alert.for_) > 0 else 0.0
    return Budget(
        visible_s=scrape_s + share * seconds_of(durations.rate_window) + silence_s + late_s,
        recorded_s=hops_of(alert, groups) * evaluation_s,
        pending_s=evaluation_s,
        firing_s=math.ceil(waits_s / evaluation_s) * evaluation_s,
        notified_s=seconds_of(durations.group_wait),
    )
