"""Crashing: a container's first process is killed from its node, and the pod stays.

From inside nobody kills it: the kernel ignores SIGKILL for a container's first process where it
comes from its own space. The kubelet starts another container, later from time to time: what has
ended a moment before it makes wait, ten seconds first and five minutes in the end. It counts for
each pod, so a pod that has to wait is replaced when it is healed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.tasks import RUNNING, TASKS, tasks_of
from groundwork.kube.pods import Pod

__all__ = ["crash", "restart"]

# What was crashed or replaced a moment ago is started: some seconds on a busy node.
RUNNING_TIMEOUT_S = 15.0
# The kernel ends a process at once; a node's runtime tells it a moment later.
ENDED_TIMEOUT_S = 10.0
# A kubelet looks at its containers once a second, and a busy node starts one in some seconds.
RESTARTED_TIMEOUT_S = 25.0

# What a pod waits in whose container isn't started again yet.
BACKOFF = "CrashLoopBackOff"


def crash(cluster: Cluster, resource: str, pods: Callable[[], Iterable[Pod]]) -> None:
    """Kill the first process of every container of pods; returns when their nodes say so.

    Args:
        cluster: Where they are.
        resource: Of which they are.
        pods: Tells them as they are now: what has just been started again has another container.

    Raises:
        WaitTimeoutError: A pod has no container that runs, or one doesn't end.
        ProcessFailedError: A node's runtime refused.
    """
    crashed = cluster.crashed.setdefault(resource, {})

    def find() -> list[tuple[Pod, str]]:
        found: list[tuple[Pod, str]] = []
        for pod in pods():
            tasks = tasks_of(cluster, pod.node) if pod.node else {}
            running = [each for each in pod.containers if tasks.get(each) == RUNNING]
            if not running:
                raise NotYetError(f"{pod.name}: {pod.waiting or pod.phase}")
            found += [(pod, each) for each in running]
        if not found:
            raise NotYetError("there are no pods")
        return found

    deadline = Deadline.after(RUNNING_TIMEOUT_S)
    found = wait_for(find, deadline=deadline, what=f"containers of {resource} to run")
    for pod, container in found:
        crashed[container] = pod.uid
        cluster.enter(pod.node, *TASKS, "kill", "--signal", "SIGKILL", container)

    def look() -> None:
        for node in {pod.node for pod, _ in found}:
            tasks = tasks_of(cluster, node)
            left = [each for _, each in found if tasks.get(each) == RUNNING]
            if left:
                raise NotYetError(f"{', '.join(left)} on {node}")

    wait_for(look, deadline=Deadline.after(ENDED_TIMEOUT_S), what="killed containers to end")


def restart(cluster: Cluster, resource: str) -> None:
    """See that others run in the place of containers that were killed; a pod may be replaced.

    Raises:
        WaitTimeoutError: A kubelet hasn't noticed.
    """
    crashed = cluster.crashed.get(resource, {})

    def look() -> None:
        there = {pod.uid: pod for pod in cluster.pods.of(resource)}
        for container, uid in tuple(crashed.items()):
            pod = there.get(uid)
            if pod is not None and container in pod.containers:
                if BACKOFF not in pod.waiting:
                    raise NotYetError(f"{pod.name}: {pod.waiting or 'nobody has noticed'}")
                cluster.pods.expect(uid)
                cluster.kube.pods.delete(pod)
            del crashed[container]

    deadline = Deadline.after(RESTARTED_TIMEOUT_S)
    wait_for(look, deadline=deadline, what=f"other containers of {resource}")
