"""Routes: by amtool, every alert that is declared gets to who was promised to be told of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from fixtures.declared.durations import Durations, load_durations
from fixtures.declared.promises import load_promises
from fixtures.declared.rules import NOBODY, Rule, load_rules, rule_files
from fixtures.resources.alertmanager import CONFIG, config
from suites.support.alerts import PROOF
from suites.support.tools import found, run

PROFILES = load_durations()
NOTIFICATIONS = load_promises().notifications
PLATFORMS = ("local", "kind")

# Who is told on this machine, as a run puts it in the place of who is declared.
ELSEWHERE = "http://127.0.0.1:9"


def alerts(platform: str) -> list[Rule]:
    """The alerts that a platform loads."""
    groups = load_rules(rule_files(platform))
    return [rule for group in groups for rule in group.rules if rule.alert]


def path_of(file: Path, labels: Mapping[str, str]) -> str:
    """The path of the one webhook that an alert with these labels is told at, by amtool."""
    amtool = found("alertmanager").program("amtool")
    words = [f"{name}={value}" for name, value in labels.items()]
    said = run([amtool, "config", "routes", "test", f"--config.file={file}", *words])
    (name,) = said.splitlines()[-1].split(",")
    receivers = {each["name"]: each for each in yaml.safe_load(file.read_text())["receivers"]}
    (webhook,) = receivers[name]["webhook_configs"]
    return str(urlsplit(webhook["url"]).path)


@pytest.fixture(params=[None, *PROFILES.values()], ids=["as declared", *PROFILES])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The configuration as it is declared, and as a process has it under each profile."""
    durations: Durations | None = request.param
    if durations is None:
        return CONFIG
    made = tmp_path / "alertmanager.yml"
    made.write_text(yaml.safe_dump(config(durations, ELSEWHERE)))
    return made


def test_every_declared_alert_is_told_at_the_promised_path(file: Path) -> None:
    """With the labels that its rule gives it; the dead man's switch at its own."""
    declared = {rule.alert: rule for platform in PLATFORMS for rule in alerts(platform)}
    assert NOTIFICATIONS.heartbeat.alert in declared
    for name, rule in declared.items():
        if name != PROOF:
            labels = {"alertname": name, **rule.labels, "job": "any"}
            assert path_of(file, labels) == NOTIFICATIONS.path_of(name), name


@pytest.mark.parametrize("severity", [*NOTIFICATIONS.severities, NOBODY, "unheard-of"])
def test_an_alert_of_any_severity_is_told(file: Path, severity: str) -> None:
    """Also one that nobody has declared yet; how urgent it is makes no difference to where."""
    for name in (PROOF, "Another"):
        labels = {"alertname": name, "severity": severity}
        assert path_of(file, labels) == NOTIFICATIONS.path, name


def test_a_run_tells_who_is_there_and_at_the_declared_paths() -> None:
    """Every receiver's address is replaced, and nothing but that."""
    made = config(PROFILES["production"], ELSEWHERE)
    declared = yaml.safe_load(CONFIG.read_text())
    urls = [w["url"] for each in made["receivers"] for w in each["webhook_configs"]]
    assert urls == [f"{ELSEWHERE}{NOTIFICATIONS.path}", f"{ELSEWHERE}/deadman"]
    for body in (made, declared):
        for each in body["receivers"]:
            for webhook in each["webhook_configs"]:
                del webhook["url"]
    assert made == declared
