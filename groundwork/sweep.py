"""Sweeping: removing what an environment has left whose keeper is dead."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from groundwork import ledger, process
from groundwork.errors import GroundworkError
from groundwork.ledger import Ledger
from groundwork.process import Identity, ProcessFailedError

__all__ = ["ALL", "RESOURCES", "remove", "sweep"]

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
    errors: list[str] = []
    begun = ledger.things(ledger.read(folder))
    named = [
        Identity(thing.data["pid"], thing.data["start_ticks"], thing.data["boot_id"])
        for thing in reversed(begun)
        if thing.kind in kinds and "pid" in thing.data
    ]
    try:
        process.end(named, grace_s=GRACE_S)
        # An intent without an identity, a child of a server, a command cut short: by their token.
        # Whoever forked just before its parent was killed shows up in a second look at the latest.
        while strays := process.find_by_token(f"{folder.name}:"):
            process.end(strays, grace_s=0)
    except ProcessFailedError as error:
        errors.append(str(error))
    for thing in reversed(begun):
        if thing.kind == "cluster":
            from groundwork.clusters.removal import remove_cluster  # noqa: PLC0415 - an extra's

            try:
                remove_cluster(thing.name, thing.data)
            except GroundworkError as error:
                errors.append(str(error))
    for thing in reversed(begun):
        if thing.kind == "folder":
            with contextlib.suppress(FileNotFoundError):
                try:
                    shutil.rmtree(thing.name)
                except PermissionError as error:
                    errors.append(str(error))
    if not errors:
        book.delete()
    book.close()
    return errors


def sweep(state_dir: Path, *, kept: bool = False) -> list[tuple[str, list[str]]]:
    """Remove all environments whose keeper is dead.

    Args:
        state_dir: The user's state folder.
        kept: Also those that were to be kept (`make down`).

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
