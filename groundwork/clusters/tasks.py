"""Tasks: what a node's container runtime runs, by containerd's own command."""

from __future__ import annotations

from groundwork.clusters.cluster import Cluster

__all__ = ["PAUSED", "RUNNING", "TASKS", "tasks_of"]

# In the namespace that Kubernetes' containers are in.
TASKS = ("ctr", "--namespace", "k8s.io", "tasks")

# What it calls one that is frozen, and one that isn't.
PAUSED = "PAUSED"
RUNNING = "RUNNING"


def tasks_of(cluster: Cluster, node: str) -> dict[str, str]:
    """The state of every container on a node, by its id; they are listed as TASK PID STATUS."""
    lines = cluster.enter(node, *TASKS, "list").splitlines()[1:]
    return {words[0]: words[-1] for words in map(str.split, lines) if words}
