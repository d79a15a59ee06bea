"""Isolating: pods are cut off from all others, or some, by the firewalls of the nodes they are on.

A network policy would say so to whoever enforces policies; where nobody does, it says it in vain.
Packets are dropped where a node passes them on: what a pod says, and what is said to it, by
whichever way. Only its own node still reaches it, for that passes nothing on: its probes succeed,
and traffic is led to it still, as it is where a network has failed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from groundwork.clusters.cluster import Cluster
from groundwork.kube.pods import Pod

__all__ = ["isolate", "isolate_from", "isolated", "rejoin", "rules_of"]

# It waits for its turn: kube-proxy writes rules at times, too.
IPTABLES = ("iptables", "--wait", "10")

# Which packets: those that a node passes on. What stands first is looked at first.
CHAIN = "FORWARD"


def mark_of(resource: str) -> str:
    """How a rule says for what it is there; one word, so that it is listed as it was given."""
    return f"groundwork-isolates-{resource}"


def isolate(cluster: Cluster, resource: str, pods: Iterable[Pod]) -> None:
    """Drop what pods say and what is said to them; what is cut off already stays so.

    Raises:
        ProcessFailedError: A node's firewall refused.
    """
    cluster.isolated.add(resource)
    comment = ("-m", "comment", "--comment", mark_of(resource))
    for pod in pods:
        known = " ".join(rules_of(cluster, pod.node, resource))
        for direction in ("-s", "-d"):
            if f"{direction} {pod.ip}/32 " not in known:
                rule = (direction, pod.ip, *comment, "-j", "DROP")
                cluster.enter(pod.node, *IPTABLES, "--insert", CHAIN, *rule)


def isolate_from(
    cluster: Cluster, resource: str, pod: Pod, others: Iterable[Pod], ports: Iterable[int]
) -> None:
    """Drop what some say to a pod at its ports; what it says to them passes, and so do answers.

    Raises:
        ProcessFailedError: A node's firewall refused.
    """
    cluster.isolated.add(resource)
    comment = ("-m", "comment", "--comment", mark_of(resource))
    at = ("-p", "tcp", "-m", "multiport", "--dports", ",".join(map(str, ports)))
    known = " ".join(rules_of(cluster, pod.node, resource))
    for other in others:
        if f"-s {other.ip}/32 -d {pod.ip}/32 " not in known:
            rule = ("-s", other.ip, "-d", pod.ip, *at, *comment, "-j", "DROP")
            cluster.enter(pod.node, *IPTABLES, "--insert", CHAIN, *rule)


def rejoin(cluster: Cluster, resource: str) -> None:
    """Take away every rule of a resource, on all nodes, also of pods that are gone.

    Raises:
        ProcessFailedError: A node's firewall refused.
    """
    for node in cluster.nodes:
        for rule in rules_of(cluster, node, resource):
            words = shlex.split(rule)  # -A CHAIN ...
            cluster.enter(node, *IPTABLES, "--delete", *words[1:])
    cluster.isolated.discard(resource)


def isolated(cluster: Cluster, resource: str, pods: Iterable[Pod]) -> frozenset[str]:
    """The names of the pods that are cut off, by their nodes' own word."""
    if resource not in cluster.isolated:
        return frozenset()  # nobody is asked: what an alert may take is counted from the fault on
    found = set()
    for pod in pods:
        rules = rules_of(cluster, pod.node, resource) if pod.node else ()
        if any(f"-d {pod.ip}/32 " in rule for rule in rules):
            found.add(pod.name)
    return frozenset(found)


def rules_of(cluster: Cluster, node: str, resource: str) -> Iterator[str]:
    """The rules of a resource on a node, as its firewall lists them."""
    mark = mark_of(resource)
    for line in cluster.enter(node, *IPTABLES, "--list-rules", CHAIN).splitlines():
        words = shlex.split(line)
        if "--comment" in words and words[words.index("--comment") + 1] == mark:
            yield line
