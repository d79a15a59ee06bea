"""Frozen control groups: why a killed container may never end, and what to do about it.

A node's own container runtime freezes a pod's control group while it changes its devices. Killed in
that moment it leaves the group frozen, and on control groups of version 1 a frozen process doesn't
die of SIGKILL: the node's first process waits for it for ever, and so does whoever removes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["thaw"]

# Where version 1 has them; version 2 has no such folder, and needs none of this.
FREEZER = Path("/sys/fs/cgroup/freezer")


def thaw(containers: Iterable[str]) -> None:
    """Let all frozen processes of killed containers go on, to their end.

    Args:
        containers: Ids of containers, in full: engines name control groups by them.
    """
    for container in containers:
        for state in frozen(container):
            with contextlib.suppress(OSError):  # it has just gone
                state.write_text("THAWED")


def frozen(container: str) -> Iterator[Path]:
    """The switches of a container's control groups that are frozen."""
    if not FREEZER.is_dir():
        return
    for group in FREEZER.rglob(f"*{container}*"):
        for state in group.rglob("freezer.state"):
            with contextlib.suppress(OSError):
                if state.read_text().strip() != "THAWED":
                    yield state
