"""Firewalls of nodes: whose packets are dropped, and that others' rules are let be."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import cast

from groundwork.clusters.cluster import Cluster
from groundwork.clusters.isolating import isolate, isolate_from, isolated, rejoin
from groundwork.clusters.podwatch import PodWatch
from groundwork.kube.client import ClusterIdentity, Kube
from suites.support import samplepod

POD = dataclasses.replace(samplepod.POD, name="relay-a", resource="relay", node="one")
OTHER = dataclasses.replace(POD, name="relay-b", uid="uid-2", node="two", ip="10.0.1.1")
NEAR = dataclasses.replace(POD, name="relay-c", uid="uid-3", ip="10.0.0.10")

# What kube-proxy, and somebody else, have there.
OTHERS = [
    "-P FORWARD ACCEPT",
    '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    "-A FORWARD -s 10.0.0.1/32 -m comment --comment groundwork-isolates-relay-too -j DROP",
]


class Firewalls:
    """The chains of two nodes, as iptables lists them."""

    def __init__(self) -> None:
        self.rules = {"one": [*OTHERS], "two": [*OTHERS]}

    def enter(self, node: str, *argv: str) -> str:
        """As the node's own command answers."""
        program, wait, _, action, chain, *rule = argv
        assert (program, wait, chain) == ("iptables", "--wait", "FORWARD")
        if action == "--list-rules":
            return "\n".join(self.rules[node])
        if action == "--insert":
            assert rule[0] in {"-s", "-d"}
            for at, word in enumerate(rule):
                rule[at] = f"{word}/32" if rule[at - 1] in {"-s", "-d"} else word
            self.rules[node].insert(1, " ".join(["-A", chain, *rule]))
        else:
            assert action == "--delete"
            self.rules[node].remove(" ".join(["-A", chain, *rule]))
        return ""

    def cluster(self) -> Cluster:
        """The cluster of these nodes."""
        nothing = SimpleNamespace()
        identity = ClusterIdentity("uid", "ca")
        kube, pods = cast("Kube", nothing), cast("PodWatch", nothing)
        return Cluster(kube, pods, identity, nodes=("one", "two"), enter=self.enter)


def test_what_a_pod_says_and_hears_is_dropped_first_on_its_own_node() -> None:
    """Before any rule that would let it pass; and nowhere else."""
    walls = Firewalls()
    isolate(walls.cluster(), "relay", [POD])
    comment = "-m comment --comment groundwork-isolates-relay -j DROP"
    assert set(walls.rules["one"][1:3]) == {
        f"-A FORWARD -s 10.0.0.1/32 {comment}",
        f"-A FORWARD -d 10.0.0.1/32 {comment}",
    }
    assert walls.rules["two"] == OTHERS


def test_an_address_that_begins_like_anothers_isnt_taken_for_it() -> None:
    """Each has its rules, and each is cut off by its own."""
    walls = Firewalls()
    cluster = walls.cluster()
    isolate(cluster, "relay", [NEAR])
    assert isolated(cluster, "relay", [POD, NEAR]) == {"relay-c"}
    isolate(cluster, "relay", [POD])
    assert isolated(cluster, "relay", [POD, NEAR]) == {"relay-a", "relay-c"}


def test_what_is_cut_off_twice_is_joined_once() -> None:
    """Also where its pod is gone; the rules of others stay, and who heals again finds none."""
    walls = Firewalls()
    cluster = walls.cluster()
    isolate(cluster, "relay", [POD, OTHER])
    isolate(cluster, "relay", [POD, OTHER])
    assert [len(each) for each in walls.rules.values()] == [len(OTHERS) + 2] * 2
    rejoin(cluster, "relay")
    rejoin(cluster, "relay")
    assert walls.rules == {"one": OTHERS, "two": OTHERS}
    assert isolated(cluster, "relay", [POD, OTHER]) == frozenset()


def test_what_some_say_to_a_pod_is_dropped_at_some_ports_alone() -> None:
    """Once, where the pod is; what it says itself passes, and so does what anybody else says."""
    walls = Firewalls()
    cluster = walls.cluster()
    for _ in range(2):
        isolate_from(cluster, "links", POD, [OTHER, NEAR], (9092, 9093))
    told = "-p tcp -m multiport --dports 9092,9093 -m comment --comment groundwork-isolates-links"
    assert set(walls.rules["one"]) - set(OTHERS) == {
        f"-A FORWARD -s 10.0.1.1/32 -d 10.0.0.1/32 {told} -j DROP",
        f"-A FORWARD -s 10.0.0.10/32 -d 10.0.0.1/32 {told} -j DROP",
    }
    assert len(walls.rules["one"]) == len(OTHERS) + 2
    assert walls.rules["two"] == OTHERS
    assert isolated(cluster, "links", [POD, OTHER, NEAR]) == {"relay-a"}
    assert isolated(cluster, "relay", [POD]) == frozenset()
    rejoin(cluster, "links")
    assert walls.rules == {"one": OTHERS, "two": OTHERS}
