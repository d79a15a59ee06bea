"""Containers that are killed on purpose: which, and who has to wait for another one."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import cast

import pytest

from groundwork.base.errors import WaitTimeoutError
from groundwork.clusters import crashing
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.crashing import crash, restart
from groundwork.clusters.podwatch import PodWatch
from groundwork.kube.client import ClusterIdentity, Kube
from groundwork.kube.pods import Pod
from suites.support import samplepod

POD = dataclasses.replace(samplepod.POD, containers=("first",))


class Runtime:
    """The runtime of one node, and the pods on it, as a kubelet tells of them."""

    def __init__(self, *pods: Pod) -> None:
        self.there = list(pods)
        self.tasks = {each: "RUNNING" for pod in pods for each in pod.containers}
        self.killed: list[tuple[str, str]] = []
        self.expected: list[str] = []
        self.deleted: list[str] = []

    def enter(self, node: str, *argv: str) -> str:
        """As the node answers."""
        if argv[-1] == "list":
            lines = [f"{name} {number} {state}" for number, (name, state) in enumerate(self.states)]
            return "\n".join(["TASK PID STATUS", *lines])
        *_, signal, container = argv
        assert container in self.tasks
        self.killed.append((node, signal))
        self.tasks[container] = "STOPPED"
        return ""

    @property
    def states(self) -> list[tuple[str, str]]:
        """Each task and its state."""
        return list(self.tasks.items())

    def of(self, resource: str) -> list[Pod]:
        """The pods that are there."""
        return [each for each in self.there if each.resource == resource]

    def expect(self, uid: str) -> None:
        """This one's end is no death."""
        self.expected.append(uid)

    def delete(self, pod: Pod) -> None:
        """It is gone."""
        self.deleted.append(pod.uid)

    def become(self, **fields: object) -> None:
        """The first pod is like that now."""
        self.there[0] = dataclasses.replace(self.there[0], **fields)  # type: ignore[arg-type]

    def cluster(self) -> Cluster:
        """The cluster that it is of."""
        return Cluster(
            cast("Kube", SimpleNamespace(pods=self)),
            cast("PodWatch", self),
            ClusterIdentity("uid", "ca"),
            enter=self.enter,
        )


def crashed(runtime: Runtime) -> Cluster:
    """A cluster whose broker was crashed."""
    cluster = runtime.cluster()
    crash(cluster, "broker", lambda: runtime.of("broker"))
    return cluster


def test_the_first_processes_of_a_resource_are_killed_and_no_others() -> None:
    """By SIGKILL, from the node that they are on."""
    other = dataclasses.replace(POD, name="relay", uid="uid-2", resource="relay", containers=("r",))
    runtime = Runtime(POD, other)
    crashed(runtime)
    assert runtime.killed == [("node-1", "SIGKILL")]
    assert runtime.tasks == {"first": "STOPPED", "r": "RUNNING"}


@pytest.mark.parametrize("pods", [[], [dataclasses.replace(POD, containers=())]])
def test_what_has_no_container_isnt_taken_for_crashed(
    monkeypatch: pytest.MonkeyPatch, pods: list[Pod]
) -> None:
    """Nothing would have been done to it."""
    monkeypatch.setattr(crashing, "RUNNING_TIMEOUT_S", 0.1)
    with pytest.raises(WaitTimeoutError, match="containers of broker to run"):
        crashed(Runtime(*pods))


def test_a_pod_with_another_container_is_let_be() -> None:
    """Its node has started it again at once; healed twice nothing else happens."""
    runtime = Runtime(POD)
    cluster = crashed(runtime)
    runtime.become(containers=("second",), restarts=1)
    restart(cluster, "broker")
    restart(cluster, "broker")
    assert (runtime.deleted, runtime.expected) == ([], [])


def test_a_pod_that_would_have_to_wait_is_replaced() -> None:
    """Its end is meant, and who heals again finds nothing to do."""
    runtime = Runtime(POD)
    cluster = crashed(runtime)
    runtime.become(waiting="CrashLoopBackOff: back-off 10s restarting failed container")
    restart(cluster, "broker")
    restart(cluster, "broker")
    assert (runtime.deleted, runtime.expected) == (["uid-1"], ["uid-1"])


def test_a_pod_that_is_gone_needs_nothing() -> None:
    """Somebody has deleted it meanwhile."""
    runtime = Runtime(POD)
    cluster = crashed(runtime)
    runtime.there = []
    restart(cluster, "broker")
    assert runtime.deleted == []


def test_what_nobody_has_noticed_isnt_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet shows the container that was killed still."""
    monkeypatch.setattr(crashing, "RESTARTED_TIMEOUT_S", 0.1)
    runtime = Runtime(POD)
    cluster = crashed(runtime)
    with pytest.raises(WaitTimeoutError, match="broker-0: nobody has noticed"):
        restart(cluster, "broker")
