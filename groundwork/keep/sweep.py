"""Sweeping: removing what an environment has left whose keeper is dead."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from groundwork.base import ledger, process
from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Ledger
from groundwork.base.process import Identity

__all__ = ["ALL", "RESOURCES", "attempt", "end_strays", "remove", "remove_folder", "sweep"]

# Nobody waits for a clean shutdown of what a dead run has left.
GRACE_S = 2.0


# The kinds of processes in a ledger: the resources' own, and those of the run.
RESOURCES = frozenset({"process"})
ALL = frozenset({"process", "worker"})


def remove(book: Ledger, kinds: frozenset[str] = ALL) -> list[str]:
    """Remove everything that a ledger tells of, newest first, and then the ledger itself.

    Args:
        book: The ledger, seized from its dead keeper.
        kinds: The processes to end. A run that outlives its keeper has its workers still: they
            fail their tests, which says more than their death.

    Returns:
        What could not be removed; the ledger stays on disk then, for the next sweep.
    """
    folder = book.folder
    begun = tuple(reversed(ledger.things(ledger.read(folder))))
    named = [
        Identity(thing.data["pid"], thing.data["start_ticks"], thing.data["boot_id"])
        for thing in begun
        if thing.kind in kinds and "pid" in thing.data
    ]
    clusters = [thing for thing in begun if thing.kind == "cluster"]
    folders = [thing.name for thing in begun if thing.kind == "folder"]
    steps: list[Callable[[], None]] = [
        lambda: process.end(named, grace_s=GRACE_S),
        lambda: end_strays(folder.name),
        *(partial(remove_cluster, thing.name, thing.data) for thing in clusters),
        *(partial(remove_folder, Path(name)) for name in folders),
    ]
    errors = attempt(steps) or attempt([book.delete])
    book.close()
    return errors


def attempt(steps: Iterable[Callable[[], None]]) -> list[str]:
    """Take every step of a removal, whatever becomes of the others; what went wrong."""
    errors = []
    for step in steps:
        try:
            step()
        except (GroundworkError, OSError) as error:
            errors.append(str(error))
    return errors


def end_strays(token: str) -> None:
    """End what the ledger doesn't name: an intent without an identity, a child of a server.

    Whoever forked just before its parent was killed shows up in a second look at the latest.
    """
    while strays := process.find_by_token(f"{token}:"):
        process.end(strays, grace_s=0)


def remove_cluster(name: str, record: Mapping[str, Any]) -> None:
    """Remove a cluster, which takes an extra of the engine's packages."""
    from groundwork.clusters import removal  # noqa: PLC0415 - not installed where there is none

    removal.remove_cluster(name, record)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there still."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def sweep(state_dir: Path, *, kept: bool = False) -> list[tuple[str, list[str]]]:
    """Remove all environments whose keeper is dead.

    Args:
        state_dir: The user's state folder.
        kept: Also those that were to be kept (`groundwork down`).

    Returns:
        The name of each environment swept, with what could not be removed.
    """
    swept = []
    for folder in ledger.environments(state_dir):
        if not kept and is_kept(folder):
            continue
        book = Ledger.seize(folder)
        if book is not None:
            swept.append((folder.name, remove(book)))
    return swept


def is_kept(folder: Path) -> bool:
    """Whether a run has left this environment on purpose."""
    return any(record.step == "kept" for record in ledger.read(folder))
