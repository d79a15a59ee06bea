"""Draining: a node is given nothing more, and what is on it leaves."""

from __future__ import annotations

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.cluster import Cluster

__all__ = ["drain"]

# What a pod gets to end in, whatever it declares: as an operator says who can't wait for long.
GRACE_S = 10
# Budgets let one pod after the other go, and each has its grace; a hook has half a minute.
EMPTY_TIMEOUT_S = 28.0


def drain(cluster: Cluster, node: str) -> None:
    """Cordon a node, and have its pods evicted; returns when they are gone.

    What belongs to every node stays; what has its volume there waits for the node.

    Raises:
        WaitTimeoutError: A pod stays, or its budget doesn't let it go.
        KubeError: The server refused.
    """
    cluster.kube.cordon(node)

    def look() -> None:
        said = []
        for pod in cluster.kube.pods.movable(node):
            cluster.pods.expect(pod.uid)
            try:
                cluster.kube.pods.evict(pod, GRACE_S)
            except NotYetError as error:  # its budget's affair, and no other's
                said.append(f"{pod.name}: {error}")
            else:
                said.append(f"{pod.name} is there")
        if said:
            raise NotYetError("; ".join(said))

    wait_for(look, deadline=Deadline.after(EMPTY_TIMEOUT_S), what=f"{node} to be empty")
