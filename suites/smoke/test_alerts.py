"""Alerts: what is measured wakes somebody, by the whole way and not by halves of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.promises import Promises
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.alerts import story_of, told_alertmanagers

# For a busy machine, besides what an alert waits for its companions.
TIMEOUT_S = 20.0


def test_an_alert_reaches_the_webhook(
    alertmanager: Alertmanager, receiver: Receiver, durations: Durations
) -> None:
    """An alert posted to Alertmanager arrives at the webhook once, with its labels."""
    labels = {"alertname": f"Smoke-{uuid4().hex}", "job": "smoke", "severity": "none"}
    annotations = {"summary": "posted by the smoke suite"}
    alertmanager.post(labels, annotations)

    deadline = Deadline.after(seconds_of(durations.group_wait) + TIMEOUT_S)

    def arrived() -> list[dict[str, Any]]:
        found = [a for a in receiver.alerts() if a["labels"]["alertname"] == labels["alertname"]]
        if not found:
            raise NotYetError("not among the notifications")
        return found

    (alert,) = wait_for(
        arrived,
        deadline=deadline,
        what="the notification",
        describe=lambda: story_of(alertmanager, alertname=labels["alertname"]),
    )
    assert alert["status"] == "firing"
    assert alert["labels"] == labels
    assert alert["annotations"] == annotations


def test_what_is_measured_reaches_whoever_is_woken(
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    receiver: Receiver,
    durations: Durations,
    promises: Promises,
) -> None:
    """A rule's alert arrives at the webhook's promised path, once for each severity.

    All severities at the same time: that a critical one is under way keeps no other back. The way
    is the whole one, from a measured series by a rule and a route to the notification.
    """
    proof, levels = uuid4().hex, promises.notifications.severities
    ways = (durations.scrape_interval, durations.evaluation_interval, durations.group_wait)
    # The group may have told of another run's proof: then it tells of this one an interval later.
    usual_s = sum(map(seconds_of, (*ways, durations.group_interval)))

    def arrived() -> list[dict[str, Any]]:
        found = [a for a in receiver.alerts() if a["labels"].get("proof") == proof]
        missing = set(levels) - {alert["labels"]["severity"] for alert in found}
        if missing:
            raise NotYetError(f"nobody was told of the alerts of severity {sorted(missing)}")
        return found

    told_alertmanagers(prometheus)
    with receiver.prove(proof, levels):
        found = wait_for(
            arrived,
            deadline=Deadline.after(usual_s + TIMEOUT_S),
            what="the notifications of each severity",
            describe=lambda: story_of(alertmanager, prometheus, proof=proof),
        )
    told = [(alert["labels"]["severity"], alert["status"], alert["path"]) for alert in found]
    assert sorted(told) == sorted(
        (level, "firing", promises.notifications.path) for level in levels
    )
