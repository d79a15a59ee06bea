"""The warm-up: until clients get on as they will and no alert is on its way; and the baseline."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import requests

from chaos.recorder import Acknowledged
from fixtures.declared.rules import NOBODY
from fixtures.resources.prometheus import Prometheus
from groundwork.checkers.outage import BASELINE_MS_MAX

__all__ = ["BASELINES", "await_steady", "calm_of", "on_their_way", "take_baseline"]

MS_NS = 1_000_000

# Clients look for their coordinators, groups for their members, and a broker has to be compiled: it
# begins when 99 of 100 were acknowledged within that in three seconds in a row.
CALM_NS = 100_000_000
CALM_WINDOWS = 3
WARM_UP_MAX_S = 30

# Three brokers beside a control plane are cold for a minute on two cores; warm, 99 of 100 take 150
# to 200 ms. Half of what nothing can be said beyond: more, and the baseline would be that at times.
CLUSTER_CALM_NS = 250_000_000
CLUSTER_WARM_UP_MAX_S = 60

# A busy machine spoils one now and then, and has spoilt three in a row where it is too busy.
BASELINES = 3


def calm_of(platform: str) -> tuple[int, int]:
    """In how many ns 99 of 100 are acknowledged where all is calm; how many s it may take to be."""
    if platform == "local":
        return CALM_NS, WARM_UP_MAX_S
    return CLUSTER_CALM_NS, CLUSTER_WARM_UP_MAX_S


def on_their_way(prometheus: Prometheus) -> list[str]:
    """The alerts that somebody may soon be told of; that it doesn't answer is one, too."""
    try:
        found = [each["labels"] for each in prometheus.alerts()]
    except requests.RequestException as error:
        return [str(error)]
    return [each["alertname"] for each in found if each["severity"] != NOBODY]


def await_steady(
    platform: str,
    fresh: Callable[[], Sequence[Acknowledged]],
    alerts: Callable[[], Sequence[str]],
    pause: Callable[[float], object],
) -> int:
    """Wait until all is calm, for three seconds in a row, but no longer than may be.

    A group whose members come for the first time falls behind, and an alert says so; what is told
    of that is no fault's.

    Args:
        platform: Where it is.
        fresh: What was acknowledged since it was asked last.
        alerts: The alerts that are on their way.
        pause: Lets so many seconds pass.

    Returns:
        When that was, on the machine's monotonic clock; 0 for never. Then the baseline is what it
        is, and the conclusion says so.
    """
    calm_ns, seconds = calm_of(platform)
    calm = 0
    for _ in range(seconds):
        pause(1.0)
        calm = 0 if slower(fresh(), calm_ns) or alerts() else calm + 1
        if calm == CALM_WINDOWS:
            return time.monotonic_ns()
    return 0


def take_baseline(take: Callable[[], None], fresh: Callable[[], Sequence[Acknowledged]]) -> int:
    """Take a baseline, and another where nothing can be said by it: three at the most.

    Nothing is broken yet, so that what makes it slow is no fault's.

    Args:
        take: Lets clients get on meanwhile.
        fresh: What was acknowledged since it was asked last.

    Returns:
        How many were taken. The last is the one that counts, whatever it is like.
    """
    for number in range(1, BASELINES):
        fresh()
        take()
        if not slower(fresh(), round(BASELINE_MS_MAX * MS_NS)):
            return number
    take()
    return BASELINES


def slower(sends: Sequence[Acknowledged], limit_ns: int) -> bool:
    """Whether 99 of 100 took longer than that, or there were none."""
    took_ns = sorted(each.at_ns - each.sent_ns for each in sends)
    return not took_ns or took_ns[math.ceil(len(took_ns) * 99 / 100) - 1] > limit_ns
