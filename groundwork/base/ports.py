"""Ports on loopback: assigned before anything is launched, reserved across runs.

A reservation is a record in the environment's ledger, so it ends with the environment whichever
way that ends. The search stays below the ephemeral range: no outgoing connection of anybody can
take a port between its reservation and its use.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from groundwork.base import ledger
from groundwork.base.errors import UsageError
from groundwork.base.ledger import Ledger, Record

__all__ = ["assign"]

# Above the ports of well-known services, below the ephemeral range of Linux (32768) and macOS
# (49152) as well as Kubernetes' node ports (30000).
FIRST, LAST = 20_000, 29_999
# Loopback refuses within a millisecond; a port that is led astray doesn't answer for seconds.
REFUSAL_TIMEOUT_S = 0.5


def assign(
    wanted: Iterable[tuple[str, str]],
    fixed: Mapping[tuple[str, str], int],
    usual: Mapping[tuple[str, str], int],
    book: Ledger,
    run: str,
) -> dict[tuple[str, str], int]:
    """Reserve a port for each (resource, port name).

    Args:
        wanted: What ports are needed for.
        fixed: Those that the user has chosen.
        usual: Those that are given if they are free.
        book: The ledger of the environment that they are for.
        run: The run that they are for.

    Raises:
        UsageError: A fixed port is in use, or no port is free.
    """
    state_dir = book.folder.parent.parent
    descriptor = os.open(state_dir / "ports.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # held for the milliseconds of one assignment
        taken = _reserved(state_dir)
        # A random start keeps two environments apart even where a ledger can't be seen (containers
        # that share the host's network); the choice is recorded, so a run can be told afterwards.
        candidates = list(range(FIRST, LAST + 1))
        random.shuffle(candidates)
        given: dict[tuple[str, str], int] = {}
        for resource, name in wanted:
            port = fixed.get((resource, name))
            if port is None:
                wishes = (p for p in (usual.get((resource, name)), *candidates) if p is not None)
                port = next((p for p in wishes if p not in taken and is_free(p)), None)
                if port is None:
                    raise UsageError(f"no free port between {FIRST} and {LAST} for {resource}")
            elif port in taken or not is_free(port):
                raise UsageError(
                    f"--port {resource}={port}: port {port} is in use; stop what uses it or choose "
                    "another"
                )
            taken.add(port)
            given[resource, name] = port
        for resource in {resource for resource, _ in given}:
            ports = {name: port for (owner, name), port in given.items() if owner == resource}
            book.append(Record("ports", "ports", resource, resource=resource, run=run, data=ports))
        return given
    finally:
        os.close(descriptor)


def _reserved(state_dir: Path) -> set[int]:
    """The ports of all environments on record."""
    taken: set[int] = set()
    for folder in ledger.environments(state_dir):
        current: dict[str, set[int]] = {}
        for record in ledger.read(folder):
            if record.step == "ports":
                current[record.resource] = set(record.data.values())
            elif record.step == "removed" and record.kind == "ports":
                current.pop(record.name, None)
        taken.update(*current.values())
    return taken


def is_free(port: int) -> bool:
    """Whether nobody listens on the port, on loopback or on all addresses, and none is led away.

    A container engine leads ports away by rules of the firewall, and rules outlive a container
    that was cut short: such a port can be bound, but a connection to it never arrives.
    """
    for host in ("127.0.0.1", ""):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # Connections of a server that has gone (TIME_WAIT) don't keep a new one from listening.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(REFUSAL_TIMEOUT_S)
        return caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
