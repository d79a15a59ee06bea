"""The platform's promises, and the files that it is deployed from: nothing has to run for that.

A declaration that is edited without its promise fails here, and the failure names both.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

from fixtures.declared.durations import load_durations, seconds_of
from fixtures.declared.promises import Promises
from fixtures.declared.rules import NOBODY, load_rules, rule_files
from fixtures.declared.topics import FILE, load_topics
from fixtures.resources import alertmanager as alerting
from fixtures.resources import prometheus as measuring
from fixtures.settings import FoundationSettings
from suites.support.alerts import PROOF
from suites.support.comparisons import broken, differences


def test_topics_are_declared_as_promised(promises: Promises) -> None:
    """manifests/topics.yaml has the promised topics: partitions, how long, which records."""
    promised = {t.name: (t.partitions, t.kept_ms, t.cleanup_policy) for t in promises.topics}
    declared = {t.name: (t.partitions, t.retention_ms, t.cleanup_policy) for t in load_topics()}
    lines = differences(promised, declared, what="topic", where=FILE.name)
    assert not lines, "\n".join(lines)


def test_alerts_are_declared_as_promised(promises: Promises, decided: FoundationSettings) -> None:
    """The rule files have the promised alerts: when, lasting how long, how severe."""
    promised = {a.name: (a.when, seconds_of(a.lasting), a.severity) for a in promises.alerts}
    rules = [rule for group in load_rules(rule_files(decided.env)) for rule in group.rules]
    declared = {
        r.alert: (r.expr, seconds_of(r.for_), r.labels.get("severity"))
        for r in rules
        if r.alert and r.alert != PROOF
    }
    lines = differences(promised, declared, what="alert", where="rules/")
    assert not lines, "\n".join(lines)


def test_notifications_are_declared_as_promised(promises: Promises) -> None:
    """alertmanager.yaml tells each alert in time, its changes and its end, and tells it again.

    But for the dead man's switch, which goes a way of its own, and whose end is told to nobody.
    """
    wanted = promises.notifications
    config = yaml.safe_load(alerting.CONFIG.read_text())
    severities = {alert.severity for alert in promises.alerts} - {NOBODY}
    assert severities <= set(wanted.severities)
    heartbeat = wanted.heartbeat
    assert notified(config) == {
        "path": wanted.path,
        "told within": seconds_of(wanted.told_within),
        "changes told within": seconds_of(wanted.changes_told_within),
        "repeated after": seconds_of(wanted.repeated_after),
        "end told": wanted.end_told,
        "held back by": [],
        "held back": [
            {
                "source_matchers": [f'alertname="{each.while_}"'],
                "target_matchers": [f'alertname="{each.alert}"'],
                "equal": [each.of_the_same],
            }
            for each in wanted.held_back
        ],
        "other ways": [([f'alertname="{heartbeat.alert}"'], heartbeat.path, False)],
    }, f"promised in promises.yaml, declared in {alerting.CONFIG.name}"


def test_metrics_are_declared_to_be_kept_as_long_as_promised(promises: Promises) -> None:
    """Prometheus is told to keep them at least as long as was promised."""
    promised, told = promises.metrics.kept_min, measuring.RETENTION
    assert seconds_of(told) >= seconds_of(promised), (
        f"promised {promised}, but Prometheus is started with {told}"
    )


def test_measurements_are_declared_to_be_taken_as_often_as_promised(promises: Promises) -> None:
    """prometheus.yaml and the production profile scrape and evaluate no less often."""
    wanted = {
        "scrape_interval": promises.metrics.measured_every,
        "evaluation_interval": promises.metrics.rules_evaluated_every,
    }
    config = yaml.safe_load(measuring.CONFIG.read_text())["global"]
    profile = load_durations()["production"]
    lines = []
    for name, span in wanted.items():
        lines += broken(span, config[name], what=name, where=measuring.CONFIG.name)
        lines += broken(span, getattr(profile, name), what=name, where="durations.yaml")
    assert not lines, "\n".join(lines)


def test_the_production_profile_keeps_the_promises(promises: Promises) -> None:
    """durations.yaml's production profile has the promised spans of alerts and notifications."""
    profile, wanted = load_durations()["production"], promises.notifications
    found = {
        "for": profile.for_,
        "group_wait": profile.group_wait,
        "group_interval": profile.group_interval,
        "repeat_interval": profile.repeat_interval,
    }
    (lasting,) = {each.lasting for each in promises.alerts if seconds_of(each.lasting)}
    promised = {
        "for": lasting,
        "group_wait": wanted.told_within,
        "group_interval": wanted.changes_told_within,
        "repeat_interval": wanted.repeated_after,
    }
    lines = differences(promised, found, what="span", where="durations.yaml")
    assert not lines, "\n".join(lines)
    missed_s, heartbeat = profile.heartbeat_age_max_s, wanted.heartbeat
    assert missed_s <= seconds_of(heartbeat.missed_within), (
        f"promised {heartbeat.missed_within}, but by durations.yaml a heartbeat is missed after "
        f"{missed_s:g} s"
    )


def notified(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration of Alertmanager makes of any alert, and which go other ways."""
    route = config["route"]
    path, end_told = told_by(config, route)
    held = [key for key in ("mute_time_intervals", "time_intervals") if config.get(key)]
    held += [key for key in ("mute_time_intervals", "active_time_intervals") if route.get(key)]
    return {
        "path": path,
        "told within": seconds_of(route["group_wait"]),
        "changes told within": seconds_of(route["group_interval"]),
        "repeated after": seconds_of(route["repeat_interval"]),
        "end told": end_told,
        "held back by": held,
        "held back": config.get("inhibit_rules", []),
        "other ways": [
            (each["matchers"], *told_by(config, each)) for each in route.get("routes", ())
        ],
    }


def told_by(config: dict[str, Any], route: dict[str, Any]) -> tuple[str, bool]:
    """The path of a route's one webhook, and whether it is told of ends, too."""
    (receiver,) = (each for each in config["receivers"] if each["name"] == route["receiver"])
    (webhook,) = receiver["webhook_configs"]
    return urlsplit(webhook["url"]).path, webhook.get("send_resolved", True)
