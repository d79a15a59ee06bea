"""Wakings: when an alert was caused, seen, fired, told, and told to be over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from fixtures.declared.rules import NOBODY
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from groundwork.base.errors import NotYetError, TerminalStateError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import SECOND_NS
from suites.support.alerts import story_of

__all__ = ["Observer", "Waking"]

# Prometheus is looked at so often: what is measured is off by as much at the most.
LOOK_INTERVAL_S = 0.1

LOOK_TIMEOUT_S = 2.0

# A look that has no answer says nothing of alerts.
LOST = (requests.RequestException,)

# Such a look takes five seconds: two of them.
UNANSWERED_S = 10.0

# By so much whoever waits is late on any machine.
USUAL_S = 0.05


@dataclass
class Waking:
    """What became of one alert; moments are the machine's monotonic clock's, 0 for never.

    Attributes:
        labels: By which it is known.
        caused_ns: When its cause was there.
        visible_ns: When its expression held for the first time, by what is scraped and recorded.
        pending_ns, firing_ns: When it was first seen so in Prometheus.
        notified_ns: When whoever is woken was told.
        healed_ns: When the cause was gone.
        resolved_ns: When they were told that it is over.
        told: What they were told, at first.
    """

    labels: Mapping[str, str]
    caused_ns: int = 0
    visible_ns: int = 0
    pending_ns: int = 0
    firing_ns: int = 0
    notified_ns: int = 0
    healed_ns: int = 0
    resolved_ns: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these are an alert's labels that it is about."""
        return self.labels.items() <= labels.items()

    def after_s(self, moment_ns: int) -> float | None:
        """How long after its cause something was; None for never."""
        return (moment_ns - self.caused_ns) / SECOND_NS if moment_ns else None

    @property
    def latency_s(self) -> float:
        """From the cause to whoever is woken; endless where nobody was."""
        return math.inf if not self.notified_ns else (self.notified_ns - self.caused_ns) / SECOND_NS

    @property
    def resolution_s(self) -> float:
        """From the end of the cause to their being told; endless where nobody was.

        Nothing, where it was over before the last of several parts was healed.
        """
        if not self.resolved_ns:
            return math.inf
        return max(0, self.resolved_ns - self.healed_ns) / SECOND_NS


class Observer:
    """Looks at Prometheus and at the receiver while something is wrong.

    Args:
        prometheus: Where alerts begin.
        alertmanager: What it holds is told where one doesn't come.
        receiver: Whoever is woken.

    Attributes:
        stalled_s: For how long this process had no turn while it looked on the last time: servers
            beside it hadn't either, and nobody's budget knows of that.
    """

    def __init__(
        self, prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver
    ) -> None:
        self._prometheus = prometheus
        self._alertmanager = alertmanager
        self._receiver = receiver
        self.stalled_s = 0.0

    @contextmanager
    def observing(self, wakings: Collection[Waking]) -> Iterator[None]:
        """Look on until the block ends, for the moments that nobody writes down."""
        over = threading.Event()
        self.stalled_s = 0.0

        def look_on() -> None:
            while not self._pause(over):
                try:
                    alerts = self._prometheus.alerts()
                except requests.RequestException:
                    continue  # it may be what is wrong
                now_ns = time.monotonic_ns()
                for waking in wakings:
                    states = {a["state"] for a in alerts if waking.matches(a["labels"])}
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

    def _pause(self, over: threading.Event) -> bool:
        """Wait until the next look, and see how much longer that was; whether it is the last."""
        began_s = time.monotonic()
        ended = over.wait(LOOK_INTERVAL_S)
        longer_s = time.monotonic() - began_s - LOOK_INTERVAL_S
        if longer_s > USUAL_S:
            self.stalled_s += longer_s
        return ended

    def open_alerts(self) -> frozenset[str]:
        """The names of the alerts that Prometheus or Alertmanager has, and that wake somebody."""
        both = (*self._prometheus.alerts(), *self._alertmanager.get("alerts"))
        return frozenset(
            alert["labels"]["alertname"] for alert in both if alert["labels"]["severity"] != NOBODY
        )

    def requests_per_s(self, job: str, window: str) -> float:
        """How often a service was asked in a window, as far as Prometheus knows."""
        found = self._prometheus.query(f'sum(rate(http_requests_total{{job="{job}"}}[{window}]))')
        return float(found[0]["value"][1]) if found else 0.0

    def find_visible(self, waking: Waking, expr: str) -> None:
        """Find out when an alert's expression held at first, by what Prometheus has kept."""
        # The monotonic clock is the receiver's and the keeper's; Prometheus has the wall's.
        ahead_ns = time.time_ns() - time.monotonic_ns()
        found = self._prometheus.get(
            "query_range",
            query=expr,
            start=f"{(waking.caused_ns + ahead_ns) / SECOND_NS:.3f}",
            end=f"{(waking.notified_ns + ahead_ns) / SECOND_NS:.3f}",
            step=f"{LOOK_INTERVAL_S}",
        )["result"]
        # An alert's own labels aren't its series'.
        moments = [
            float(series["values"][0][0])
            for series in found
            if all(waking.labels.get(k, v) == v for k, v in series["metric"].items())
        ]
        waking.visible_ns = int(min(moments) * SECOND_NS) - ahead_ns if moments else 0

    def told_between(self, begin_ns: int, end_ns: int) -> list[Mapping[str, str]]:
        """The labels of the alerts that whoever is woken was told of for a while."""
        return [
            alert["labels"]
            for alert in self._receiver.alerts()
            if begin_ns <= alert["received_ns"] <= end_ns
            and alert["status"] == "firing"
            and alert["labels"]["severity"] != NOBODY
        ]

    # --- waiting

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
        # Of several parts the first is healed before the last: it may be over by then.
        found = self._await(waking, "resolved", waking.notified_ns, timeout_s)
        waking.resolved_ns = found["received_ns"]

    def await_silence(self, waking: Waking, timeout_s: float) -> None:
        """Wait until whoever is woken by the silence of the dead man's switch is.

        Raises:
            WaitTimeoutError: There are heartbeats still.
        """

        def look() -> None:
            heartbeat = self._receiver.heartbeat()
            if heartbeat.heard or heartbeat.age_s is None:
                raise NotYetError(f"{heartbeat}")
            since_ns = int((heartbeat.age_s - heartbeat.age_max_s) * SECOND_NS)
            waking.notified_ns = time.monotonic_ns() - since_ns

        deadline = Deadline.after(timeout_s)
        what = "the dead man's switch to be silent"
        wait_for(look, deadline=deadline, what=what, retry_on=LOST)

    def await_heard(self, waking: Waking, timeout_s: float) -> None:
        """Wait until the dead man's switch is heard again.

        Raises:
            WaitTimeoutError: It isn't in time.
        """

        def look() -> None:
            heartbeat = self._receiver.heartbeat()
            if not heartbeat.heard:
                raise NotYetError(f"{heartbeat}")
            waking.resolved_ns = time.monotonic_ns()

        deadline = Deadline.after(timeout_s)
        what = "the dead man's switch to be heard again"
        wait_for(look, deadline=deadline, what=what, retry_on=LOST)

    def await_firing(self, waking: Waking, timeout_s: float) -> None:
        """Wait until it fires in Prometheus, whoever is told.

        Raises:
            WaitTimeoutError: It doesn't in time.
        """

        def look() -> None:
            if not waking.firing_ns:
                raise NotYetError("it is pending" if waking.pending_ns else "it isn't there")

        wait_for(
            look,
            deadline=Deadline.after(timeout_s),
            what=f"{dict(waking.labels)} to fire",
            describe=lambda: story_of(self._alertmanager, self._prometheus, **waking.labels),
        )

    def await_quiet(self, timeout_s: float) -> None:
        """Wait until no alert is pending or firing.

        Raises:
            WaitTimeoutError: Some is still.
        """

        def look() -> None:
            found = self.open_alerts()
            if found:
                raise NotYetError(f"{sorted(found)} are there")

        wait_for(
            look,
            deadline=Deadline.after(timeout_s),
            what="all alerts to be over",
            retry_on=LOST,
        )

    def await_inhibited(self, waking: Waking, timeout_s: float) -> Mapping[str, Any]:
        """Wait until Alertmanager says that another alert holds it back; what it says.

        Raises:
            WaitTimeoutError: It doesn't have it, or holds it back by nothing.
        """

        def look() -> Mapping[str, Any]:
            found = [a for a in self._alertmanager.get("alerts") if waking.matches(a["labels"])]
            for alert in found:
                status: Mapping[str, Any] = alert["status"]
                if status["state"] == "suppressed" and status["inhibitedBy"]:
                    return status
            raise NotYetError(f"Alertmanager has {[each['status'] for each in found]}")

        return wait_for(
            look,
            deadline=Deadline.after(timeout_s),
            what=f"{dict(waking.labels)} to be held back",
            retry_on=LOST,
        )

    # --- seeing that nothing is

    def expect_quiet(self, for_s: float) -> None:
        """See that no alert is pending or firing for so long, nor was between two looks.

        Raises:
            TerminalStateError: One is, or was.
            WaitTimeoutError: There are no answers in the end.
        """

        def look() -> None:
            found = self.open_alerts()
            if found:
                raise TerminalStateError(f"{sorted(found)} are there, and nothing is wrong")

        self._look_on(look, for_s, "time to pass without an alert")
        # Prometheus writes down at each evaluation what is pending: a look may have been lost.
        was = f'count_over_time(ALERTS{{severity!="{NOBODY}"}}[{math.floor(for_s)}s])'
        kept = wait_for(
            lambda: self._prometheus.query(was),
            deadline=Deadline.after(UNANSWERED_S),
            what="Prometheus to tell what it has kept",
            retry_on=LOST,
        )
        found = sorted({series["metric"]["alertname"] for series in kept})
        if found:
            raise TerminalStateError(f"{found} were there, and nothing was wrong")

    def expect_untold(self, waking: Waking, for_s: float) -> None:
        """See that whoever is woken isn't told of an alert for so long, from its cause on.

        Raises:
            TerminalStateError: They are.
        """

        def look() -> None:
            for alert in self._receiver.alerts():
                if alert["received_ns"] >= waking.caused_ns and waking.matches(alert["labels"]):
                    raise TerminalStateError(f"whoever is woken was told of {alert['labels']}")

        self._look_on(look, for_s, f"time to pass without being told of {dict(waking.labels)}")

    @staticmethod
    def _look_on(look: Callable[[], None], for_s: float, what: str) -> None:
        """Look again and again, for so long; at its end somebody has to answer."""
        until_s = time.monotonic() + for_s

        def still() -> None:
            look()
            left_s = until_s - time.monotonic()
            if left_s > 0:
                raise NotYetError(f"{left_s:.1f} s are left")

        wait_for(
            still,
            deadline=Deadline.after(for_s + UNANSWERED_S),
            what=what,
            retry_on=LOST,
        )

    def hears_the_switch(self) -> bool:
        """Whether there are heartbeats."""
        return self._receiver.heartbeat().heard

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
            retry_on=LOST,
        )
