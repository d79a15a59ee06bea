"""Pods, as the API server shows them, and those behind a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubernetes import client

__all__ = ["RESOURCE", "Backend", "Pod"]

# The label of objects and pods that names the resource of the environment they belong to.
RESOURCE = "groundwork.dev/resource"


@dataclass(frozen=True)
class Pod:
    """A pod as the API server shows it.

    Attributes:
        resource: The resource of the environment that it belongs to.
        ready: Whether all of its containers are ready and it isn't going away.
        restarts: How often its containers were started again, all together.
        exit_code: Of the container that ended last; 0 where none did.
        waiting: Why a container doesn't run, such as ``CrashLoopBackOff: ...``.
    """

    name: str
    namespace: str
    uid: str
    resource: str
    phase: str
    ready: bool
    restarts: int
    exit_code: int
    waiting: str
    node: str
    ip: str

    @classmethod
    def read(cls, pod: client.V1Pod) -> Pod:
        """The pod of an answer."""
        status = pod.status
        containers = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
        ended = [
            state.terminated.exit_code
            for each in containers
            for state in (each.last_state, each.state)
            if state is not None and state.terminated is not None and state.terminated.exit_code
        ]
        held = [
            f"{each.state.waiting.reason}: {each.state.waiting.message or ''}".strip(": ")
            for each in containers
            if each.state is not None and each.state.waiting is not None
        ]
        conditions = {each.type: each.status for each in status.conditions or ()}
        unscheduled = next(
            (c.message for c in status.conditions or () if c.reason == "Unschedulable"), ""
        )
        return cls(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            uid=pod.metadata.uid,
            resource=(pod.metadata.labels or {}).get(RESOURCE, ""),
            phase=status.phase or "",
            ready=conditions.get("Ready") == "True" and pod.metadata.deletion_timestamp is None,
            restarts=sum(each.restart_count for each in containers),
            exit_code=ended[-1] if ended else 0,
            waiting="; ".join(held) or unscheduled,
            node=pod.spec.node_name or "",
            ip=status.pod_ip or "",
        )


@dataclass(frozen=True)
class Backend:
    """The pods behind a service.

    Attributes:
        port: What they listen on, by number or by name.
        unready: Whether pods that aren't ready are meant, too.
    """

    namespace: str
    selector: Mapping[str, str]
    port: int | str
    unready: bool = False

    @property
    def labels(self) -> str:
        """The selector as the API server takes it."""
        return ",".join(f"{name}={value}" for name, value in self.selector.items())

    def takes(self, pod: Pod) -> bool:
        """Whether a connection may be led to this pod."""
        return pod.ready or (self.unready and pod.phase == "Running")

    def port_of(self, pod: client.V1Pod) -> int:
        """The number of a pod's port, which may have been given by its name."""
        if isinstance(self.port, int):
            return self.port
        ports = (each for container in pod.spec.containers for each in container.ports or ())
        return next(int(each.container_port) for each in ports if each.name == self.port)
