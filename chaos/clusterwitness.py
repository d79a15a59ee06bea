"""Who looks at a fault in a cluster: at pods and nodes by its API server, or from inside of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from chaos.distance import Distance
from chaos.evidence import addresses_of
from chaos.inside import Nameless
from chaos.nodewitness import Drained, NodeState, Standstill
from chaos.omission import Omission, jobs_at
from chaos.podwitness import POD_WITNESSES, Calm, Look, Starvation, part_of
from chaos.sightings import Witness
from fixtures.pods.asked import volumes
from fixtures.pods.asked.network import answer_took_s, resolve
from fixtures.pods.asking import ask
from fixtures.resources import broker_volume
from fixtures.resources.links import node_of
from groundwork.base.errors import GroundworkError, UsageError
from groundwork.clusters.nodefaults import CONTROL_PLANE, unready
from groundwork.declare.resource import Description
from groundwork.keep.messages import Status
from groundwork.kube.client import Kube
from groundwork.kube.pods import Pod

__all__ = [
    "CLUSTER_WITNESSES",
    "OF_NODES",
    "broker_on",
    "calm_pods_of",
    "cluster_witness_of",
    "kube_of",
    "worker_of",
]

CLUSTER, BROKER, RELAY, PROMETHEUS = "cluster", "broker", "relay", "prometheus"

# Who goes the ways and asks for the names that a witness is to hear of: it has Python.
PEDESTRIAN = "hello-world"

# A name in full is asked for once.
NAME = "broker.infra.svc.cluster.local."

# What is done to nodes, and to ways, beside what is done to pods.
OF_NODES = ("freeze", "drain")
CUTTING = ("isolate", "blackhole")
OF_WAYS = (*CUTTING, "slow", "limit")
CLUSTER_WITNESSES = (*POD_WITNESSES, *OF_NODES, *OF_WAYS)


def kube_of(status: Status) -> Kube:
    """A client of its own; nothing is kept in its file, for nothing but what there is is asked."""
    described = {each.name: each for each in status.resources}
    kubeconfig = Path(described[CLUSTER].endpoint("kubeconfig"))
    return Kube(kubeconfig, kubeconfig.with_name("witness.json"), "")


def worker_of(status: Status) -> str:
    """A node that works, with one node of the broker on it, and nobody who tells of alerts.

    Raises:
        UsageError: There is none.
    """
    kube = kube_of(status)
    watching = ("prometheus", "alertmanager", "receiver")
    watched = {pod.node for name in watching for pod in kube.pods.of(name)}
    nodes = (node.metadata for node in kube.nodes())
    workers = {each.name for each in nodes if CONTROL_PLANE not in (each.labels or {})}
    brokers = Counter(pod.node for pod in kube.pods.of(BROKER))
    for node, many in sorted(brokers.items()):
        if many == 1 and node in workers - watched:
            return node
    found = f"brokers are on {dict(brokers)}, who tells of alerts on {sorted(watched)}"
    raise UsageError(f"no node has one broker and nobody who tells of alerts: {found}")


def broker_on(node: str, kube: Kube) -> str:
    """The broker's one node that is on a node of the cluster, counted from ``broker-1``.

    Raises:
        UsageError: There is none, or there are several.
    """
    found = [node_of(pod) for pod in kube.pods.of(BROKER) if pod.node == node]
    if len(found) != 1:
        raise UsageError(f"one node of the broker should be on {node}: {found}")
    return found[0]


def cluster_witness_of(fault: str, resource: str, target: str, status: Status) -> Witness:
    """Who looks at a fault in a cluster.

    Raises:
        UsageError: Nobody can, or there is no such target.
    """
    described = {each.name: each for each in status.resources}
    kube = kube_of(status)
    if resource == CLUSTER:
        return of_the_cluster(fault, target, kube, described[BROKER])
    if resource == PROMETHEUS and fault == "misconfigure":
        return Omission(lambda: jobs_at(described[resource].endpoint()), target)
    if resource == RELAY and fault in OF_WAYS:
        servers = described[BROKER].endpoints["kafka"].inside.split(",")
        ways = addresses_of(described[RELAY], target)
        return Distance(ways, servers, lambda at: took_s(kube, at), cut=fault in CUTTING)
    if resource == broker_volume.NAME:
        addresses = addresses_of(described[BROKER], "")
        return Starvation(look_at(kube, BROKER), addresses, lambda: free_bytes(kube))
    if fault not in POD_WITNESSES:
        known = ", ".join(CLUSTER_WITNESSES)
        raise UsageError(f"{fault} of {resource}: nobody can witness it; known: {known}")
    target = "" if fault == "misconfigure" else target  # which is a key, and no pod
    chosen = frozenset({part_of(resource, target, status.platform)} - {""})
    addresses = addresses_of(described[resource], target)
    return POD_WITNESSES[fault](look_at(kube, resource), chosen, addresses)


def calm_pods_of(resource: str, status: Status) -> Witness:
    """Who looks whether nothing befalls a resource in a cluster."""
    described = {each.name: each for each in status.resources}
    addresses = addresses_of(described[resource], "")
    return Calm(look_at(kube_of(status), resource), frozenset(), addresses)


def look_at(kube: Kube, resource: str) -> Look:
    """Asks for the pods of a resource, by name."""
    return lambda: {pod.name: pod for pod in kube.pods.of(resource)}


def of_the_cluster(fault: str, target: str, kube: Kube, broker: Description) -> Witness:
    """Who looks at a fault of a node, or of the name servers.

    Raises:
        UsageError: Nobody can.
    """
    if fault == "isolate":
        return Nameless(lambda: ask(kube, pedestrian(kube), resolve, [NAME])[NAME], NAME)
    if fault == "drain":
        return Drained(
            lambda: states_of(kube), target, lambda: [p.name for p in kube.pods.movable(target)]
        )
    if fault == "freeze":
        there = addresses_of(broker, broker_on(target, kube))
        elsewhere = [at for at in addresses_of(broker, "") if at not in there]
        return Standstill(lambda: states_of(kube), target, there, elsewhere)
    raise UsageError(f"{fault} of {CLUSTER}: nobody can witness it")


def states_of(kube: Kube) -> Mapping[str, NodeState]:
    """Whether each node is ready, and whether it takes pods."""
    return {
        node.metadata.name: (not unready(node), not node.spec.unschedulable)
        for node in kube.nodes()
    }


def pedestrian(kube: Kube) -> Pod:
    """A pod that is ready, for a look from inside.

    Raises:
        GroundworkError: There is none.
    """
    for pod in kube.pods.of(PEDESTRIAN):
        if pod.ready:
            return pod
    raise GroundworkError(f"{PEDESTRIAN} has no pod that is ready: nobody can look from inside")


def free_bytes(kube: Kube) -> int:
    """How much can be written on the volume of the broker's pod, as another container has it.

    Raises:
        GroundworkError: There is no such pod.
    """
    for pod in kube.pods.of(BROKER):
        container = broker_volume.CONTAINER
        told = ask(kube, pod, volumes.used, broker_volume.FOLDER, container=container)
        return told["size_bytes"] - told["used_bytes"]
    raise GroundworkError("the broker has no pod that could have a volume")


def took_s(kube: Kube, address: str) -> float | None:
    """How long a broker's answer takes a pod, in seconds; None where there is none."""
    return ask(kube, pedestrian(kube), answer_took_s, address)
