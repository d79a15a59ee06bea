"""Alerts: what Alertmanager is told arrives where somebody would be woken."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fixtures.declared.durations import Durations, seconds_of
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.receiver import Receiver
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for

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

    (alert,) = wait_for(arrived, deadline=deadline, what="the notification")
    assert alert["status"] == "firing"
    assert alert["labels"] == labels
    assert alert["annotations"] == annotations
