"""What the nodes of a cluster bear, and the cluster's name servers; where they are the run's own.

Nothing of it is on record besides the fault itself: it is undone by whoever heals, and gone with
the nodes where nobody is left who could.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from groundwork.base.errors import UsageError
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.draining import drain
from groundwork.clusters.isolating import isolate, isolated, rejoin
from groundwork.clusters.provider import Provider
from groundwork.declare.stage import Stage
from groundwork.kube.pods import Pod

__all__ = ["CONTROL_PLANE", "NodeFaults", "unready"]

# The part of a cluster that answers for names; and the label of its pods, wherever they are.
DNS = "dns"
DNS_LABEL = "k8s-app=kube-dns"

# What is done to a node: with one alone there would be nobody left to ask.
OF_NODES = frozenset({"drain", "freeze"})

# On a node that everything asks.
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


class NodeFaults:
    """The hooks, for a resource that is a cluster."""

    provider: Provider
    nodes: int

    def bears(self, fault: str) -> bool:
        """Only on nodes of the run's own; what is done to one of them, where there are several."""
        return self.provider.own and (fault not in OF_NODES or self.nodes > 1)

    def targets(self, stage: Stage, fault: str) -> Collection[str]:
        """The nodes that work, but for the one that everything asks; or the name servers."""
        if fault not in OF_NODES:
            return (DNS,)
        cluster: Cluster = stage.handle
        nodes = (node.metadata for node in cluster.kube.nodes())
        return [each.name for each in nodes if CONTROL_PLANE not in (each.labels or {})]

    def observe(self, stage: Stage) -> Mapping[str, str]:
        """What the API server says of each node, the provider besides, and whether names do."""
        cluster: Cluster = stage.handle
        frozen = self.provider.frozen()
        found = {}
        for node in cluster.kube.nodes():
            name = node.metadata.name
            said = ["not ready" if unready(node) else "ready"]
            said += ["cordoned"] if node.spec.unschedulable else []
            said += ["frozen"] if name in frozen else []
            found[name] = ", ".join(said)
        if self.provider.own:
            servers = name_servers(cluster)
            cut = isolated(cluster, DNS, servers)
            found[DNS] = f"{len(servers)} name servers, {len(cut)} cut off"
        return found

    def drain(self, stage: Stage, target: str) -> None:
        """Cordon the named node, and have its pods evicted."""
        drain(stage.handle, expect_node("drain", target))

    def uncordon(self, stage: Stage, target: str) -> None:
        """Let pods be placed on it again; they needn't go back."""
        cluster: Cluster = stage.handle
        if target:
            cluster.kube.cordon(target, cordoned=False)

    def freeze(self, stage: Stage, target: str) -> None:
        """Have the named node stand still; the API server takes most of a minute to notice."""
        del stage
        self.provider.freeze(expect_node("freeze", target))

    def thaw(self, stage: Stage, target: str) -> None:
        """Let it go on; what was moved away meanwhile is ended there then."""
        del stage
        if target:
            self.provider.thaw(target)

    def isolate(self, stage: Stage, target: str) -> None:
        """Cut off the name servers: whoever asks for a name waits in vain."""
        del target
        isolate(stage.handle, DNS, name_servers(stage.handle))

    def rejoin(self, stage: Stage, target: str) -> None:
        """Let them be asked again."""
        del target
        rejoin(stage.handle, DNS)


def expect_node(fault: str, target: str) -> str:
    """The node that is meant.

    Raises:
        UsageError: None was named.
    """
    if not target:
        raise UsageError(f"{fault} of a cluster: say which node")
    return target


def name_servers(cluster: Cluster) -> list[Pod]:
    """The pods that answer for names."""
    return cluster.kube.pods.with_labels("kube-system", DNS_LABEL)


def unready(node: Any) -> str:
    """Why a node isn't ready, as its kubelet says; empty where it is."""
    for each in node.status.conditions or ():
        if each.type == "Ready":
            return "" if each.status == "True" else f"{each.message or each.reason}"
    return "its kubelet has said nothing yet"
