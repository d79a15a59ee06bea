"""A tunnel: a port of this machine's loopback that the API server leads to a pod."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from groundwork.base.errors import GroundworkError
from groundwork.kube.objects import Object
from groundwork.kube.pods import Backend, Pods

__all__ = ["Tunnel", "way_in"]

CHUNK_BYTES = 64 * 1024
# Clients of a test connect a few at a time.
BACKLOG = 32


def way_in(objects: Iterable[Object], node_port: int) -> Backend:
    """The pods and the port behind the service that declares a node port."""
    for body in objects:
        for port in body["spec"]["ports"]:
            if port.get("nodePort") == node_port:
                target = port.get("targetPort", port["port"])
                namespace = body["metadata"]["namespace"]
                unready = bool(body["spec"].get("publishNotReadyAddresses"))
                return Backend(namespace, dict(body["spec"]["selector"]), target, unready)
    raise ValueError(f"no service has the node port {node_port}")


@dataclass
class Tunnel:
    """Listens from :meth:`open` to :meth:`close`; each connection goes to a pod that is ready.

    A connection to a pod that goes away is closed, as by the pod itself.

    Attributes:
        pods: The cluster's.
        backend: Where connections lead.
    """

    pods: Pods
    backend: Backend
    _server: socket.socket | None = None

    def open(self, port: int) -> None:
        """Begin to listen on a port of loopback."""
        self._server = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        threading.Thread(target=self._serve, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        """Listen no more; connections end with their pods."""
        if self._server is not None:
            with contextlib.suppress(OSError):  # closing alone doesn't wake who accepts
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()

    def _serve(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                caller, _ = server.accept()
                threading.Thread(target=self._lead, args=(caller,), daemon=True).start()

    def _lead(self, caller: socket.socket) -> None:
        with caller:
            try:
                pod = self.pods.forward(self.backend)
            except (GroundworkError, OSError):
                return  # the caller sees a connection that is closed, as a server that isn't there
            back = threading.Thread(target=pump, args=(pod, caller), daemon=True)
            back.start()
            pump(caller, pod)
            back.join()
            pod.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what one side says until it, or the other, has ended; then end both."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
