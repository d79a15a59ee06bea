"""Configuring: a config map holds nonsense, as by somebody's mistake, and is rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundwork.base.errors import UsageError
from groundwork.clusters.cluster import Cluster
from groundwork.declare.stage import Stage
from groundwork.kube.client import Kube
from groundwork.kube.connection import NOT_FOUND, KubeError
from groundwork.kube.guard import recorded
from groundwork.kube.objects import Object

__all__ = ["misconfigure", "roll_back"]

KIND = "config map"


def misconfigure(stage: Stage, cluster: Cluster, body: Object, key: str) -> None:
    """Apply a config map with nothing behind one of its keys; whoever runs has the old one still.

    In a cluster that stays it is on record as it was, for whoever sweeps.

    Raises:
        UsageError: It has no such key.
        KubeError: The server refused.
    """
    if key not in body["data"]:
        known = ", ".join(sorted(body["data"]))
        raise UsageError(f"misconfigure of {stage.resource}: say which of {known} is to be empty")
    if cluster.record:
        remover = f"{__name__}:restore"
        told = {"body": body, "resource": stage.resource, **cluster.record}
        stage.intend(KIND, name_of(body), remover, **told)
    cluster.misconfigured[stage.resource] = body
    cluster.kube.objects.apply([body | {"data": body["data"] | {key: ""}}])


def roll_back(stage: Stage, cluster: Cluster) -> None:
    """Apply the config map as it was, and replace what doesn't run by it; nothing where it is so.

    Raises:
        KubeError: The server refused.
    """
    body = cluster.misconfigured.get(stage.resource)
    if body is None:
        return
    cluster.kube.objects.apply([body])
    for pod in cluster.pods.of(stage.resource):
        if not pod.ready:  # its kubelet would make it wait, longer from time to time
            cluster.pods.expect(pod.uid)
            cluster.kube.pods.delete(pod)
    if cluster.record:
        stage.undone(KIND, name_of(body))
    del cluster.misconfigured[stage.resource]


def name_of(body: Object) -> str:
    """What the ledger calls it."""
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


def restore(name: str, record: Mapping[str, Any]) -> None:
    """Roll back what the ledger tells of, in the cluster that it was done in; a remover.

    Raises:
        ProvisionError: The API server is another cluster's now.
        KubeError: The server refused.
    """
    kube: Kube = recorded(record)
    space, _, name = name.partition("/")
    try:
        kube.objects.get("v1", "ConfigMap", name, space)
    except KubeError as error:
        if error.status == NOT_FOUND:  # it is gone with all that was made there
            return
        raise
    kube.objects.apply([record["body"]])
    for pod in kube.pods.of(record["resource"]):
        if not pod.ready:
            kube.pods.delete(pod)
