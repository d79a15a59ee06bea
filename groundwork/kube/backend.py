"""Where a connection to a service is led: the pods behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubernetes import client

from groundwork.kube.pods import Pod

__all__ = ["Backend"]


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
