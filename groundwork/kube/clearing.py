"""Clearing: removing all objects of one environment from a cluster that stays."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.objects import Objects, Owned

__all__ = ["clear"]


def clear(objects: Objects, timeout_s: float) -> None:
    """Delete all that their owner has, and wait until they are gone.

    Namespaces with volumes go first: what provides volumes must be there to take them back.

    Raises:
        KubeError: The server refused a deletion.
        WaitTimeoutError: Something isn't gone in time; says what holds it.
    """
    deadline = Deadline.after(timeout_s)
    claiming = objects.claiming_namespaces()
    first = [each for each in objects.owned() if each.kind == "Namespace" and each.name in claiming]
    delete_and_wait(objects, first, frozenset(each.name for each in first), deadline)
    delete_and_wait(objects, list(objects.owned()), frozenset(), deadline)


def delete_and_wait(
    objects: Objects, things: list[Owned], namespaces: AbstractSet[str], deadline: Deadline
) -> None:
    """Delete objects; they are gone when no volume is claimed from these namespaces, too."""
    for each in things:
        objects.delete(each.api_version, each.kind, each.name, each.namespace)
    uids = {each.uid for each in things}

    def look() -> None:
        left = [
            f"{each} is held by {each.held_by or 'nothing that the server tells'}"
            for each in objects.owned()
            if each.uid in uids
        ]
        left += [f"volume {name} still has its claim" for name in objects.volumes_of(namespaces)]
        if left:
            raise NotYetError("; ".join(left))

    wait_for(look, deadline=deadline, what="what was made in the cluster to be gone")
