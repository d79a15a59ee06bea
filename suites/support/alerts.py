"""Why an alert has not arrived: what each server on its way holds of it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.metrics import samples_of

__all__ = ["PROOF", "story_of", "told_alertmanagers"]

# The one alert that is of nothing wrong: see manifests/observability/rules/proof.yaml.
PROOF = "Proof"

# What Prometheus has found it takes into use once in five seconds.
KNOWN_TIMEOUT_S = 30.0


def told_alertmanagers(prometheus: Prometheus) -> dict[str, Any]:
    """Whom Prometheus tells of alerts, once it knows anybody.

    For some seconds after it has read its configuration it knows nobody, and what it would have
    told meanwhile it tells again after a minute.
    """

    def know() -> dict[str, Any]:
        told: dict[str, Any] = prometheus.get("alertmanagers")
        if not told["activeAlertmanagers"]:
            raise NotYetError("it knows of none")
        return told

    deadline = Deadline.after(KNOWN_TIMEOUT_S)
    return wait_for(know, deadline=deadline, what="Prometheus to know an Alertmanager")


def story_of(
    alertmanager: Alertmanager, prometheus: Prometheus | None = None, **labels: str
) -> str:
    """What Prometheus and Alertmanager hold of the alerts with these labels.

    Args:
        alertmanager: Which tells whoever is woken.
        prometheus: Where the alert begins; None where it was posted.
        labels: The alert's, enough to know it by.
    """
    lines = list(of_prometheus(prometheus, labels)) if prometheus is not None else []
    return "\n".join([*lines, *of_alertmanager(alertmanager, labels)])


def of_prometheus(prometheus: Prometheus, labels: dict[str, str]) -> Iterator[str]:
    """The series, the rule's alert, and where it is sent."""
    alerts = [a for a in prometheus.alerts() if matches(a, labels)]
    for alert in alerts:
        yield f"Prometheus: {alert['labels']} is {alert['state']} since {alert['activeAt']}"
    if not alerts:
        rules = [rule for rule in prometheus.rules() if rule["type"] == "alerting"]
        ill = [f"{r['name']}: {r['lastError']}" for r in rules if r.get("lastError")]
        yield f"Prometheus: no such alert; its alerting rules: {[r['name'] for r in rules]} {ill}"
        selector = ",".join(f'{name}="{value}"' for name, value in labels.items())
        series = prometheus.query(f"{{{selector}}}")
        yield f"Prometheus: series with these labels: {[each['metric'] for each in series]}"
    config = yaml.safe_load(prometheus.get("status/config")["yaml"])
    spans = {name: config["global"][name] for name in ("scrape_interval", "evaluation_interval")}
    relabelled = config.get("alerting", {}).get("alert_relabel_configs", "not")
    yield f"Prometheus: {spans}; alerts are relabelled: {relabelled}"
    told = prometheus.get("alertmanagers")["activeAlertmanagers"]
    yield f"Prometheus tells {[each['url'] for each in told]}"


def of_alertmanager(alertmanager: Alertmanager, labels: dict[str, str]) -> Iterator[str]:
    """The alert, what holds it back, and which deliveries failed."""
    alerts = [alert for alert in alertmanager.get("alerts") if matches(alert, labels)]
    if not alerts:
        yield "Alertmanager: it has no such alert"
    for alert in alerts:
        status = alert["status"]
        receivers = [each["name"] for each in alert["receivers"]]
        yield f"Alertmanager: {alert['labels']} is {status['state']}, for {receivers}"
        for kind in ("silencedBy", "inhibitedBy", "mutedBy"):
            if status.get(kind):
                yield f"Alertmanager: {kind} {', '.join(status[kind])}"
    route = alertmanager.get("status")["config"]["original"].partition("receivers:")[0]
    _, _, own = route.partition("route:")
    yield "Alertmanager's route: " + " ".join(own.split())
    failed = "alertmanager_notifications_failed_total"
    for sample in samples_of(f"{alertmanager.url}/metrics", failed):
        if sample.value:
            yield f"Alertmanager: {sample.value:g} deliveries failed ({sample.labels})"
    log = alertmanager.log()
    if log:
        yield f"--- last complaints of Alertmanager\n{log}"


def matches(alert: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether an alert has these labels."""
    own: dict[str, str] = alert["labels"]
    return labels.items() <= own.items()
