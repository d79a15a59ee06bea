"""The server: takes the connections of an environment and answers each one's requests in turn.

It knows nothing of what is served: what a greeting, a request and a goodbye are worth is told by
the :class:`Service` that it is given.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from groundwork.base.errors import GroundworkError
from groundwork.base.wire import Wire, encode_error

__all__ = ["Connection", "Server", "Service"]


@dataclass(eq=False)
class Connection:
    """One process that talks to the server.

    Attributes:
        number: Counts the connections; never used twice.
        wire: What it is reached by.
        role: ``run`` (the controller: its end is the run's end), ``worker`` (one of its processes),
            ``client`` (chaos, load, commands) or ``watch`` (wants to hear events); empty until it
            has been welcomed.
        run: The run whose controller watches: its end is heard while it waits for an answer, too.
        worker: The ledger's name of it, where it is a worker.
    """

    number: int
    wire: Wire
    role: str = ""
    run: str = ""
    worker: str = ""


class Service(Protocol):
    """What is served; called from each connection's own thread."""

    @property
    def leaving(self) -> bool:
        """Whether connections end with the answer that is being given."""

    def welcome(self, peer: Connection, hello: dict[str, Any]) -> object:
        """Take a connection in, and answer its greeting.

        Raises:
            GroundworkError: It isn't wanted; it is told so, and its connection ends.
        """

    def answer(self, peer: Connection, request: dict[str, Any]) -> object:
        """Do what is asked for; whatever this raises is the answer."""

    def goodbye(self, peer: Connection) -> None:
        """A connection has ended, however that came, welcomed or not; closes it."""


class Server:
    """Accepts connections until its process ends.

    Args:
        listener: A socket that listens.
        service: What is served.
    """

    def __init__(self, listener: socket.socket, service: Service) -> None:
        self._listener = listener
        self._service = service
        self._connections = 0

    def start(self) -> None:
        """Accept from now on, in a thread of its own; returns at once."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            peer = Connection(self._connections, Wire(connection))
            threading.Thread(target=self._converse, args=(peer,), daemon=True).start()

    def _converse(self, peer: Connection) -> None:
        """Answer one connection's requests, one after the other, until it ends."""
        try:
            hello = peer.wire.receive()
            if hello is None:
                return
            try:
                peer.wire.send({"ok": self._service.welcome(peer, hello)})
            except GroundworkError as error:
                peer.wire.send({"error": encode_error(error)})
                return
            while (request := peer.wire.receive()) is not None:
                peer.wire.send(self._answer(peer, request))
                if self._service.leaving:  # only after the answer that says so
                    return
        except OSError:
            pass  # it died while we answered: what follows is the same as for a closed connection
        finally:
            self._service.goodbye(peer)

    def _answer(self, peer: Connection, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"ok": self._service.answer(peer, request)}
        except Exception as error:  # noqa: BLE001 - the asker gets it, whatever it is
            return {"error": encode_error(error)}
