"""Probes: what an experiment may ask whether all is steady, each of another source."""

from __future__ import annotations

import requests

from chaos.course import current
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["acknowledged", "metric"]

# Clients of a broker that is well are acknowledged within milliseconds.
LOOK_S = 2.0

# A server is scraped every few seconds, and a rule of production's every 15.
STEADY_TIMEOUT_S = 60.0


def acknowledged(at_least: int) -> bool:
    """Whether clients get on: so many records are acknowledged within two seconds."""
    course = current()
    before = course.workload.recorder.acknowledged()
    try:
        course.await_progress(before + at_least, LOOK_S)
    except WaitTimeoutError:
        return False
    return True


def metric(query: str, wanted: float) -> float | None:
    """What Prometheus says, as soon as that is what is wanted; else after a minute what it is.

    Args:
        query: An expression with one value, or none.
        wanted: That value.
    """
    prometheus = Prometheus.of(current().client.await_ready("prometheus"))
    found: list[float] = []

    def look() -> None:
        series = prometheus.query(query)
        found[:] = [float(each["value"][1]) for each in series]
        if found != [wanted]:
            raise NotYetError(f"{query} is {found}")

    try:
        wait_for(
            look,
            deadline=Deadline.after(STEADY_TIMEOUT_S),
            what=f"{query} to be {wanted:g}",
            retry_on=(requests.RequestException,),
        )
    except WaitTimeoutError:
        return found[0] if len(found) == 1 else None
    return found[0]
