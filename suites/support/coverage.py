"""Coverage of alerts: by what each was caused on each platform, or why it can't be there.

``python -m suites.support.coverage`` prints the table of ``docs/alerts.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from fixtures.declared.durations import Durations, load_durations
from fixtures.declared.rules import Group, Rule, alerts_in, load_rules, rule_files
from fixtures.environment import exclusions, resources
from fixtures.settings import FoundationSettings
from suites.support.budgets import budget_of_case, woken_within_s
from suites.support.causes import Case, Platform, load_causes

__all__ = ["SETTINGS", "alerts_of", "cases_of", "groups_of", "most_s", "table"]

TEST = "suites/alerting/test_causes.py::test_an_alert_wakes_somebody[{}]"


def settings_of(text: str) -> FoundationSettings:
    """Settings with nothing left to be decided."""
    whole = FoundationSettings.from_json(text)
    update = {"broker": "kafka", "volume": "small", "images": "packages"}
    return whole.model_copy(update=update)


# The columns: each with its settings.
SETTINGS: Mapping[str, FoundationSettings] = {
    "local, one broker": settings_of('{"env": "local"}'),
    "local, three brokers": settings_of('{"env": "local", "brokers": 3}'),
    "cluster": settings_of('{"env": "kind"}'),
}


def platform_of(settings: FoundationSettings) -> Platform:
    """What cases call it."""
    return "local" if settings.env == "local" else "cluster"


def groups_of(settings: FoundationSettings) -> tuple[Group, ...]:
    """The rules that are loaded."""
    return load_rules(rule_files(settings.env))


def alerts_of(settings: FoundationSettings) -> dict[str, Rule]:
    """The alerts that are loaded, by name."""
    return alerts_in(groups_of(settings))


def cases_of(settings: FoundationSettings) -> dict[str, Case]:
    """The cases, by alert."""
    found = load_causes(alerts_of(settings), platform_of(settings), resources(settings))
    return {case.alert: case for case in found}


def most_s(case: Case, settings: FoundationSettings, durations: Durations) -> float:
    """How long it may take from a case's cause until somebody is woken, in seconds."""
    rule = alerts_of(settings)[case.alert]
    return woken_within_s(
        case, budget_of_case(case, rule, groups_of(settings), durations), durations
    )


def cell(alert: str, settings: FoundationSettings) -> str:
    """By what an alert was caused, or why it wasn't."""
    for each in exclusions(settings):
        test = TEST.format(alert)
        if fnmatchcase(test, each.tests) and each.applies(settings.public()):
            return f"left out: {each.reason}"
    case = cases_of(settings)[alert]
    return f"{case.cause}" + (", by silence" if case.told == "silence" else "")


def table() -> Iterator[str]:
    """The table's lines, below its head."""
    fast = load_durations()["fast"]
    local = SETTINGS["local, one broker"]
    for alert in sorted(alerts_of(local)):
        cells = [cell(alert, settings) for settings in SETTINGS.values()]
        most = {most_s(cases_of(each)[alert], each, fast) for each in SETTINGS.values()}
        told = " / ".join(f"{each:g} s" for each in sorted(most))
        yield f"| [{alert}](runbooks/{alert}.md) | {' | '.join(cells)} | {told} |"


if __name__ == "__main__":
    for line in table():
        sys.stdout.write(f"{line}\n")
