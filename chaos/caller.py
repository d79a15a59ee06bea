"""The caller: somebody who isn't of the workload, and asks a server whether it is there."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "ANSWER_TIMEOUT_S",
    "GET",
    "Reply",
    "answered",
    "call",
    "crowd",
    "host_and_port",
    "question",
]

# A server that lives answers within milliseconds, on a busy machine within a second.
ANSWER_TIMEOUT_S = 3.0

# What a server of HTTP answers in one way or another.
GET = b"GET / HTTP/1.1\r\nHost: it\r\n\r\n"

Reply = Literal["answered", "refused", "hung up", "swallowed"]


def question(number: int) -> bytes:
    """Which requests are understood, in Kafka's protocol: key 18, version 0, by nobody."""
    asked = struct.pack(">hhih", 18, 0, number, -1)
    return struct.pack(">i", len(asked)) + asked


def answered(connection: socket.socket) -> tuple[int, int]:
    """The number of the question that the next answer is to, and its bytes.

    Raises:
        OSError: There is none.
    """
    (size,) = struct.unpack(">i", received(connection, 4))
    (number,) = struct.unpack(">i", received(connection, size)[:4])
    return number, size


def received(connection: socket.socket, many: int) -> bytes:
    """So many bytes; raises OSError where they don't come."""
    found = b""
    while len(found) < many:
        piece = connection.recv(many - len(found))
        if not piece:
            raise ConnectionResetError("hung up on")
        found += piece
    return found


def host_and_port(address: str) -> tuple[str, int]:
    """The host and the port of a broker's HOST:PORT, or of a page of HTTP.

    Raises:
        ValueError: It names no port.
    """
    found = urlsplit(address if "://" in address else f"//{address}")
    if found.hostname is None or found.port is None:
        raise ValueError(f"{address} names no host and port")
    return found.hostname, found.port


def call(address: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Reply:
    """Ask a server, on a connection of its own: what comes of it.

    Args:
        address: A broker's HOST:PORT, or an address of HTTP.
        timeout_s: After that, whatever was said is swallowed.
    """
    http = "://" in address
    try:
        with socket.create_connection(host_and_port(address), timeout=timeout_s) as connection:
            connection.sendall(GET if http else question(1))
            if http:
                received(connection, 1)
            else:
                answered(connection)
    except TimeoutError:
        return "swallowed"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "hung up"
    return "answered"


def crowd(address: str, asked: bytes, many: int, timeout_s: float = ANSWER_TIMEOUT_S) -> int:
    """Ask on one connection after the other, none of which is closed, until one has no answer.

    Args:
        address: The server's HOST:PORT.
        asked: What it answers, in its own protocol.
        many: How many connections at most.
        timeout_s: After that there is none.

    Returns:
        How many were answered.
    """
    place = host_and_port(address)
    with contextlib.ExitStack() as held:
        for number in range(many):
            try:
                connection = socket.create_connection(place, timeout=timeout_s)
                held.enter_context(connection)
                connection.sendall(asked)
                received(connection, 1)
            except OSError:
                return number
    return many
