"""The watch: somebody hears the dead man's switch. Last of all, for that takes a while."""

from __future__ import annotations

import time

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.promises import Promises
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Heartbeat, Receiver
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.alerts import told_alertmanagers

# For a busy machine, besides what an alert waits for its companions.
TIMEOUT_S = 20.0

# Heartbeats that are further apart are two; one is seen again to a few hundredths of a second.
APART_S = 0.5


def test_heartbeats_arrive(
    prometheus: Prometheus, receiver: Receiver, durations: Durations, promises: Promises
) -> None:
    """The dead man's switch is told again and again, and the webhook says that it is alive.

    What is told are heartbeats and no notifications: whoever is woken hears nothing of them.
    """
    ways = (durations.scrape_interval, durations.evaluation_interval, durations.group_wait)
    # What Prometheus told while it knew no Alertmanager it tells again.
    usual_s = sum(map(seconds_of, ways)) + seconds_of(durations.resend_delay)
    told_alertmanagers(prometheus)

    def heard(older_than_s: float | None = None) -> Heartbeat:
        found = receiver.heartbeat()
        if not found.heard or found.age_s is None:
            raise NotYetError(f"{found}")
        if older_than_s is not None and found.age_s >= older_than_s:
            raise NotYetError(f"no other one since: {found}")
        return found

    first = wait_for(heard, deadline=Deadline.after(usual_s + TIMEOUT_S), what="a heartbeat")
    assert first.age_max_s == durations.heartbeat_age_max_s
    begun_s = time.monotonic() - (first.age_s or 0.0)
    wait_for(
        lambda: heard(time.monotonic() - begun_s - APART_S),
        deadline=Deadline.after(durations.heartbeat_age_max_s),
        what="another heartbeat",
    )
    names = {alert["labels"]["alertname"] for alert in receiver.alerts()}
    assert promises.notifications.heartbeat.alert not in names
