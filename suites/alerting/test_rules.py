"""Alerts, by promtool: each fires when it should, not before, and tells what it should.

The series are those that targets have, so that records are tried, too; the durations are those of
both profiles. What isn't tried here is whether a real cause makes these series: that needs servers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import pytest
import yaml

from fixtures.declared.durations import Durations, load_durations
from fixtures.declared.rules import load_rules, rule_files
from groundwork.base import process
from groundwork.base.errors import UsageError
from suites.support.alertcases import Case, Platform, Schedule, load_cases, promtool_tests
from suites.support.tools import TOOL_TIMEOUT_S, found

PROFILES = load_durations()
PLATFORMS: tuple[Platform, ...] = get_args(Platform)
CASES = load_cases()

# Where rules of either platform lie.
FILES = {platform: rule_files(platform) for platform in PLATFORMS}
TRIED = [
    (platform, rule.alert)
    for platform in PLATFORMS
    for group in load_rules(FILES[platform])
    for rule in group.rules
    if rule.alert
]

# The five of the platform's design, with what each compares with.
THRESHOLDS = {
    "ServiceDown": ("state == 0", "state == 10"),
    "HighErrorRate": ("ratio > 0.05", "ratio > 0.5"),
    "HighLatencyP95": ("p95 > 0.5", "p95 > 5"),
    "DiskAlmostFull": ("ratio > 0.8", "ratio > 8"),
    "MemoryAlmostFull": ("ratio > 0.9", "ratio > 9"),
}


def unchanged(text: str) -> str:
    """Rules as they are."""
    return text


def verdict(
    folder: Path,
    platform: Platform,
    cases: Iterable[Case],
    profiles: Iterable[Durations] = tuple(PROFILES.values()),
    change: Callable[[str], str] = unchanged,
) -> str:
    """What promtool says against cases; empty where it says nothing.

    Args:
        folder: Where what it reads is written.
        platform: Whose records are read.
        cases: What is tried.
        profiles: With whose durations.
        change: What is done to the text of each file of rules.
    """
    written: list[Path] = []
    for profile in profiles:
        own = folder / profile.name
        own.mkdir()
        rules = [own / file.name for file in FILES[platform]]
        for copy, file in zip(rules, FILES[platform], strict=True):
            copy.write_text(change(profile.rules(file.read_text())))
        groups = load_rules(rules)
        for number, case in enumerate(cases):
            test = own / f"test{number}.yml"
            made = promtool_tests(case, profile, groups, [rule.name for rule in rules])
            test.write_text(yaml.safe_dump(made, sort_keys=False))
            written.append(test)
    argv: list[str | Path] = [found("prometheus").program("promtool"), "test", "rules", *written]
    ended = process.run(argv, timeout_s=TOOL_TIMEOUT_S, check=False)
    assert ended.output.count("Unit Testing:") == len(written), ended.output
    return ended.output if ended.returncode else ""


def cases_of(alert: str, platform: Platform) -> list[Case]:
    """The cases of an alert on a platform."""
    return [case for case in CASES if case.alert == alert and platform in case.platforms]


@pytest.mark.parametrize(("platform", "alert"), TRIED)
def test_an_alert_fires_when_it_should(tmp_path: Path, platform: Platform, alert: str) -> None:
    """Pending at once, firing once it has lasted and not an evaluation before; then it is over.

    Never just below its threshold, and never without data; labels and texts are exactly those told.
    """
    cases = cases_of(alert, platform)
    assert cases, f"no case of {alert} on {platform} in manifests/observability/tests"
    said = verdict(tmp_path, platform, cases)
    assert not said, said


def test_cases_are_of_alerts_that_there_are() -> None:
    """A case of an alert that is gone, or is called otherwise now, would try nothing."""
    assert {(p, case.alert) for case in CASES for p in case.platforms} == set(TRIED)


@pytest.mark.parametrize("alert", THRESHOLDS)
def test_another_threshold_is_noticed(tmp_path: Path, alert: str) -> None:
    """Ten times what was promised: promtool names the alert that doesn't fire in time."""
    old, new = THRESHOLDS[alert]
    said = spoilt(tmp_path, alert, lambda text: text.replace(old, new))
    assert alert in said


@pytest.mark.parametrize("alert", sorted(set(THRESHOLDS) - {"ServiceDown"}))
def test_a_lower_threshold_is_noticed(tmp_path: Path, alert: str) -> None:
    """What is just below the promised one is told to nobody."""
    old, _ = THRESHOLDS[alert]
    lower = re.sub(r"[0-9.]+$", lambda number: f"{float(number[0]) * 0.7:g}", old)
    assert alert in spoilt(tmp_path, alert, lambda text: text.replace(old, lower))


@pytest.mark.parametrize("alert", THRESHOLDS)
@pytest.mark.parametrize("waits", ["45s", "75s", "1h"])
def test_another_wait_is_noticed(tmp_path: Path, alert: str, waits: str) -> None:
    """One evaluation more or less is enough."""
    said = spoilt(tmp_path, alert, lambda text: re.sub(r"\bfor: \S+", f"for: {waits}", text))
    assert alert in said


def spoilt(folder: Path, alert: str, change: Callable[[str], str]) -> str:
    """What promtool says of an alert whose rule is changed so, with production's durations."""
    changed: list[bool] = []

    def spoil(text: str) -> str:
        other = change(text)
        changed.append(other != text)
        return other

    said = verdict(folder, "local", cases_of(alert, "local"), [PROFILES["production"]], spoil)
    assert any(changed), "nothing was changed"
    return said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http_requests_total", "http_request_total"),
        ("severity: critical", "severity: warning"),
        ("{{ $labels.job }} fails", "{{ $labels.jobs }} fails"),
        ("humanizePercentage", "humanize"),
        ("sum by (job)", "sum by (instance)"),
    ],
)
def test_what_is_read_or_told_otherwise_is_noticed(tmp_path: Path, old: str, new: str) -> None:
    """Series, labels and texts that aren't what was declared."""
    assert "HighErrorRate" in spoilt(tmp_path, "HighErrorRate", lambda t: t.replace(old, new))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_schedule_waits_as_long_as_an_alert(profile: Durations) -> None:
    """It fires at the first evaluation at which its ``for`` is over, in each profile."""
    (case, *_) = cases_of("ServiceDown", "local")
    schedule = Schedule.of(case, profile)
    lasting = {"production": 4, "fast": 2}[profile.name]
    assert schedule.fires - schedule.active == lasting
    assert schedule.over - schedule.fires > lasting
    assert schedule.surely_over == schedule.over


TEXT = """cases:
  - alert: A
    series:
      - {name: up, well: 1, ill: 0}
    told:
      - {labels: {job: a}, summary: s, description: d}
"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("well: 1", "well: soon", ":4: series.0.well: String should match"),
        ("ill: 0", "ill: 1", ":2: case: none of the series should tell"),
        ("ill: 0", "il: 0", ":4: series.0.il: Extra inputs"),
        ("alert: A", "allert: A", ":2: alert: Field required"),
        ("{name: up, well: 1, ill: 0}", "{name: up}", ":4: series.0.well: Field required"),
    ],
)
def test_a_fault_in_a_case_is_told_by_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """One line: the file, the line, the field, what is wrong with it."""
    file = tmp_path / "alerts.yaml"
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(UsageError) as refused:
        load_cases(file)
    assert str(refused.value).startswith(f"{file}{fault}")
