"""Prometheus: it scrapes what is declared, evaluates the declared rules, and keeps its data."""

from __future__ import annotations

from typing import Any

from fixtures.declared.rules import load_rules, rule_files
from fixtures.resources.prometheus import RETENTION, Prometheus
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for

# The first scrape or evaluation comes within one interval (2 s of the fast profile, 15 s of
# production's); the rest is patience.
TIMEOUT_S = 40.0

JOBS = {
    "alertmanager",
    "broker",
    "exporter",
    "hello-world",
    "node-exporter",
    "prometheus",
    "receiver",
}

# Those that Prometheus does without: in a kept environment somebody may have started them.
WANTED = {"collector", "logs", "patient", "traces"}


def test_declared_targets_are_up_and_no_others(
    prometheus: Prometheus, scrape_targets: frozenset[tuple[str, str]], platform: str
) -> None:
    """Every declared scrape target is up, and nothing else is scraped."""

    def all_scraped() -> dict[tuple[str, str], dict[str, Any]]:
        targets = prometheus.targets()
        waiting = [
            f"{job} at {address} is {state_of(targets, job, address)}"
            for job, address in sorted(scrape_targets)
            if targets.get((job, address), {}).get("health") != "up"
        ]
        if waiting:
            raise NotYetError("; ".join(waiting))
        return targets

    targets = wait_for(
        all_scraped, deadline=Deadline.after(TIMEOUT_S), what="every target to be up"
    )
    strangers = targets.keys() - scrape_targets
    assert not strangers, f"scraped, but declared nowhere: {sorted(strangers)}"
    jobs = JOBS | ({"apiserver", "cluster", "kubelet"} if platform != "local" else set())
    assert {job for job, _ in targets} - WANTED == jobs


def state_of(targets: dict[tuple[str, str], dict[str, Any]], job: str, address: str) -> str:
    """What Prometheus has to say of a target that isn't up."""
    found = targets.get((job, address))
    if found is None:
        instead = [f"{at} (as {name})" for name, at in targets if job == name or at == address]
        return "not scraped; " + (f"instead: {', '.join(instead)}" if instead else "nor by any job")
    return f"{found['health']}: {found['lastError'] or 'not scraped yet'}"


def health_of(rule: dict[str, Any]) -> str:
    """``ok``, or what its last evaluation came to."""
    return f"{rule['health']}: {rule['lastError']}" if rule.get("lastError") else rule["health"]


def test_declared_rules_are_loaded_and_healthy(prometheus: Prometheus, platform: str) -> None:
    """All declared rules are loaded, no others, and each has been evaluated without an error."""
    groups = load_rules(rule_files(platform))
    declared = {(group.name, rule.name) for group in groups for rule in group.rules}

    def all_evaluated() -> dict[tuple[str, str], str]:
        rules = prometheus.rules()
        waiting = [rule["name"] for rule in rules if rule["health"] == "unknown"]
        if waiting:
            raise NotYetError(f"not evaluated: {waiting}")
        return {(rule["group"], rule["name"]): health_of(rule) for rule in rules}

    rules = wait_for(
        all_evaluated, deadline=Deadline.after(TIMEOUT_S), what="every rule to be evaluated"
    )
    assert rules.keys() == declared
    assert {rule: health for rule, health in rules.items() if health != "ok"} == {}


def test_metrics_are_kept_as_long_as_declared(prometheus: Prometheus) -> None:
    """Prometheus itself says that its retention is the declared one."""
    assert prometheus.get("status/runtimeinfo")["storageRetention"] == RETENTION
