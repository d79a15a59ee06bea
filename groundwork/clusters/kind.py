"""kind: a Kubernetes whose nodes are containers, of the run's own and gone with it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from groundwork import process
from groundwork.artifacts import Artifact
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.controlplane import ControlPlane
from groundwork.clusters.engine import Engine, examine_host, find_engine
from groundwork.clusters.kindchild import MAKING, PATIENCE_S
from groundwork.clusters.kindconfig import PackagesNode, PortMapping, kind_config
from groundwork.clusters.nodeimage import NodeImage
from groundwork.clusters.pods import PodWatch
from groundwork.errors import GroundworkError, NotYetError, ProvisionError, TerminalStateError
from groundwork.kube import Kube, Object
from groundwork.process import TOKEN, ProcessFailedError
from groundwork.resource import Resource
from groundwork.stage import Stage
from groundwork.wait import Deadline, wait_for

# What an engine's command leaves running: a container's supervisor, a name server of networks.
LASTING = frozenset({"conmon", "aardvark-dns"})

__all__ = ["KindCluster", "remove_cluster"]

# 49 s were measured for three nodes while two builds ran.
CREATE_TIMEOUT_S = 300.0
# The label that kind gives the nodes of a cluster.
KIND_LABEL = "io.x-k8s.kind.cluster"


@dataclass(frozen=True)
class KindCluster(Resource):
    """A kind cluster on a network of its own.

    Attributes:
        nodes: All nodes, the control plane among them.
        node_ports: The node port behind each port of the resources in the cluster.
        kubectl: The program that kind's class is given.
        node_image: Built from packages; None for kind's own.
        plane: What that node image is made of.
    """

    nodes: int
    node_ports: Mapping[tuple[str, str], int]
    kubectl: Path
    node_image: NodeImage | None = None
    plane: ControlPlane | None = None
    name: str = "cluster"
    artifacts: tuple[Artifact, ...] = ()
    ports: tuple[str, ...] = ("api",)
    ready_timeout_s: float = 180.0
    stop_grace_s: float = 60.0

    def launch(self, stage: Stage) -> None:
        """Make the network and the nodes."""
        engine = find_engine()
        name = cluster_name(stage)
        stage.intend("cluster", name)
        engine.make_network(name, stage.token)
        kubeconfig = stage.workdir / "kubeconfig"
        config = stage.workdir / "kind.yaml"
        config.write_text(yaml.safe_dump(self._config(stage) | {"name": name}, sort_keys=False))
        network = f"KIND_EXPERIMENTAL_{engine.name.upper()}_NETWORK"
        kind = stage.artifact("kind").program("kind")
        stage.run(
            [
                sys.executable, "-m", "groundwork.clusters.kindchild",
                name, kubeconfig, config, kind, self.kubectl,
            ],
            timeout_s=CREATE_TIMEOUT_S,
            env=dict(engine.settings) | {network: name, TOKEN: f"{MAKING}{name}"},
            lifeline_s=PATIENCE_S,
        )  # fmt: skip
        kube = Kube(kubeconfig, stage.workdir / "discovery.json", stage.token)
        identity = kube.identity()
        stage.identify("cluster", name, uid=identity.uid, ca_sha256=identity.ca_sha256)

        def lost() -> None:
            for node, running in engine.running(f"{KIND_LABEL}={name}").items():
                if not running:
                    stage.died(node, 137)

        stage.handle = Cluster(kube, PodWatch(kube, stage.died_of, lost), identity)

    def _config(self, stage: Stage) -> dict[str, Any]:
        packages = None
        if self.node_image is not None and self.plane is not None:
            packages = PackagesNode.of(self.node_image.reference, self.plane)
        return kind_config(
            examine_host(),
            nodes=self.nodes,
            api_port=stage.ports["api"],
            mappings=[
                PortMapping(stage.port_of(resource, port), number)
                for (resource, port), number in self.node_ports.items()
            ],
            packages=packages,
        )

    def probe(self, stage: Stage) -> str:
        """All nodes are ready, and what Kubernetes itself runs on them."""
        cluster: Cluster = stage.handle
        nodes = cluster.kube.nodes()
        if self.node_image is not None:
            route(find_engine(), nodes)
        waiting = [node.metadata.name for node in nodes if not is_ready(node)]
        if waiting or len(nodes) < self.nodes:
            raise NotYetError(f"{len(nodes)} of {self.nodes} nodes joined, not ready: {waiting}")
        system = [pod.name for pod in cluster.kube.system_pods() if not pod.ready]
        if system:  # who starts before the nodes know each other's services waits half a minute
            raise NotYetError(f"not ready: {', '.join(system)}")
        count = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        engine = find_engine()
        return f"Kubernetes {cluster.kube.version()}, {count}, kind on {engine.title}"

    def configure(self, stage: Stage) -> None:
        """Begin to watch the environment's pods, and apply what belongs to no resource."""
        cluster: Cluster = stage.handle
        cluster.nodes = tuple(node.metadata.name for node in cluster.kube.nodes())
        cluster.pods.start()
        cluster.manifests = tuple(self.render(stage))
        cluster.kube.apply(cluster.objects_of(self.name))

    def render(self, stage: Stage) -> Iterable[Object]:
        """All objects of the environment; those labelled with the cluster's name are its own."""
        del stage
        return ()

    def endpoints(self, stage: Stage) -> dict[str, str]:
        """The API server; the kubeconfig, for people."""
        return {
            "api": f"https://127.0.0.1:{stage.ports['api']}",
            "kubeconfig": str(stage.workdir / "kubeconfig"),
        }

    def check_alive(self, stage: Stage) -> None:
        """A node that has stopped won't come back by itself."""
        engine = find_engine()
        try:
            running = engine.running(f"{KIND_LABEL}={cluster_name(stage)}")
        except ProcessFailedError:
            return  # an engine that doesn't answer says nothing about its containers
        ended = [node for node, runs in running.items() if not runs]
        if ended:
            raise TerminalStateError(f"node {', '.join(ended)} has stopped")

    def logs(self, stage: Stage) -> str:
        """The last lines of each node's own log."""
        engine = find_engine()
        parts = []
        try:
            for node in engine.running(f"{KIND_LABEL}={cluster_name(stage)}"):
                text = engine.run("logs", "--tail", "10", node, check=False)
                parts.append(f"--- last log lines of {node}\n{text}")
        except ProcessFailedError as error:
            parts.append(f"--- {error}")
        return "\n".join(parts)

    def resident_bytes(self, stage: Stage) -> int:
        """Not counted: the nodes' memory is that of the pods, which are counted each."""
        del stage
        return 0

    def stop(self, stage: Stage, grace_s: float) -> None:
        """Remove the nodes and the network."""
        del grace_s  # a thrown-away node isn't shut down
        cluster: Cluster | None = stage.handle
        if cluster is not None:
            cluster.pods.stop()
        stage.stop(0)
        remove_cluster(cluster_name(stage))
        stage.removed("cluster", cluster_name(stage))


def cluster_name(stage: Stage) -> str:
    """The cluster's name is its token: kind can't label one."""
    return f"groundwork-{stage.token}"


def is_ready(node: Any) -> bool:
    """Whether the node's kubelet says so."""
    return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions or ())


def route(engine: Engine, nodes: Iterable[Any]) -> None:
    """Tell each node the way to the pods of every other: a packages cluster has no agent for it.

    Raises:
        NotYetError: A node has no pods' addresses yet.
    """
    ways = {}
    for node in nodes:
        if not node.spec.pod_cidr:
            raise NotYetError(f"{node.metadata.name} has no addresses for its pods yet")
        address = next(a.address for a in node.status.addresses if a.type == "InternalIP")
        ways[node.metadata.name] = (node.spec.pod_cidr, address)
    for one, other in itertools.permutations(ways, 2):
        subnet, address = ways[other]
        engine.run("exec", one, "ip", "route", "replace", subnet, "via", address)


def remove_cluster(name: str) -> None:
    """Remove a cluster of ours with all that belongs to it, whatever state it is in.

    Raises:
        ProvisionError: Something of it could not be removed.
    """
    try:
        engine = find_engine()
        await_makers(name)
        engine.remove_containers(engine.labelled(f"{KIND_LABEL}={name}"))
        engine.remove("volume", engine.volumes_of(f"{name}-"))
        engine.remove("network", [n for n in engine.networks() if n == name])
    except GroundworkError as error:
        raise ProvisionError("cluster", f"{name} can't be removed: {error}") from error


def await_makers(name: str) -> None:
    """Wait for those that are still at work on a cluster; their keeper is dead.

    What lives as long as a container, or longer, has inherited the mark and isn't meant.
    """

    def look() -> None:
        left = [
            found
            for found in process.find_by_token(f"{MAKING}{name}")
            if process.name_of(found) not in LASTING
        ]
        if left:
            raise NotYetError(f"{len(left)} processes are at work on it")

    wait_for(look, deadline=Deadline.after(PATIENCE_S), what=f"nobody to work on {name}")
