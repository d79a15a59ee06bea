"""Descriptors: how many files and connections a process may have open, and which it has.

Only Linux lets one process look at another's and set them (prlimit).
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from itertools import count, islice
from pathlib import Path

import psutil

from groundwork.base.process import Identity, ProcessFailedError

__all__ = ["SETTABLE", "allow", "allowed", "leave"]

# Whether this system lets anybody set another process's limit.
SETTABLE = sys.platform == "linux"


def allowed(identity: Identity) -> int | None:
    """How many descriptors a process may have; None where it is gone, or nobody can tell."""
    if sys.platform == "linux":
        try:
            return psutil.Process(identity.pid).rlimit(psutil.RLIMIT_NOFILE)[0]
        except (psutil.Error, OSError):
            return None
    return None


def allow(identity: Identity, soft: int) -> None:
    """Let a process have so many; what it has beyond stays open. One that is gone needs none.

    Raises:
        ProcessFailedError: The kernel refuses.
    """
    if sys.platform != "linux":
        raise ProcessFailedError("only Linux sets the limits of another process")
    if not identity.alive():
        return
    try:
        found = psutil.Process(identity.pid)
        hard = found.rlimit(psutil.RLIMIT_NOFILE)[1]
        found.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    except psutil.NoSuchProcess:
        return
    except (psutil.Error, OSError) as error:
        raise ProcessFailedError(
            f"can't let process {identity.pid} have {soft} descriptors: {error}"
        ) from error


def leave(identity: Identity, spare: int) -> None:
    """Let a process open so many more than it has open, and no others.

    Raises:
        ProcessFailedError: The kernel refuses.
    """
    try:
        taken = {int(each.name) for each in Path(f"/proc/{identity.pid}/fd").iterdir()}
    except FileNotFoundError:
        return  # it has just ended
    except OSError as error:
        raise ProcessFailedError(
            f"can't see what process {identity.pid} has open: {error}"
        ) from error
    allow(identity, limit_of(taken, spare))


def limit_of(taken: Collection[int], spare: int) -> int:
    """The limit that leaves so many numbers free.

    A new descriptor gets the least number that is free, and the limit is one of numbers: so gaps
    below it count, and what is open above doesn't.
    """
    free = (number for number in count() if number not in taken)
    return next(islice(free, spare, None))
