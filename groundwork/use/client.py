"""The keeper's clients: workers, commands, chaos and load; everything that isn't the controller."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from groundwork.base.errors import KeeperLostError
from groundwork.base.wire import Wire, decode_error
from groundwork.declare.resource import Description

__all__ = ["Client", "Handle"]

# Where processes that aren't pytest find the keeper.
SOCKET = "GROUNDWORK_SOCKET"

# A disturbing test may hold a resource through a fault, its healing and the recovery.
LOCK_TIMEOUT_S = 120.0

# The keeper answers a greeting at once; a Unix socket nobody accepts on would hang for ever.
CONNECT_TIMEOUT_S = 20.0


class Client:
    """One connection to the keeper; requests are answered in turn."""

    def __init__(self, path: Path, hello: dict[str, Any]) -> None:
        self.path = path
        self._lock = threading.Lock()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(CONNECT_TIMEOUT_S)
            connection.connect(str(path))
            self._wire = Wire(connection)
            self._wire.send(hello)
            self._unpack(self._wire.receive())
            connection.settimeout(None)  # from here on the keeper's own deadlines hold
        except OSError as error:
            connection.close()
            raise KeeperLostError(f"can't reach the keeper at {path}: {error}") from error

    @classmethod
    def connect(cls, path: Path, role: str) -> Self:
        """Connect as a ``worker``, ``client`` or ``watch``.

        Raises:
            KeeperLostError: Nobody answers there.
        """
        return cls(path, {"role": role, "pid": os.getpid()})

    def _unpack(self, answer: dict[str, Any] | None) -> Any:
        if answer is None:
            raise KeeperLostError("the keeper died; everything it owned is being removed")
        if "error" in answer:
            raise decode_error(answer["error"])
        return answer.get("ok")

    def request(self, op: str, **args: Any) -> Any:
        """Ask for something and return the answer.

        Raises:
            GroundworkError: The error that the keeper met, as it was; KeeperLostError when it died.
        """
        with self._lock:
            try:
                self._wire.send({"op": op, **args})
                answer = self._wire.receive()
            except OSError as error:
                raise KeeperLostError(f"the keeper died: {error}") from error
        return self._unpack(answer)

    def receive(self) -> dict[str, Any] | None:
        """The next event of a ``watch`` connection; None at its end."""
        return self._wire.receive()

    def close(self) -> None:
        """Hang up."""
        self._wire.close()

    # --- what may be asked for

    def ask(self, names: Iterable[str]) -> tuple[str, ...]:
        """Have resources started, with all they need; the names of all of them."""
        return tuple(self.request("ask", names=sorted(names)))

    def await_ready(self, name: str) -> Handle:
        """Wait until a resource is ready (or has failed: ProvisionError)."""
        return Handle(Description.from_json(self.request("await", name=name)), self)

    def lock(self, exclusive: Iterable[str], shared: Iterable[str]) -> None:
        """Hold resources until :meth:`release`, some of them alone."""
        self.request(
            "lock", exclusive=sorted(exclusive), shared=sorted(shared), timeout_s=LOCK_TIMEOUT_S
        )

    def release(self) -> None:
        """Let go; what was disturbed is healed first, and must be healthy again."""
        self.request("release")

    def check(self, names: Iterable[str], *, examine: bool = False) -> None:
        """Raise the error of the first resource among ``names``, or what they need, that died.

        With ``examine`` they are looked at now, so that one that is just dying is told as well.
        """
        deaths: dict[str, dict[str, str]] = self.request(
            "deaths", names=sorted(names), examine=examine
        )
        for record in deaths.values():
            raise decode_error(record)

    def record(self, event: str, **fields: Any) -> None:
        """Put an event on the run's timeline."""
        self.request("record", event=event, fields=fields)


@dataclass(frozen=True)
class Handle:
    """A resource that is ready, as tests see it."""

    description: Description
    client: Client

    @property
    def name(self) -> str:
        """Its name."""
        return self.description.name

    @property
    def version(self) -> str:
        """The version that it reported itself."""
        return self.description.version

    def endpoint(self, name: str = "") -> str:
        """One of its addresses; the first, unnamed."""
        return self.description.endpoint(name)

    def act(self, action: str, target: str = "") -> None:
        """Inject a fault or heal it; the test must carry the marker ``disturbs``."""
        self.client.request("act", resource=self.name, action=action, target=target)
