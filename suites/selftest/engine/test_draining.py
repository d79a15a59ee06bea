"""Draining a node: all that may leave does, though one may not yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubernetes.client import ApiClient, ApiException

from groundwork.base.errors import WaitTimeoutError
from groundwork.clusters import draining
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.draining import GRACE_S, drain
from groundwork.clusters.podwatch import PodWatch
from groundwork.kube.client import ClusterIdentity, Kube
from groundwork.kube.connection import Connection
from groundwork.kube.pods import Pods


def pod(name: str, owner: str = "ReplicaSet", phase: str = "Running") -> Any:
    """A pod, as the API's library has it."""
    return SimpleNamespace(
        metadata=SimpleNamespace(
            name=name,
            namespace="infra",
            uid=f"uid-{name}",
            labels={},
            deletion_timestamp=None,
            owner_references=[SimpleNamespace(kind=owner)] if owner else None,
        ),
        spec=SimpleNamespace(node_name="one", containers=[], init_containers=None),
        status=SimpleNamespace(
            phase=phase,
            pod_ip="10.0.0.1",
            conditions=None,
            container_statuses=None,
            init_container_statuses=None,
        ),
    )


class Node:
    """A node's pods at the API server, and what is asked of it; some have a budget."""

    def __init__(self, *pods: Any) -> None:
        self.pods = list(pods)
        self.refused: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.cordons: list[str] = []
        self.expected: list[str] = []

    def list_pod_for_all_namespaces(self, *, field_selector: str, **_: object) -> Any:
        """Those of the node that is meant."""
        assert field_selector == "spec.nodeName=one"
        return SimpleNamespace(items=list(self.pods))

    def create_namespaced_pod_eviction(self, name: str, _: str, body: object, **__: object) -> None:
        """It leaves, unless its budget has none to spare."""
        if name in self.refused:
            raise ApiException(status=429, reason="Too Many Requests")
        self.asked.append(ApiClient().sanitize_for_serialization(body))
        self.pods = [each for each in self.pods if each.metadata.name != name]

    def cordon(self, node: str) -> None:
        """Nothing more is placed there."""
        assert len(self.pods) > 0, "it was emptied before it was cordoned"
        self.cordons.append(node)

    def expect(self, uid: str) -> None:
        """This one's end is no death."""
        self.expected.append(uid)

    def cluster(self) -> Cluster:
        """The cluster of it."""
        pods = Pods(cast("Connection", SimpleNamespace(core=self, talker=None)))
        kube = cast("Kube", SimpleNamespace(pods=pods, cordon=self.cordon))
        return Cluster(kube, cast("PodWatch", self), ClusterIdentity("uid", "ca"))


def test_what_belongs_to_a_node_stays_there_and_the_rest_leaves() -> None:
    """The very pods, each with a grace that a hook can wait for, after nothing more may come."""
    node = Node(
        pod("daemon", "DaemonSet"), pod("static", "Node"), pod("done", "Job", "Succeeded"),
        pod("server"), pod("bare", ""),
    )  # fmt: skip
    drain(node.cluster(), "one")
    assert node.cordons == ["one"]
    assert [each["metadata"]["name"] for each in node.asked] == ["server", "bare"]
    assert node.expected == ["uid-server", "uid-bare"]
    for each in node.asked:
        told = each["deleteOptions"]
        assert told["gracePeriodSeconds"] == GRACE_S
        assert told["preconditions"] == {"uid": f"uid-{each['metadata']['name']}"}


def test_one_that_may_not_leave_keeps_no_other_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by its name, and why."""
    monkeypatch.setattr(draining, "EMPTY_TIMEOUT_S", 0.1)
    node = Node(pod("kept"), pod("server"))
    node.refused = {"kept"}
    with pytest.raises(WaitTimeoutError, match="kept: the API server says: 429 Too Many Requests"):
        drain(node.cluster(), "one")
    assert [each["metadata"]["name"] for each in node.asked] == ["server"]
