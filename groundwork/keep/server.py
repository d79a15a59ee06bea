"""The server: takes the connections of an environment and answers each one's requests.

It knows nothing of what is served: what a greeting, a request and a goodbye are worth is told by
the :class:`Service` that it is given. Each request is answered by a thread of its own: whoever was
broken off while it waited, by Ctrl-C say, must not wait for that answer before it gets the next.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import Any, Protocol

from groundwork.base.errors import GroundworkError
from groundwork.base.wire import Wire
from groundwork.keep.answers import pack_answer, pack_error
from groundwork.keep.messages import (
    BROKEN_OFF,
    HELLOS,
    NUMBER,
    REQUESTS,
    Hello,
    Request,
)

__all__ = ["Connection", "Server", "Service"]


@dataclass(eq=False)
class Connection:
    """One process that talks to the server.

    Attributes:
        number: Counts the connections; never used twice.
        wire: What it is reached by.
        run: The run whose controller watches: its end is heard while it waits for an answer, too.
        worker: The ledger's name of it, where it is a worker.
    """

    number: int
    wire: Wire
    run: str = ""
    worker: str = ""


@dataclass(frozen=True)
class Asked:
    """A request that is being answered.

    Attributes:
        number: The asker's.
        thread: Which answers it.
        broken_off: Set as soon as nobody waits for the answer any more.
    """

    number: object
    thread: threading.Thread
    broken_off: threading.Event


class Service(Protocol):
    """What is served; called from each connection's own thread."""

    @property
    def leaving(self) -> bool:
        """Whether connections end with the answer that is being given."""

    def welcome(self, peer: Connection, hello: Hello) -> None:
        """Take a connection in.

        Raises:
            GroundworkError: It isn't wanted; it is told so, and its connection ends.
        """

    def answer(
        self, peer: Connection, request: Request[Any], broken_off: threading.Event
    ) -> object:
        """Do what is asked for; whatever this raises is the answer.

        ``broken_off`` is set as soon as nobody waits for it any more.
        """

    def goodbye(self, peer: Connection) -> None:
        """A connection has ended, however that came, welcomed or not; closes it.

        None of its requests is being answered any more.
        """


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
        """Answer one connection's requests until it ends."""
        asked: list[Asked] = []
        try:
            if self._greet(peer):
                while self._exchange(peer, asked):
                    asked = [each for each in asked if each.thread.is_alive()]
        except OSError:
            pass  # it died while we answered: what follows is the same as for a closed connection
        finally:
            for each in asked:
                each.broken_off.set()
            for each in asked:
                each.thread.join()
            self._service.goodbye(peer)

    def _greet(self, peer: Connection) -> bool:
        """Answer a connection's greeting; whether it is welcome."""
        try:
            message = peer.wire.receive()
            if message is None:
                return False
            hello = HELLOS.read(message)
            self._service.welcome(peer, hello)
            peer.wire.send(pack_answer(hello, None))
        except GroundworkError as error:
            peer.wire.send(pack_error(error))
            return False
        return True

    def _exchange(self, peer: Connection, asked: list[Asked]) -> bool:
        """Take in a connection's next message; whether another one may follow."""
        try:
            message = peer.wire.receive()
            if message is None:
                return False
            if BROKEN_OFF in message:
                for each in asked:
                    if each.number == message[BROKEN_OFF]:
                        each.broken_off.set()
                return True
            number = message.pop(NUMBER, None)
            request = REQUESTS.read(message)
        except GroundworkError as error:
            peer.wire.send(pack_error(error))
            return True
        broken_off = threading.Event()
        thread = threading.Thread(
            target=self._answer, args=(peer, request, number, broken_off), daemon=True
        )
        asked.append(Asked(number, thread, broken_off))
        thread.start()
        return True

    def _answer(
        self, peer: Connection, request: Request[Any], number: object, broken_off: threading.Event
    ) -> None:
        """Answer a request; the end of the connection, where it ends with this answer."""
        try:
            answer = pack_answer(request, self._service.answer(peer, request, broken_off))
        except Exception as error:  # noqa: BLE001 - the asker gets it, whatever it is
            answer = pack_error(error)
        if number is not None:
            answer[NUMBER] = number
        with contextlib.suppress(OSError):  # it died meanwhile: whoever listens to it hears that
            peer.wire.send(answer)
        if self._service.leaving:  # only after the answer that says so
            peer.wire.stop_listening()
