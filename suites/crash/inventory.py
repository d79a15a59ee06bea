"""What there is on the machine that a run could have left behind."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from groundwork import ledger, ports
from groundwork.process import TOKEN

__all__ = ["Inventory", "take"]


@dataclass(frozen=True)
class Inventory:
    """Everything of a run's kind, at one moment.

    Attributes:
        processes: pid, start (seconds since the epoch) and command line of the processes that
            carry the run's mark or an environment's token.
        ports: Listening TCP ports in the range that environments use.
        sockets: Paths of environments' listening Unix sockets.
        folders: What lies in the temporary folder of the runs, and environments' folders in the
            machine's own.
        environments: Folders with a ledger.
    """

    processes: frozenset[tuple[int, float, str]]
    ports: frozenset[int]
    sockets: frozenset[str]
    folders: frozenset[str]
    environments: frozenset[str]

    def beyond(self, before: Inventory) -> list[str]:
        """What is here and was not before, in words."""
        return [
            f"{name}: {item}"
            for name in self.__dataclass_fields__
            for item in sorted(getattr(self, name) - getattr(before, name))
        ]


def take(mark: str, state_dir: Path, tmp_dir: Path) -> Inventory:
    """Look around. ``mark`` is NAME=VALUE in the environment of every run that is looked for."""
    tcp = (c for c in psutil.net_connections("tcp") if c.status == "LISTEN")
    listening = {c.laddr.port for c in tcp if c.laddr}
    unix = {str(c.laddr) for c in psutil.net_connections("unix")}
    general = Path(tempfile.gettempdir()).glob("groundwork-*")
    # pytest keeps its numbered folders on purpose.
    own = (path for path in tmp_dir.iterdir() if not path.name.startswith("pytest-of-"))
    return Inventory(
        frozenset(_marked(mark)),
        frozenset(port for port in listening if ports.FIRST <= port <= ports.LAST),
        frozenset(path for path in unix if "groundwork-" in path),
        frozenset(str(path) for path in (*general, *own)),
        frozenset(str(path) for path in ledger.environments(state_dir)),
    )


def _marked(mark: str) -> list[tuple[int, float, str]]:
    name, _, value = mark.partition("=")
    found = []
    for each in psutil.process_iter():
        try:
            if each.pid == os.getpid() or each.status() == psutil.STATUS_ZOMBIE:
                continue
            environ = each.environ()
            if environ.get(name) == value or TOKEN in environ:
                found.append((each.pid, each.create_time(), " ".join(each.cmdline())[:120]))
        except psutil.Error:  # it has just ended, or isn't ours
            continue
    return found
