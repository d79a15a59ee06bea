"""A resource that is objects in a cluster: applied, watched, killed, and gone with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from groundwork.base.errors import GroundworkError, NotYetError, TerminalStateError
from groundwork.clusters.cluster import Cluster
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object
from groundwork.kube.pods import Pod

__all__ = ["Workload"]

# A container that ends more often doesn't come up: Kubernetes would go on trying for ever. One
# or two ends are normal where servers start together and some insist on others.
RESTARTS_MAX = 2

# Waiting reasons that don't go away by waiting.
HOPELESS = ("ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError")
UNPULLABLE = ("ErrImagePull", "ImagePullBackOff")


@dataclass(frozen=True)
class Workload(Resource):
    """Deployments, stateful sets and daemon sets with all that belongs to them.

    Attributes:
        name: The resource, and the value of the label ``groundwork.dev/resource`` on its objects
            and pods.
        pods: How many pods it has; 0 for one on every node.
    """

    name: str
    pods: int = 1
    host: str = "cluster"
    needs: tuple[str, ...] = ("cluster",)
    ports: tuple[str, ...] = ()
    usual_ports: Mapping[str, int] = field(default_factory=dict)
    ready_timeout_s: float = 120.0

    def objects(self, stage: Stage) -> Iterable[Object]:
        """What is to be applied, in order: its share of the rendered manifests."""
        return self.cluster(stage).objects_of(self.name)

    def version(self, stage: Stage) -> str:
        """Ask the server behind the pods who it is; raises what a probe may raise."""
        raise NotImplementedError

    def launch(self, stage: Stage) -> None:
        """Apply the workload's objects to its cluster."""
        self.cluster(stage).kube.objects.apply(self.objects(stage))

    def cluster(self, stage: Stage) -> Cluster:
        """The cluster that it lives in."""
        cluster: Cluster = stage.peer(self.host).handle
        return cluster

    def kube(self, stage: Stage) -> Kube:
        """The cluster's client."""
        return self.cluster(stage).kube

    def probe(self, stage: Stage) -> str:
        """All pods are ready, and the server answers."""
        cluster = self.cluster(stage)
        pods, wanted = cluster.pods.of(self.name), self.pods or len(cluster.nodes)
        for pod in pods:
            refuse_hopeless(pod)
        waiting = [f"{pod.name}: {pod.waiting or pod.phase}" for pod in pods if not pod.ready]
        if waiting or len(pods) != wanted:
            raise NotYetError(f"{len(pods)} of {wanted} pods, not ready: {waiting}")
        return self.version(stage)

    def check_alive(self, stage: Stage) -> None:
        """Looked at in the probe: a pod that has ended is started again by the cluster."""

    def logs(self, stage: Stage) -> str:
        """What the pods are doing, and their last log lines."""
        parts = []
        for pod in self.cluster(stage).pods.of(self.name):
            state = f"{pod.phase}, {pod.restarts} restarts"
            parts.append(f"--- {pod.name}: {state}{', ' + pod.waiting if pod.waiting else ''}")
            with contextlib.suppress(GroundworkError, OSError):
                parts.append(self.kube(stage).pods.log(pod, 20))
        return "\n".join(parts) or "--- no pods"

    def resident_bytes(self, stage: Stage) -> int:
        """Resident memory of all pods of the workload."""
        cluster: Cluster | None = stage.peer(self.host).handle
        return cluster.resident_bytes(self.name) if cluster is not None else 0

    def kill(self, stage: Stage, target: str) -> None:
        """Delete the named pod, or all, without grace: the kernel's SIGKILL."""
        cluster = self.cluster(stage)
        for pod in cluster.pods.of(self.name):
            if target in {"", pod.name}:
                cluster.pods.expect(pod.uid)
                cluster.kube.pods.delete(pod)

    def revive(self, stage: Stage, target: str) -> None:
        """The cluster does it: that is what it is for."""

    def stop(self, stage: Stage, grace_s: float) -> None:
        """Fetch the logs; the objects go with the cluster."""
        del grace_s
        cluster: Cluster | None = stage.peer(self.host).handle
        if cluster is None:
            return
        folder = stage.log_dir / self.name
        folder.mkdir(exist_ok=True)
        for pod in cluster.pods.of(self.name):
            with contextlib.suppress(GroundworkError, OSError):
                (folder / f"{pod.name}.log").write_text(cluster.kube.pods.log(pod))


def refuse_hopeless(pod: Pod) -> None:
    """Raise TerminalStateError for a pod that will never be ready."""
    if any(reason in pod.waiting for reason in UNPULLABLE):
        raise TerminalStateError(
            f"{pod.name}: its image can't be pulled ({pod.waiting}); can the nodes reach its "
            "registry, and is it there? See Images in the README"
        )
    if any(reason in pod.waiting for reason in HOPELESS):
        raise TerminalStateError(f"{pod.name}: {pod.waiting}")
    if pod.restarts > RESTARTS_MAX:
        raise TerminalStateError(
            f"{pod.name} has ended {pod.restarts} times, the last time with exit code "
            f"{pod.exit_code}"
        )
