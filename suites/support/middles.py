"""Middles: what is broken, of every kind that this machine has, while somebody is killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BREAKS", "CLUSTER_BREAKS", "KINDS", "MARK", "WORKER", "Break"]

# Variables of a run that is to be killed: the kinds that it breaks, and the file that says that all
# of them have landed.
KINDS, MARK = "MIDDLE_KINDS", "MIDDLE_MARK"


# As a target: a node of the cluster that works; what it is called only the environment knows.
WORKER = "a worker"


@dataclass(frozen=True)
class Break:
    """What a kind of fault is done to, and what it is told.

    Attributes:
        fault: Its kind, where that isn't its name.
    """

    resource: str
    target: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


# By the kind. What is killed or asked to end is there again within a second or two: not the broker,
# whose own time is longer than what is promised of a dead run.
BREAKS: Mapping[str, Break] = {
    "kill": Break("receiver"),
    "terminate": Break("alertmanager"),
    "pause": Break("broker"),
    "exhaust": Break("node-exporter"),
    "isolate": Break("relay", "broker-1"),
    "blackhole": Break("relay", "broker-1"),
    "slow": Break("relay", "broker-1", {"delay_ms": 400}),
    "limit": Break("relay", "broker-1", {"bytes_per_s": 1000}),
    "fill": Break("volume", parameters={"share": 0.9}),
    "misconfigure": Break("prometheus", "receiver"),
}

# On a cluster, by a name. What freezes a node comes last: nobody enters it any more then.
CLUSTER_BREAKS: Mapping[str, Break] = {
    "kill": Break("receiver"),
    "terminate": Break("exporter"),
    "crash": Break("receiver"),
    "pause": Break("broker"),
    "isolate": Break("receiver"),
    "names": Break("cluster", "dns", fault="isolate"),
    "blackhole": Break("relay", "broker-1"),
    "slow": Break("relay", "broker-1", {"delay_ms": 400}),
    "limit": Break("relay", "broker-1", {"bytes_per_s": 1000}),
    "scale": Break("alertmanager", parameters={"replicas": 0}),
    "fill": Break("volume", parameters={"share": 0.9}),
    "misconfigure": Break("hello-world", "PORT"),
    "drain": Break("cluster", WORKER),
    "freeze": Break("cluster", WORKER),
}
