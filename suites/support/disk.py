"""A disk that is full: a small file system of a run's own, which is gone with the run."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["free_share_of", "on_a_small_disk"]

MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'


def on_a_small_disk(folder: Path, size: str, argv: list[str]) -> list[str]:
    """The command that runs another with a folder that has room for so much, such as ``64k``."""
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *own, "sh", "-c", MOUNT, "sh", size, str(folder), *argv]


def free_share_of(folder: Path) -> float:
    """How much of a file system can be written to, as the kernel says."""
    told = os.statvfs(folder)
    return told.f_bavail / told.f_blocks
