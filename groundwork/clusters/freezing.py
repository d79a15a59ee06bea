"""Freezing: containers of pods are paused and go on, from the node that they run on.

From inside nobody can stop a container's first process: the kernel ignores SIGSTOP for it. The
node's container runtime freezes its control group, with all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from groundwork.clusters.cluster import Cluster
from groundwork.clusters.tasks import PAUSED, TASKS, tasks_of
from groundwork.kube.pods import Pod

__all__ = ["freeze", "states_of", "thaw"]


def freeze(cluster: Cluster, pods: Iterable[Pod]) -> None:
    """Freeze all containers of pods; what is frozen already stays so.

    Raises:
        ProcessFailedError: A node's runtime refused.
    """
    for pod in pods:
        running = tasks_of(cluster, pod.node)
        for container in pod.containers:
            if running.get(container, PAUSED) != PAUSED:
                cluster.frozen[container] = pod.node
                cluster.enter(pod.node, *TASKS, "pause", container)


def thaw(cluster: Cluster, containers: Iterable[str]) -> None:
    """Let containers go on that were frozen, also those whose pod is gone.

    Raises:
        ProcessFailedError: A node's runtime refused.
    """
    for container in containers:
        node = cluster.frozen[container]
        if tasks_of(cluster, node).get(container) == PAUSED:
            cluster.enter(node, *TASKS, "resume", container)
        del cluster.frozen[container]


def states_of(cluster: Cluster, pods: Iterable[Pod]) -> Mapping[str, str]:
    """What the nodes' runtimes say of the containers of each pod, by the pod's name."""
    found = {}
    for pod in pods:
        tasks = tasks_of(cluster, pod.node) if pod.node else {}
        states = (tasks.get(container, "GONE").lower() for container in pod.containers)
        found[pod.name] = ", ".join(states)
    return found
