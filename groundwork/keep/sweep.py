"""Sweeping: removing what an environment has left whose keeper is dead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from groundwork.base import ledger, process
from groundwork.base.ledger import Ledger
from groundwork.base.process import Identity
from groundwork.base.removal import attempt, removals

__all__ = ["ALL", "RESOURCES", "end_strays", "remove", "sweep"]

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
    begun = reversed(ledger.things(ledger.read(folder)))
    named = [
        Identity(thing.data["pid"], thing.data["start_ticks"], thing.data["boot_id"])
        for thing in begun
        if thing.kind in kinds and "pid" in thing.data
    ]
    steps: list[Callable[[], None]] = [
        lambda: process.end(named, grace_s=GRACE_S),
        lambda: end_strays(folder.name),
        *(step for _, step in removals(folder, lambda _: True)),
    ]
    errors = attempt(steps) or attempt([book.delete])
    book.close()
    return errors


def end_strays(token: str) -> None:
    """End what the ledger doesn't name: an intent without an identity, a child of a server.

    Whoever forked just before its parent was killed shows up in a second look at the latest.
    """
    while strays := process.find_by_token(f"{token}:"):
        process.end(strays, grace_s=0)


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
