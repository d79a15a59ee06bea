"""Wakings: when an alert was caused, seen, fired, told, and told to be over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import requests

from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.alerts import NOBODY, story_of

__all__ = ["Observer", "Waking"]

SECOND_NS = 1_000_000_000

# Prometheus is looked at so often: what is measured is off by as much at the most.
LOOK_INTERVAL_S = 0.1

LOOK_TIMEOUT_S = 2.0


@dataclass
class Waking:
    """What became of one alert.

    Attributes:
        labels: By which it is known.
        caused_ns: When its cause was there.
        pending_ns, firing_ns: When it was first seen so in Prometheus; 0 for never.
        notified_ns: When whoever is woken was told.
        healed_ns: When the cause was gone.
        resolved_ns: When they were told that it is over.
        told: What they were told, at first.
    """

    labels: Mapping[str, str]
    caused_ns: int = 0
    pending_ns: int = 0
    firing_ns: int = 0
    notified_ns: int = 0
    healed_ns: int = 0
    resolved_ns: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these are an alert's labels that it is about."""
        return self.labels.items() <= labels.items()

    @property
    def stages_s(self) -> tuple[float, float, float]:
        """From the cause until it is pending, from there until it fires, and until it is told."""
        moments = (self.caused_ns, self.pending_ns, self.firing_ns, self.notified_ns)
        seen = [later - earlier for earlier, later in pairwise(moments)]
        return (seen[0] / SECOND_NS, seen[1] / SECOND_NS, seen[2] / SECOND_NS)

    @property
    def latency_s(self) -> float:
        """From the cause to whoever is woken."""
        return (self.notified_ns - self.caused_ns) / SECOND_NS

    @property
    def resolution_s(self) -> float:
        """From the end of the cause to their being told."""
        return (self.resolved_ns - self.healed_ns) / SECOND_NS


class Observer:
    """Looks at Prometheus and at the receiver while something is wrong.

    Args:
        prometheus: Where alerts begin.
        alertmanager: What it holds is told where one doesn't come.
        receiver: Whoever is woken.
    """

    def __init__(
        self, prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver
    ) -> None:
        self._prometheus = prometheus
        self._alertmanager = alertmanager
        self._receiver = receiver

    @contextmanager
    def observing(self, waking: Waking) -> Iterator[None]:
        """Look on until the block ends, for the moments that nobody writes down."""
        over = threading.Event()

        def look_on() -> None:
            while not over.wait(LOOK_INTERVAL_S):
                try:
                    alerts = self._prometheus.get("alerts")["alerts"]
                except requests.RequestException:
                    continue  # it may be what is wrong
                states = {a["state"] for a in alerts if waking.matches(a["labels"])}
                now_ns = time.monotonic_ns()
                if states and not waking.pending_ns:
                    waking.pending_ns = now_ns
                if "firing" in states and not waking.firing_ns:
                    waking.firing_ns = now_ns

        thread = threading.Thread(target=look_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(LOOK_TIMEOUT_S)

    def requests_per_s(self, job: str, window: str) -> float:
        """How often a service was asked in a window, as far as Prometheus knows."""
        found = self._prometheus.query(f'sum(rate(http_requests_total{{job="{job}"}}[{window}]))')
        return float(found[0]["value"][1]) if found else 0.0

    def others(self, waking: Waking) -> frozenset[str]:
        """The other alerts that whoever is woken was told of between its cause and its end."""
        return frozenset(
            alert["labels"]["alertname"]
            for alert in self._receiver.alerts()
            if waking.caused_ns <= alert["received_ns"] <= waking.resolved_ns
            and alert["status"] == "firing"
            and not waking.matches(alert["labels"])
            and alert["labels"]["severity"] != NOBODY
        )

    def await_notified(self, waking: Waking, timeout_s: float) -> None:
        """Wait until whoever is woken is told of it.

        Raises:
            WaitTimeoutError: They aren't in time; tells what each server on the way holds.
        """
        found = self._await(waking, "firing", waking.caused_ns, timeout_s)
        waking.notified_ns, waking.told = found["received_ns"], found

    def await_resolved(self, waking: Waking, timeout_s: float) -> None:
        """Wait until they are told that it is over.

        Raises:
            WaitTimeoutError: They aren't in time.
        """
        found = self._await(waking, "resolved", waking.healed_ns, timeout_s)
        waking.resolved_ns = found["received_ns"]

    def _await(
        self, waking: Waking, status: str, since_ns: int, timeout_s: float
    ) -> Mapping[str, Any]:
        def look() -> Mapping[str, Any]:
            for alert in self._receiver.alerts():
                late = alert["received_ns"] >= since_ns and alert["status"] == status
                if late and waking.matches(alert["labels"]):
                    return alert
            raise NotYetError("nobody was told")

        return wait_for(
            look,
            deadline=Deadline.after(timeout_s),
            what=f"whoever is woken to be told that {dict(waking.labels)} is {status}",
            describe=lambda: story_of(self._alertmanager, self._prometheus, **waking.labels),
            retry_on=(requests.RequestException,),
        )
