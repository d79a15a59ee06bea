"""How processes talk to the keeper: one JSON object per line over a Unix socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

from groundwork.base import errors
from groundwork.base.errors import GroundworkError, ProvisionError

__all__ = ["Wire", "decode_error", "encode_error"]

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
        """The next message; None when the other side has closed the connection or died."""
        try:
            line = self._file.readline(LINE_BYTES_MAX)
        except (OSError, ValueError):
            return None
        if not line.endswith(b"\n"):
            return None
        message = json.loads(line)
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        """Close the connection, also under a thread that is receiving."""
        with contextlib.suppress(OSError):  # the other side was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def encode_error(error: Exception) -> dict[str, str]:
    """An error as JSON holds it."""
    record = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ProvisionError):
        record |= {"resource": error.resource, "message": error.message}
    return record


def decode_error(record: dict[str, str]) -> GroundworkError:
    """The error again, of the class that it was; GroundworkError for those we don't know."""
    kind = getattr(errors, record["type"], None)
    if kind is errors.KeeperLostError:
        return errors.KeeperLostError(record["message"])
    if isinstance(kind, type) and issubclass(kind, ProvisionError):
        return kind(record["resource"], record["message"])
    if isinstance(kind, type) and issubclass(kind, GroundworkError):
        return kind(record["message"])
    return GroundworkError(f"{record['type']}: {record['message']}")
