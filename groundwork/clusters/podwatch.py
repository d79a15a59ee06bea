"""The pods of an environment as they are now, by a watch; and the deaths among them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from groundwork.base.errors import GroundworkError
from groundwork.kube.pods import Pod, Pods

__all__ = ["PodWatch"]

# A server that has just refused or hung up is asked again after that.
PAUSE_S = 0.5


class PodWatch:
    """Knows all pods of the environment; one thread, from :meth:`start` to :meth:`stop`.

    Args:
        pods: The cluster's.
        died: Told the resource, the pod and the exit code when a container or pod ended unasked.
        unreachable: Called whenever the API server doesn't answer.
    """

    def __init__(
        self,
        pods: Pods,
        died: Callable[[str, str, int], None],
        unreachable: Callable[[], None],
    ) -> None:
        self._pods = pods
        self._died = died
        self._unreachable = unreachable
        self._stopped = threading.Event()
        self._known: dict[str, Pod] = {}
        self._expected: set[str] = set()
        self._excused: dict[str, int] = {}  # restarts that don't count, by uid
        self._changed = threading.Lock()

    def start(self) -> None:
        """Begin to watch the environment's pods, in a thread of its own."""
        threading.Thread(target=self._follow, daemon=True, name="pods").start()

    def stop(self) -> None:
        """Look no more: what ends from now on was asked to."""
        self._stopped.set()

    def expect(self, uid: str) -> None:
        """The end of this pod is meant: it is a fault, not an accident."""
        self._expected.add(uid)

    def excuse(self, resource: str) -> None:
        """The restarts of a resource's pods until now are explained."""
        for pod in self.of(resource):
            self._excused[pod.uid] = pod.restarts

    def restarts_of(self, pod: Pod) -> int:
        """How often a pod's containers were started again, without an excuse."""
        return pod.restarts - self._excused.get(pod.uid, 0)

    def of(self, resource: str) -> list[Pod]:
        """The pods of a resource, by name."""
        with self._changed:
            found = [pod for pod in self._known.values() if pod.resource == resource]
        return sorted(found, key=lambda pod: pod.name)

    def _follow(self) -> None:
        while not self._stopped.is_set():
            try:
                self._pods.watch(self._list, self._see, self._stopped)
            except (GroundworkError, OSError):
                if not self._stopped.wait(PAUSE_S):
                    self._unreachable()

    def _list(self, pods: list[Pod]) -> None:
        """What has happened while nobody watched: some have gone, some are new or have changed."""
        there = {pod.uid for pod in pods}
        with self._changed:
            gone = [pod for uid, pod in self._known.items() if uid not in there]
        for pod in gone:
            self._see("DELETED", pod)
        for pod in pods:
            self._see("MODIFIED", pod)

    def _see(self, change: str, pod: Pod) -> None:
        with self._changed:
            before = self._known.get(pod.uid)
            if change == "DELETED":
                self._known.pop(pod.uid, None)
            else:
                self._known[pod.uid] = pod
        if self._stopped.is_set() or pod.uid in self._expected or before is None:
            return
        if before.phase == "Failed":  # it was told; now it is cleared away
            return
        restarted = pod.restarts > before.restarts
        if restarted or pod.phase == "Failed" or change == "DELETED":
            self._died(pod.resource, pod.name, pod.exit_code)
