"""Who looks at a fault: at processes of this machine and their disks, or at a cluster."""

from __future__ import annotations

from chaos import evidence
from chaos.clusterwitness import CLUSTER_WITNESSES, calm_pods_of, cluster_witness_of
from chaos.sightings import Witness
from chaos.standing import LINKS, STANDING, standing_witness_of
from fixtures.scratch import ScratchTopic
from groundwork.keep.messages import Status

__all__ = ["calm_witness_of", "witness_of", "witnessed"]

# What somebody can witness of most resources, on one platform or another.
COMMON = tuple(dict.fromkeys((*evidence.WITNESSES, *CLUSTER_WITNESSES)))


def witnessed(resource: str) -> tuple[str, ...]:
    """The faults of a resource that somebody can witness."""
    return STANDING.get(resource, COMMON)


def witness_of(
    fault: str, resource: str, target: str, status: Status, topic: ScratchTopic
) -> Witness:
    """Who looks at a fault of a resource, on the platform that there is.

    Args:
        fault: Its name.
        resource: What is broken.
        target: Which part of it.
        status: The keeper's.
        topic: The workload's.

    Raises:
        UsageError: Nobody can, or there is no such target.
    """
    local = status.platform == "local"
    if resource == LINKS or (local and resource in STANDING):
        return standing_witness_of(resource, target, status, topic)
    if local:
        return evidence.witness_of(fault, resource, target, status)
    return cluster_witness_of(fault, resource, target, status)


def calm_witness_of(resource: str, status: Status) -> Witness:
    """Who looks whether nothing befalls a resource."""
    if status.platform == "local":
        told = {each.name: each for each in status.resources}
        return evidence.Calm(evidence.addresses_of(told[resource], ""))
    return calm_pods_of(resource, status)
