"""Kept environments: left on purpose, to be adopted by runs and used by whoever isn't a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from groundwork.base import ledger
from groundwork.base.errors import UsageError
from groundwork.keep.sweep import is_kept
from groundwork.use.command import find_declared

__all__ = ["Kept", "kept_environments", "kept_socket"]


@dataclass(frozen=True)
class Kept:
    """An environment that was left on purpose and whose keeper lives."""

    folder: Path
    socket: Path
    fingerprint: str


def kept_environments(state_dir: Path) -> tuple[Kept, ...]:
    """All kept environments, living or not; the dead have nobody behind their socket."""
    found = []
    for folder in ledger.environments(state_dir):
        records = ledger.read(folder)
        opened = next((record for record in records if record.step == "open"), None)
        if opened is not None and is_kept(folder):
            found.append(Kept(folder, Path(opened.data["socket"]), opened.data["fingerprint"]))
    return tuple(found)


def kept_socket() -> Path:
    """The socket of the one environment that is kept for the project here.

    Raises:
        UsageError: There is no project, no kept environment, or more than one.
    """
    declared = find_declared()
    settings = declared.environment.settings.load({}, declared.root)
    kept = kept_environments(settings.state_dir)
    if not kept:
        raise UsageError("no environment is running here: `groundwork up` begins one")
    if len(kept) > 1:
        names = ", ".join(each.folder.name for each in kept)
        raise UsageError(f"several environments are kept ({names}): `groundwork down` ends them")
    return kept[0].socket
