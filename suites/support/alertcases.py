"""Cases of alerts (manifests/observability/tests), made into promtool's unit tests.

A case tells series; when its alert is to be pending, to fire and to be over follows from the
durations of a profile. Each evaluation of it is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fixtures.declared.declarations import read_items, validate
from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import Group
from fixtures.paths import MANIFESTS

__all__ = ["FILE", "Case", "Schedule", "load_cases", "promtool_tests"]

FILE = MANIFESTS / "observability" / "tests" / "alerts.yaml"

Platform = Literal["local", "kubernetes"]
Phase = Literal["well", "below", "ill"]

# A gauge's value, what a counter grows by (`10/s`), or a series that isn't there.
Value = Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(/s)?|none)$")]


class Strict(BaseModel):
    """A part of a case; what it doesn't know is refused, and numbers are as they are written."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Series(Strict):
    """One series from a target, in each phase; what isn't told is as while all is well."""

    name: str
    well: Value
    below: Value = ""
    ill: Value = ""

    def in_phase(self, phase: Phase) -> str:
        """What it is in a phase."""
        own = {"well": self.well, "below": self.below, "ill": self.ill}
        return own[phase] or self.well


class Told(Strict):
    """One alert, as whoever is woken is told of it."""

    labels: dict[str, str]
    summary: str
    description: str


class Case(Strict):
    """An alert, the series behind it, and what is told.

    Attributes:
        what: What the case is, where there are several of an alert.
        rate: Whether it is measured over a window.
        absence: Whether it is of something that hasn't been there for a whole window.
        at_once: Whether it waits for nothing.
    """

    alert: str
    what: str = ""
    platforms: tuple[Platform, ...] = ("local", "kubernetes")
    rate: bool = False
    absence: bool = False
    at_once: bool = False
    series: tuple[Series, ...] = Field(min_length=1)
    told: tuple[Told, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _must_be_ill_at_some_time(self) -> Case:
        """Else nothing is tried."""
        if all(each.in_phase("ill") == each.well for each in self.series):
            raise ValueError("none of the series should tell that something is wrong")
        return self


def load_cases(file: Path = FILE) -> tuple[Case, ...]:
    """Read and check the cases.

    Raises:
        UsageError: The file is malformed; names file and line.
    """
    return tuple(validate(item, Case) for item in read_items(file, "cases"))


@dataclass(frozen=True)
class Schedule:
    """What happens when in a test of a case, in scrapes; an evaluation is at each of them.

    Attributes:
        phases: What the series are, and for how many scrapes.
        begins: The first evaluation at which something is wrong.
        active: The first that surely sees it, for a window may hold what was before.
        fires: The first at which it has lasted.
        over: The first at which nothing is wrong any more.
        surely_over: The first at which that is certain, for a window may hold what has been.
    """

    phases: tuple[tuple[Phase, int], ...]
    begins: int
    active: int
    fires: int
    over: int
    surely_over: int

    @classmethod
    def of(cls, case: Case, durations: Durations) -> Schedule:
        """The schedule of a case under a profile; what the rule itself says is left aside."""
        interval_s = seconds_of(durations.evaluation_interval)
        waits_s = 0 if case.at_once else seconds_of(durations.for_)
        lasting = math.ceil(waits_s / interval_s)
        # One more than it holds: old versions count a sample at its very beginning.
        window = math.ceil(seconds_of(durations.rate_window) / interval_s) + 1
        well, below, ill = window + 1, window + lasting + 2, window + lasting + 2
        phases: tuple[tuple[Phase, int], ...] = (
            ("well", well),
            ("below", below),
            ("well", well),
            ("ill", ill),
            ("well", window + lasting + 2),
        )
        begins = well + below + well
        active = begins + window if case.absence else begins
        over = begins + ill
        surely = over + window if case.rate else over
        return cls(phases, begins, active, active + lasting, over, surely)

    @property
    def end(self) -> int:
        """The number of scrapes."""
        return sum(steps for _, steps in self.phases)


def samples(series: Series, schedule: Schedule, scrape_s: float) -> str:
    """A series' samples, as promtool writes them: one for each scrape."""
    found: list[str] = []
    level, there = 0.0, False
    for phase, steps in schedule.phases:
        text = series.in_phase(phase)
        for _ in range(steps):
            if text == "none":
                found.append("stale" if there else "_")
                there = False
                continue
            number = float(text.removesuffix("/s"))
            level = level + number * scrape_s if text.endswith("/s") else number
            found.append(f"{level:g}" if level < 1e6 else f"{level:.0f}")
            there = True
    return " ".join(found)


def promtool_tests(
    case: Case, durations: Durations, groups: Iterable[Group], files: Iterable[str]
) -> dict[str, Any]:
    """A file of promtool's unit tests for a case.

    Args:
        case: The case.
        durations: The profile.
        groups: The rules as the profile has them.
        files: Where they lie, from the folder of the tests.
    """
    schedule = Schedule.of(case, durations)
    scrape_s = seconds_of(durations.scrape_interval)
    given = [
        {"series": each.name, "values": samples(each, schedule, scrape_s)} for each in case.series
    ]
    last = schedule.end - 1
    return {
        "rule_files": list(files),
        "evaluation_interval": durations.evaluation_interval,
        # What is recorded comes before what reads it, as it does in the end on a server.
        "group_eval_order": in_order(groups),
        "tests": [
            {
                "name": f"{case.alert}: {case.what or 'as declared'}",
                "interval": durations.scrape_interval,
                "input_series": given,
                "promql_expr_test": list(states(case, schedule, scrape_s)),
                "alert_rule_test": [
                    alerts(case, f"{(schedule.over - 1) * scrape_s:g}s", case.told),
                    alerts(case, f"{last * scrape_s:g}s", ()),
                ],
            },
            {
                "name": f"{case.alert}: without data",
                "interval": durations.scrape_interval,
                "input_series": [],
                "alert_rule_test": [alerts(case, f"{last * scrape_s:g}s", ())],
            },
        ],
    }


def in_order(groups: Iterable[Group]) -> list[str]:
    """The names of groups: those that record first."""
    return [g.name for g in sorted(groups, key=lambda g: any(rule.alert for rule in g.rules))]


def states(case: Case, schedule: Schedule, scrape_s: float) -> Iterator[dict[str, Any]]:
    """What Prometheus is to say of the alert at each evaluation, but where a window may blur it."""
    # Versions differ in whether a window holds its very beginning.
    first = schedule.active - 2 if case.absence else schedule.begins
    blurred = {*range(first, schedule.active), *range(schedule.over, schedule.surely_over)}
    for number in range(schedule.end):
        if number in blurred:
            continue
        state = ""
        if schedule.active <= number < schedule.over:
            state = "firing" if number >= schedule.fires else "pending"
        yield {
            "expr": f'ALERTS{{alertname="{case.alert}"}}',
            "eval_time": f"{number * scrape_s:g}s",
            "exp_samples": [
                {"labels": series_of(case, told, state), "value": 1} for told in case.told
            ]
            if state
            else [],
        }


def series_of(case: Case, told: Told, state: str) -> str:
    """The series by which Prometheus tells the state of an alert."""
    labels = told.labels | {"alertname": case.alert, "alertstate": state}
    return "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def alerts(case: Case, eval_time: str, told: Iterable[Told]) -> dict[str, Any]:
    """What promtool is to find of an alert at a time, with all that is told."""
    return {
        "eval_time": eval_time,
        "alertname": case.alert,
        "exp_alerts": [
            {
                "exp_labels": each.labels,
                "exp_annotations": {
                    "summary": each.summary,
                    "description": each.description,
                    "runbook": f"docs/runbooks/{case.alert}.md",
                },
            }
            for each in told
        ],
    }
