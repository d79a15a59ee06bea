"""The porter: opens an environment, and becomes its keeper when somebody knocks.

It is the first thing that a run starts, so nothing of an environment exists that no process looks
after: the porter makes the ledger and the socket, and takes them away when the controller dies or
leaves before anybody has connected. On the first connection it turns into the keeper (exec: the
same process, the same lock), so workers need to know only a path, and a run that asks for nothing
costs a small process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from groundwork.base.ledger import Ledger, Record
from groundwork.base.removal import FOLDER
from groundwork.base.wire import Wire
from groundwork.keep.sweep import remove

__all__ = ["Orders", "Sign", "socket_folder"]

# More than any sensible number of workers.
BACKLOG = 64


@dataclasses.dataclass(frozen=True)
class Orders:
    """What the controller tells the porter, and the porter the keeper; holds the secrets.

    Attributes:
        root: The project's folder.
        reference: Its declaration, as pyproject.toml names it.
        folder: The environment's folder, not there yet.
        socket: The path of the socket, in a folder that isn't there yet either.
        settings: The settings as JSON.
        opened: What the ledger's first record says.
        lifeline: Descriptor of the connection to the controller.
        lock: Descriptor of the ledger's lock, once it is taken.
        listener: Descriptor of the listening socket, once there is one.
    """

    root: str
    reference: str
    folder: str
    socket: str
    settings: str
    opened: dict[str, Any]
    lifeline: int
    lock: int = -1
    listener: int = -1

    @classmethod
    def receive(cls) -> Orders:
        """The orders on standard input."""
        return cls(**json.loads(sys.stdin.buffer.readline()))

    def to_json(self) -> bytes:
        """The orders as one line of JSON."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"


@dataclasses.dataclass(frozen=True)
class Sign:
    """What is told over the lifeline: how far the keeper's process is.

    Attributes:
        step: ``open`` (there is an environment), ``failed`` (there can't be one), ``active`` (the
            keeper is there, for somebody has connected).
        error: Why there can't be one.
    """

    step: str
    error: str = ""

    @classmethod
    def receive(cls, lifeline: Wire) -> Sign | None:
        """The next one; None when the process has died."""
        message = lifeline.receive()
        return None if message is None else cls(**message)

    def send(self, lifeline: Wire) -> None:
        """Tell it.

        Raises:
            OSError: The controller is gone.
        """
        lifeline.send(dataclasses.asdict(self))


def socket_folder(orders: Orders) -> Path:
    """The folder that holds nothing but the socket."""
    return Path(orders.socket).parent


def open_environment(orders: Orders) -> tuple[Ledger, socket.socket]:
    """Make the ledger and the listening socket, on record before it exists."""
    run = Path(orders.folder).name
    book = Ledger.create(Path(orders.folder))
    book.append(Record("open", run=run, data=orders.opened))
    folder = socket_folder(orders)
    book.append(Record("intent", "folder", str(folder), run=run, data={"remover": FOLDER}))
    folder.mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(orders.socket)
    Path(orders.socket).chmod(0o600)
    listener.listen(BACKLOG)
    return book, listener


def become_keeper(orders: Orders, book: Ledger, listener: socket.socket) -> None:
    """Replace this program by the keeper's; the orders go through a pipe, for they hold secrets."""
    handed = dataclasses.replace(orders, lock=book.lock, listener=listener.fileno())
    for descriptor in (handed.lock, handed.listener, handed.lifeline):
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - positional only
    log = os.open(book.folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    reading, writing = os.pipe()
    os.write(writing, handed.to_json())  # some kilobytes; a pipe holds 16 (macOS) or 64 (Linux)
    os.close(writing)
    for source, target in ((reading, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.execv(sys.executable, [sys.executable, "-m", "groundwork.keep.keeper"])  # noqa: S606 - no shell wanted


def main() -> int:
    """Open, wait for a knock or for the controller's end."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = Orders.receive()
    controller = socket.socket(fileno=orders.lifeline)
    wire = Wire(controller)
    try:
        book, listener = open_environment(orders)
    except OSError as error:
        Sign("failed", error.strerror or str(error)).send(wire)
        return 1
    Sign("open").send(wire)
    readable, _, _ = select.select([listener, controller], [], [])
    if listener not in readable:
        return 1 if remove(book) else 0
    become_keeper(orders, book, listener)
    return 1


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
