"""Services: whether each leads to a pod, and each port that is opened to a port that a pod has.

A service that selects nothing is a valid object, and answers nobody; who asks it sees a refused
connection, and waits for a healing that can't come.
"""

from __future__ import annotations

from collections.abc import Iterable

from groundwork.base.errors import TerminalStateError
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object

__all__ = ["expect_led"]


def expect_led(kube: Kube, bodies: Iterable[Object]) -> None:
    """See that services lead to pods, once the pods are there.

    Args:
        kube: The cluster's client.
        bodies: Objects as they were applied; others than services are passed over.

    Raises:
        TerminalStateError: One selects nothing, or opens a port that leads nowhere; names the
            service, its selector and the port.
    """
    for body in bodies:
        selector = body.get("spec", {}).get("selector")
        if body["kind"] != "Service" or not selector:
            continue
        space, name = body["metadata"]["namespace"], body["metadata"]["name"]
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        ports = kube.pods.ports_of(space, labels)
        if not ports:
            raise TerminalStateError(f"service {space}/{name} selects nothing: no pod has {labels}")
        for port in body["spec"].get("ports", ()):
            target = port.get("targetPort", port["port"])
            opened = "nodePort" in port or isinstance(target, str)
            for pod, own in ports.items():
                if opened and target not in own:
                    raise TerminalStateError(
                        f"service {space}/{name}: port {port.get('name', port['port'])} leads to "
                        f"{target}, which pod {pod} doesn't have: {sorted(map(str, own))}"
                    )
