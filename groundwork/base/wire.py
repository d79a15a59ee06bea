"""How processes talk to the keeper: one JSON object per line over a Unix socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

from groundwork.base.errors import GroundworkError

__all__ = ["Wire"]

# A message is a few kilobytes (a description, some log lines); more is somebody else's protocol.
LINE_BYTES_MAX = 4 * 1024 * 1024


class Wire:
    """One connection; several threads may send, one receives."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            OSError: The other side is gone.
        """
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._socket.sendall(line)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other side has closed the connection or died.

        Raises:
            GroundworkError: What came isn't a JSON object; the next message is none the worse.
        """
        try:
            line = self._file.readline(LINE_BYTES_MAX)
        except (OSError, ValueError):
            line = b""
        if not line.endswith(b"\n"):
            # Here and not in close(), for nobody else reads: without it the descriptor stays open
            # until this is garbage.
            self._file.close()
            return None
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:  # isn't JSON, or is nested without an end
            raise GroundworkError(f"can't read a message: {error}") from error
        if not isinstance(message, dict):
            raise GroundworkError("can't read a message: it isn't an object")
        return message

    def stop_listening(self) -> None:
        """Hear no more: whoever receives here is told that it is the end."""
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Close the connection, also under a thread that is receiving."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
