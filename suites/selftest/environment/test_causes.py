"""Causes of alerts: each declared alert has one on each platform, and each is possible there."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.declared.durations import load_durations
from fixtures.environment import resources
from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError
from suites.support.causes import FILE, Round, load_causes
from suites.support.coverage import SETTINGS, alerts_of, cases_of, most_s, table

LOCAL = SETTINGS["local, one broker"]

# So long may a test wait for whoever is woken; under the fast profile, and without its own slack.
WAIT_MAX_S = 15.0

# What can't be seen there, and nothing else.
LEFT_OUT = {
    "local, one broker": {"OfflinePartitions", "UnderReplicatedPartitions"},
    "local, three brokers": set(),
    "cluster": {"OfflinePartitions", "UnderReplicatedPartitions"},
}

each_platform = pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))


@each_platform
def test_each_alert_that_is_loaded_is_caused(settings: FoundationSettings) -> None:
    """All that there are, each once: a rule that nothing is done for was never seen to wake."""
    assert sorted(cases_of(settings)) == sorted(alerts_of(settings))


def test_what_was_seen_is_told_in_the_documents() -> None:
    """The table of rules and platforms is what is loaded, caused and left out; and no more is."""
    found = list(table())
    told = [
        line
        for line in (ROOT / "docs" / "alerts.md").read_text().splitlines()
        if line.startswith("| [")
    ]
    assert told == found
    for number, platform in enumerate(SETTINGS, 2):
        cells = {line.split("[")[1].split("]")[0]: line.split("|")[number] for line in found}
        left_out = {alert for alert, each in cells.items() if "left out" in each}
        assert left_out == LEFT_OUT[platform]


@each_platform
def test_severities_are_those_of_the_rules(settings: FoundationSettings) -> None:
    """What is waited for is what the rule says, so that another severity isn't mistaken for it."""
    declared = alerts_of(settings)
    for alert, case in cases_of(settings).items():
        severity = declared[alert].labels["severity"]
        assert case.labels["severity"] == severity or "$labels" in severity, alert


@each_platform
def test_only_what_cant_be_told_is_told_by_silence(settings: FoundationSettings) -> None:
    """The way of every other alert is gone to its end."""
    silent = {alert for alert, case in cases_of(settings).items() if case.told == "silence"}
    assert silent == {"AlertmanagerUnreachable", "DeadMansSwitch"}


@each_platform
def test_nobody_waits_longer_than_a_quarter_of_a_minute(settings: FoundationSettings) -> None:
    """The budget of each case under the fast profile, by rule, cause and durations."""
    fast = load_durations()["fast"]
    for alert, case in cases_of(settings).items():
        assert most_s(case, settings, fast) <= WAIT_MAX_S, alert


def test_what_is_caused_once_is_done_once() -> None:
    """Cases of a round with the same cause share it; what one raises beside it is explained."""
    found = cases_of(LOCAL)
    both = Round((found["BrokerDown"], found["PublishingFails"]))
    assert both.causes == (found["BrokerDown"].cause,)
    known = found.values()
    assert {"BrokerDown", "PublishingFails", "ServiceDown"} <= both.explained(known)
    assert "HostDown" not in both.explained(known)


def test_what_a_cause_raises_is_explained_whoever_is_looked_at() -> None:
    """One alert of a cause is selected; the others come all the same."""
    found = cases_of(LOCAL)
    alone = Round((found["PublishingFails"],))
    assert "BrokerDown" in alone.explained(found.values())


KILL = "cause: {resource: hello-world, fault: kill}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("alert: ServiceDown", "alert: SunDown", "SunDown: there is no such alert; known: Alert"),
        ("together: [ServiceDown]", "together: [SunDown]", "SunDown: there is no such alert"),
        ("fault: kill", "faults: kill", "cause.Broken.fault: Field required"),
        (KILL, KILL.replace("hello-", "sorry-"), "there is no resource 'sorry-world'; known: "),
        (KILL, KILL.replace("kill", "tickle"), "ServiceDown: tickle of hello-world: unknown fault"),
        (
            KILL,
            KILL.replace("kill", "fill"),
            "ServiceDown: fill of hello-world: hello-world is not",
        ),
        ("{share: 0.95}", "{share: 95}", "DiskAlmostFull: fill of volume: share"),
        ("alert: ServiceDown", "alert: HighErrorRate", "HighErrorRate is caused twice"),
        ("told: silence", "told: rumour", "told: Input should be 'webhook' or 'silence'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """An alert or a resource that isn't declared, a fault that isn't borne, what can't be read."""
    file = tmp_path / "cases.yaml"
    file.write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=r"cases.yaml:\d+: ") as refused:
        load_causes(alerts_of(LOCAL), "local", resources(LOCAL), file)
    assert said in str(refused.value)


def test_no_cases_are_told() -> None:
    """An empty list proves nothing."""
    with pytest.raises(UsageError, match="No such file"):
        load_causes((), "local", (), Path("/nowhere/cases.yaml"))
