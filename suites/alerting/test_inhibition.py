"""The inhibition: a host that is down silences its own services, and nothing else.

Which labels alerts have is computed from their rules, for Alertmanager takes two that lack a label
for equal in it. Which values they have is what promtool has found in cases (``test_rules.py``).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import promql_parser
import pytest
import requests
import yaml

from fixtures.declared.durations import load_durations
from fixtures.declared.rules import Rule, load_rules, rule_files
from fixtures.resources.alertmanager import CONFIG, Alertmanager, config
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.alertcases import Platform, load_cases
from suites.support.promql import labels_of, records_of
from suites.support.tools import found

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
(INHIBITION,) = yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
SOURCE, TARGET = "source_matchers", "target_matchers"
CASES = load_cases()
TIMEOUT_S = 30.0

# Nobody listens there: what is asked is what is held back, not what is told.
NOBODY = "http://127.0.0.1:9"


def rules(platform: str) -> list[Rule]:
    """The rules that a platform loads."""
    return [rule for group in load_rules(rule_files(platform)) for rule in group.rules]


def named(side: str) -> str:
    """The one alert that a side of the inhibition is about, by its name and nothing else."""
    (matcher,) = INHIBITION[side]
    name = re.fullmatch(r'alertname="(\w+)"', matcher)
    assert name is not None, matcher
    return name[1]


def told(side: str, platform: Platform) -> list[dict[str, str]]:
    """The labels of a side's alerts in the cases of a platform."""
    return [
        {"alertname": case.alert, **each.labels}
        for case in CASES
        if case.alert == named(side) and platform in case.platforms
        for each in case.told
    ]


@pytest.mark.parametrize("side", [SOURCE, TARGET])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_must_be_equal_is_there_for_certain(platform: Platform, side: str) -> None:
    """The rule of either side leaves each label, by itself and not for a target that has it."""
    own = rules(platform)
    records = records_of(own)
    (rule,) = (rule for rule in own if rule.alert == named(side))
    left = labels_of(promql_parser.parse(rule.expr), records)
    assert INHIBITION["equal"], "without one any host silences every service"
    for name in INHIBITION["equal"]:
        assert name in left.names, f"{rule.alert} has no {name}: {rule.expr}"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_must_be_equal_is_of_the_same_host(platform: Platform) -> None:
    """A host's alert and that of a service on it tell the same, as promtool has found them."""
    for name in INHIBITION["equal"]:
        hosts = {labels[name] for labels in told(SOURCE, platform)}
        services = {labels[name] for labels in told(TARGET, platform)}
        assert hosts == services
        assert all(hosts)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_alert_silences_itself(platform: Platform) -> None:
    """What holds back is told: nothing is on both sides."""
    names = [rule.alert for rule in rules(platform)]
    assert names.count(named(SOURCE)) == names.count(named(TARGET)) == 1
    assert named(SOURCE) != named(TARGET)


@pytest.fixture
def judging(tmp_path: Path) -> Iterator[Alertmanager]:
    """Alertmanager, with the declared configuration."""
    program = found("alertmanager")
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config(load_durations()["fast"], NOBODY)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    child = process.spawn(
        [
            str(program.program("alertmanager")),
            f"--config.file={file}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        env=process.plain_environment({}),
        log=tmp_path / "alertmanager.log",
        cwd=program.path,
    )
    made = Alertmanager(f"http://127.0.0.1:{port}")
    try:
        wait_for(
            lambda: made.get("status"),
            deadline=Deadline.after(TIMEOUT_S),
            what="Alertmanager",
            retry_on=(requests.RequestException,),
        )
        yield made
    finally:
        child.kill()
        child.wait()


def states(alertmanager: Alertmanager) -> dict[tuple[str, str], str]:
    """Of each alert and host, whether it is active, or suppressed."""
    alerts: list[Mapping[str, Any]] = alertmanager.get("alerts")
    return {
        (each["labels"]["alertname"], each["labels"].get("host", "")): each["status"]["state"]
        for each in alerts
        if each["status"]["state"] != "unprocessed"
    }


@pytest.mark.parametrize("platform", PLATFORMS)
def test_alertmanager_holds_back_the_services_of_the_same_host_alone(
    judging: Alertmanager, platform: Platform
) -> None:
    """Of alerts as the platform's rules make them: not another host's, and no other alert."""
    source, target = told(SOURCE, platform)[0], told(TARGET, platform)[0]
    broker = {"alertname": "BrokerDown", "job": "broker", "severity": "critical"}
    for labels in (target, target | {"host": "another"}, broker | {"host": source["host"]}):
        judging.post(labels, {})
    silenced = (target["alertname"], target["host"])
    before = await_states(judging, 3, silenced, "active")
    assert set(before.values()) == {"active"}
    judging.post(source, {})
    after = await_states(judging, 4, silenced, "suppressed")
    assert after.pop(silenced) == "suppressed"
    assert set(after.values()) == {"active"}
    assert after.keys() >= {(source["alertname"], source["host"])}


def await_states(
    alertmanager: Alertmanager, number: int, which: tuple[str, str], state: str
) -> dict[tuple[str, str], str]:
    """The states of so many alerts, once one of them has this; who inhibits learns of them late."""

    def look() -> dict[tuple[str, str], str]:
        known = states(alertmanager)
        if len(known) != number or known.get(which) != state:
            raise NotYetError(f"{known}")
        return known

    return wait_for(look, deadline=Deadline.after(TIMEOUT_S), what=f"{which} to be {state}")
