"""Paging: hears for a while what whoever is woken is told, silence among it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests

from fixtures.declared.rules import NOBODY
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.paging import Told, over_of
from suites.support.meanwhile import meanwhile
from suites.support.rounds import HEARTBEAT
from suites.support.wakings import Observer

__all__ = ["Pager"]

# The receiver is asked so often whether the switch is heard: what is measured is off by as much.
LOOK_INTERVAL_S = 0.2

# What of an earlier test is still there has ended by then: its own test has waited for that.
QUIET_TIMEOUT_S = 60.0

# Beyond the limit, so that what is late is told with how late it was.
LATE_S = 10.0


class Pager:
    """Whoever is woken, and what they hear.

    Args:
        prometheus: Where alerts begin.
        alertmanager: Who tells of them.
        receiver: Who is told.
    """

    def __init__(
        self, prometheus: Prometheus, alertmanager: Alertmanager, receiver: Receiver
    ) -> None:
        self._observer = Observer(prometheus, alertmanager, receiver)
        self._receiver = receiver
        self._silences: list[Told] = []
        self._begin_ns = 0

    def await_calm(self, for_s: float) -> None:
        """Wait until no alert was there for so long: what a start does is in rates for a while.

        Raises:
            WaitTimeoutError: There is always one.
        """
        since_s = time.monotonic()

        def look() -> None:
            nonlocal since_s
            found = self._observer.open_alerts()
            since_s = time.monotonic() if found else since_s
            if time.monotonic() - since_s < for_s:
                raise NotYetError(f"{sorted(found)} are there")

        deadline = Deadline.after(for_s + QUIET_TIMEOUT_S)
        wait_for(
            look,
            deadline=deadline,
            what=f"{for_s:g} s without an alert",
            retry_on=(requests.RequestException,),
        )

    def await_quiet(self) -> None:
        """Wait until no alert is there, and the dead man's switch is heard.

        Raises:
            WaitTimeoutError: One is still.
        """
        self._observer.await_quiet(QUIET_TIMEOUT_S)

        def look() -> None:
            if not self._observer.hears_the_switch():
                raise NotYetError("it is silent")

        deadline = Deadline.after(QUIET_TIMEOUT_S)
        wait_for(look, deadline=deadline, what="the dead man's switch to be heard")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear from now on until the block ends."""
        self._begin_ns, self._silences = time.monotonic_ns(), []

        def look_on(over: threading.Event) -> None:
            silent = False
            while not over.wait(LOOK_INTERVAL_S):
                with suppress(requests.RequestException):  # it is asked again
                    heard = self._receiver.heartbeat().heard
                    if heard == silent:
                        silent = not heard
                        told = Told(HEARTBEAT, "prometheus", "", silent, time.monotonic_ns())
                        self._silences.append(told)

        with meanwhile(look_on):
            yield

    def told(self) -> tuple[Told, ...]:
        """What was told since they listen."""
        notified = [
            Told(
                each["labels"]["alertname"],
                each["labels"].get("group") or each["labels"].get("job", ""),
                str(sorted(each["labels"].items())),
                each["status"] == "firing",
                each["received_ns"],
            )
            for each in self._receiver.alerts()
            if each["received_ns"] >= self._begin_ns and each["labels"]["severity"] != NOBODY
        ]
        return (*notified, *self._silences)

    def await_over(self, healed_ns: int, within_s: float) -> tuple[Told, ...]:
        """Wait until all that was told is over, or should have been; what was told.

        Args:
            healed_ns: When what was broken was healed.
            within_s: How soon after that all is to be over.
        """
        passed_s = (time.monotonic_ns() - healed_ns) / SECOND_NS

        def look() -> None:
            open_ = self._observer.open_alerts()
            told = self.told()
            if open_ or (told and over_of(told, healed_ns) is None):
                raise NotYetError(f"{sorted(open_)} are there, of {len(told)} told")

        deadline = Deadline.after(max(0.0, within_s - passed_s) + LATE_S)
        with suppress(WaitTimeoutError):  # what isn't over is seen by whoever judges
            wait_for(
                look,
                deadline=deadline,
                what="all alerts to be over",
                retry_on=(requests.RequestException,),
            )
        return self.told()
