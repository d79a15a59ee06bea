"""Scaling: a workload is given another number of pods, and its own again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundwork.base.errors import UsageError
from groundwork.clusters.cluster import Cluster
from groundwork.declare.stage import Stage
from groundwork.kube.connection import NOT_FOUND, KubeError
from groundwork.kube.guard import recorded

__all__ = ["Scaled", "scale", "scale_back"]

# What has a number of pods.
KINDS = ("Deployment", "StatefulSet")


@dataclass(frozen=True)
class Scaled:
    """A workload that was scaled on purpose.

    Attributes:
        replicas: How many it had.
    """

    kind: str
    namespace: str
    name: str
    replicas: int

    def __str__(self) -> str:
        """What the ledger calls it."""
        return f"{self.kind} {self.namespace}/{self.name}"


def scale(stage: Stage, cluster: Cluster, replicas: int) -> None:
    """Have so many pods of what a stage's resource consists of.

    In a cluster that stays it is on record how many there were, for whoever sweeps.

    Raises:
        UsageError: Nothing of it has a number of pods.
        KubeError: The server refused.
    """
    bodies = [body for body in cluster.objects_of(stage.resource) if body["kind"] in KINDS]
    if not bodies:
        raise UsageError(f"scale of {stage.resource}: it is no {' or '.join(KINDS)}")
    already = {str(each) for each in cluster.scaled.get(stage.resource, ())}
    for body in bodies:
        kind, metadata = body["kind"], body["metadata"]
        space, name = metadata["namespace"], metadata["name"]
        live = cluster.kube.objects.get("apps/v1", kind, name, space)
        was = Scaled(kind, space, name, int(live.spec.replicas))
        if str(was) not in already:  # scaled twice it had what it had before the first time
            if cluster.record:
                remover = f"{__name__}:restore"
                stage.intend("scale", str(was), remover, replicas=was.replicas, **cluster.record)
            cluster.scaled.setdefault(stage.resource, []).append(was)
        cluster.kube.objects.scale(kind, name, space, replicas)


def scale_back(stage: Stage, cluster: Cluster) -> None:
    """Have as many pods as before; does nothing where that is so.

    Raises:
        KubeError: The server refused.
    """
    for was in tuple(cluster.scaled.get(stage.resource, ())):
        cluster.kube.objects.scale(was.kind, was.name, was.namespace, was.replicas)
        if cluster.record:
            stage.undone("scale", str(was))
        cluster.scaled[stage.resource].remove(was)


def restore(name: str, record: Mapping[str, Any]) -> None:
    """Scale back what the ledger tells of, in the cluster that it was scaled in; a remover.

    Raises:
        ProvisionError: The API server is another cluster's now.
        KubeError: The server refused.
    """
    kind, _, rest = name.partition(" ")
    space, _, name = rest.partition("/")
    kube = recorded(record)
    try:
        kube.objects.scale(kind, name, space, int(record["replicas"]))
    except KubeError as error:
        if error.status != NOT_FOUND:  # it is gone with all that was made there
            raise
