"""Who looks at a fault: at processes of this machine, or at pods."""

from __future__ import annotations

from chaos import evidence
from chaos.podwitness import POD_WITNESSES, pod_witness_of
from chaos.sightings import Witness
from groundwork.keep.messages import Status

__all__ = ["WITNESSED", "witness_of"]

# What somebody can witness, on one platform or another.
WITNESSED = tuple(dict.fromkeys((*evidence.WITNESSES, *POD_WITNESSES)))


def witness_of(fault: str, resource: str, target: str, status: Status) -> Witness:
    """Who looks at a fault of a resource, on the platform that there is.

    Raises:
        UsageError: Nobody can, or there is no such target.
    """
    if status.platform == "local":
        return evidence.witness_of(fault, resource, target, status)
    return pod_witness_of(fault, resource, target, status)
