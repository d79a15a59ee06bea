"""A cluster as the resources in it see it, inside the keeper."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from groundwork.artifacts import Artifact
from groundwork.base.errors import UsageError
from groundwork.base.footprint import Footprint
from groundwork.clusters.podwatch import PodWatch
from groundwork.declare.stage import Stage
from groundwork.kube.client import ClusterIdentity, Kube
from groundwork.kube.objects import Object
from groundwork.kube.pods import RESOURCE
from groundwork.kube.tunnel import Tunnel

__all__ = ["Cluster", "refuse_entry"]

# Several resources ask for their share of the same figures at the same moment.
FIGURES_LIVE_S = 2.0


def refuse_entry(node: str, *argv: str) -> str:
    """Nobody enters the nodes of this cluster.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"node {node} can't be entered, to run {argv[0]} there")


def pull(stage: Stage, images: Iterable[Artifact]) -> None:
    """Nodes pull what they run."""
    del stage, images


@dataclass
class Cluster:
    """What the ``handle`` of a cluster's stage holds once it is ready.

    Attributes:
        kube: The client.
        pods: What the environment's pods are doing.
        identity: Who the cluster is; recorded when it was made or consented to.
        nodes: The names of its nodes.
        manifests: All objects of the environment, as rendered; each resource applies its own.
        tunnels: What leads ports of this machine into it.
        load: Gives every node images, of a resource's artifacts, that no registry has.
        enter: Runs a command on a node, and returns its output; refuses where nodes can't be
            entered.
        record: What a remover needs to know of it, where it outlives the environment; else empty.
        frozen: The nodes of the containers that were frozen on purpose, by the container's id.
        scaled: What was scaled on purpose, by resource.
        crashed: The pods of the containers that were killed on purpose, by the container's id, of
            each resource.
        isolated: The resources whose pods were cut off on purpose.
        misconfigured: The config maps that hold nonsense on purpose, as they were, by resource.
    """

    kube: Kube
    pods: PodWatch
    identity: ClusterIdentity
    nodes: tuple[str, ...] = ()
    manifests: tuple[Object, ...] = ()
    tunnels: list[Tunnel] = field(default_factory=list)
    load: Callable[[Stage, Iterable[Artifact]], None] = pull
    enter: Callable[..., str] = refuse_entry
    record: Mapping[str, Any] = field(default_factory=dict)
    frozen: dict[str, str] = field(default_factory=dict)
    scaled: dict[str, list[Any]] = field(default_factory=dict)
    crashed: dict[str, dict[str, str]] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    misconfigured: dict[str, Object] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _footprints: Mapping[str, Footprint] = field(default_factory=dict, repr=False)
    _footprints_at_s: float = 0.0

    def close(self) -> None:
        """End the watch over the pods, and every tunnel into the cluster."""
        self.pods.stop()
        for tunnel in self.tunnels:
            tunnel.close()

    def footprint(self, resource: str) -> Footprint:
        """What a resource's pods take; nothing where the kubelets can't tell."""
        with self._lock:
            if time.monotonic() - self._footprints_at_s > FIGURES_LIVE_S:
                try:
                    self._footprints = self.kube.pods.footprints()
                except Exception:  # noqa: BLE001 - a figure for the table, never a failure
                    self._footprints = {}
                self._footprints_at_s = time.monotonic()
            names = [f"{pod.namespace}/{pod.name}" for pod in self.pods.of(resource)]
            return Footprint.of_all(self._footprints.get(name, Footprint()) for name in names)

    def objects_of(self, resource: str) -> list[Object]:
        """The objects that carry a resource's label, in the order in which they can be applied."""
        return [
            body
            for body in self.manifests
            if (body["metadata"].get("labels") or {}).get(RESOURCE) == resource
        ]
