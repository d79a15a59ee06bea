"""A Kubernetes as a resource: made by a provider, watched, filled, gone with its environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groundwork.artifacts import Artifact
from groundwork.base.errors import NotYetError, TerminalStateError
from groundwork.base.footprint import Footprint
from groundwork.base.process import ProcessFailedError
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.nodefaults import NodeFaults, unready
from groundwork.clusters.podwatch import PodWatch
from groundwork.clusters.provider import Provider, Wanted
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object

__all__ = ["APPLIED", "Kubernetes"]

# In the cluster's folder: every object as it was applied, one a line, for whoever compares.
APPLIED = "applied.jsonl"

# What a process ends with that was killed.
KILLED = 137


@dataclass(frozen=True)
class Kubernetes(NodeFaults, Resource):
    """A cluster that other resources live in.

    Attributes:
        provider: How it comes to be.
        nodes: How many it must have; 0 for as many as there are.
        node_ports: The node port behind each port of the resources in the cluster.
    """

    provider: Provider
    nodes: int
    node_ports: Wanted
    name: str = "cluster"
    artifacts: tuple[Artifact, ...] = ()
    ports: tuple[str, ...] = ()
    ready_timeout_s: float = 180.0
    stop_grace_s: float = 60.0
    hint: str = "is the machine short of memory or disk? --nodes 1 needs the least"

    def judge(self, stage: Stage) -> None:
        """Render what is to be applied: what can't be rendered needn't have a cluster made."""
        stage.judged = tuple(self.render(stage))

    def launch(self, stage: Stage) -> None:
        """Have the provider make the cluster, and record who it is."""
        name = name_of(stage)
        stage.intend("cluster", name, self.provider.remover, **self.provider.record(stage))
        shape = f", {self.nodes} node{'s' if self.nodes > 1 else ''}" if self.nodes else ""
        stage.step(f"{self.provider.title()}{shape}")
        kubeconfig = self.provider.create(stage, name, self.node_ports)
        applied = stage.workdir / APPLIED
        kube = Kube(kubeconfig, stage.workdir / "discovery.json", stage.token, applied)
        identity = kube.identity()
        stage.identify("cluster", name, uid=identity.uid, ca_sha256=identity.ca_sha256)
        stage.step(f"{kube.server()} answers, waiting for its nodes and its own pods")

        def unreachable() -> None:
            for node in self.provider.lost(name):
                stage.died(node, KILLED)

        record = self.provider.record(stage)
        stage.handle = Cluster(
            kube,
            PodWatch(kube.pods, stage.died_of, unreachable),
            identity,
            load=lambda asker, images: self.provider.load(asker, name, images),
            enter=self.provider.enter,
            record=record and {**record, "uid": identity.uid, "ca_sha256": identity.ca_sha256},
        )

    def probe(self, stage: Stage) -> str:
        """All nodes are ready, and what Kubernetes itself runs on them."""
        cluster: Cluster = stage.handle
        nodes = cluster.kube.nodes()
        self.provider.settle(nodes)
        waiting = [f"{node.metadata.name} ({why})" for node in nodes if (why := unready(node))]
        if waiting or not nodes or len(nodes) < self.nodes:
            joined = f"{len(nodes)} of {self.nodes or len(nodes)} nodes joined"
            raise NotYetError(f"{joined}, not ready: {', '.join(waiting) or 'none'}")
        system = [pod.name for pod in cluster.kube.pods.of_system() if not pod.ready]
        if system:  # who starts before the nodes know each other's services waits half a minute
            raise NotYetError(f"not ready: {', '.join(system)}")
        count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
        return f"Kubernetes {cluster.kube.version()}, {count}, {self.provider.title()}"

    def configure(self, stage: Stage) -> None:
        """Begin to watch the environment's pods, and apply what belongs to no resource."""
        cluster: Cluster = stage.handle
        cluster.nodes = tuple(node.metadata.name for node in cluster.kube.nodes())
        cluster.pods.start()
        rendered: tuple[Object, ...] = stage.judged
        cluster.manifests = tuple(self.provider.adapt(body) for body in rendered)
        stage.step(f"making {len(cluster.manifests)} objects in it")
        cluster.kube.objects.apply(cluster.objects_of(self.name))
        self.provider.expose(stage, cluster, rendered, self.node_ports)

    def render(self, stage: Stage) -> Iterable[Object]:
        """All objects of the environment; those labelled with the cluster's name are its own."""
        del stage
        return ()

    def endpoints(self, stage: Stage) -> dict[str, Endpoint]:
        """The API server; the kubeconfig, for people."""
        cluster: Cluster = stage.handle
        return {
            "api": Endpoint(cluster.kube.server()),
            "kubeconfig": Endpoint(str(cluster.kube.kubeconfig)),
        }

    def check_alive(self, stage: Stage) -> None:
        """A node that has stopped won't come back by itself."""
        try:
            ended = self.provider.lost(name_of(stage))
        except ProcessFailedError:
            return  # an engine that doesn't answer says nothing about its containers
        if ended:
            raise TerminalStateError(f"node {', '.join(ended)} has stopped")

    def logs(self, stage: Stage) -> str:
        """The last lines of each node's own log."""
        try:
            return self.provider.logs(name_of(stage))
        except ProcessFailedError as error:
            return f"--- {error}"

    def footprint(self, stage: Stage) -> Footprint:
        """Not counted: what the nodes take is what the pods do, which are counted each."""
        del stage
        return Footprint()

    def stop(self, stage: Stage, grace_s: float) -> None:
        """Look and lead there no more; its remover takes it away."""
        del grace_s  # a thrown-away node isn't shut down
        cluster: Cluster | None = stage.handle
        if cluster is not None:
            cluster.close()
        stage.stop(0)


def name_of(stage: Stage) -> str:
    """The cluster's name is its token: kind can't label one."""
    return f"groundwork-{stage.token}"
