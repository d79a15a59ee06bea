"""Sweeping: removing what an environment has left whose keeper is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from groundwork.base import ledger, process
from groundwork.base.ledger import Ledger, Record
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
    records = ledger.read(folder)
    begun = ledger.things(records)
    named = [
        Identity(thing.data["pid"], thing.data["start_ticks"], thing.data["boot_id"])
        for thing in reversed(begun)
        if thing.kind in kinds and "pid" in thing.data
    ]
    steps: list[Callable[[], None]] = [
        lambda: process.end(named, grace_s=GRACE_S),
        lambda: end_strays(folder.name),
        *(step for _, step in removals(begun, project_of(records))),
    ]
    errors = attempt(steps)
    damaged = [record.name for record in records if record.step == "damaged"]
    if damaged:  # nobody knows what it told of
        errors.append(
            f"{folder / ledger.FILE}: line {', '.join(damaged)} can't be read; see what is left of "
            "it, and remove the folder yourself"
        )
    errors += attempt([book.delete]) if not errors else []
    book.close()
    return errors


def project_of(records: Iterable[Record]) -> Path | None:
    """The folder of the project that an environment is of; None where it was never opened."""
    opened = next((record for record in records if record.step == "open"), None)
    return Path(opened.data["root"]) if opened is not None else None


def end_strays(token: str) -> None:
    """End what the ledger doesn't name: an intent without an identity, a child of a server.

    Whoever forked just before its parent was killed shows up in a second look at the latest.
    """
    while strays := process.find_by_token(f"{token}:"):
        process.end(strays, grace_s=0)


def sweep(state_dir: Path) -> list[tuple[str, list[str]]]:
    """Remove all environments whose keeper is dead.

    Those that were to be kept, too: nobody can adopt them any more, and what a fault has left
    broken of them nobody would heal.

    Args:
        state_dir: The user's state folder.

    Returns:
        The name of each environment swept, with what could not be removed.
    """
    swept = []
    for folder in ledger.environments(state_dir):
        book = Ledger.seize(folder)
        if book is not None:
            swept.append((folder.name, remove(book)))
    return swept


def is_kept(folder: Path) -> bool:
    """Whether a run has left this environment on purpose."""
    return any(record.step == "kept" for record in ledger.read(folder))
