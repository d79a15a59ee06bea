"""The revision of a project that was run: what a reviewer has to look at to see the same."""

from __future__ import annotations

from pathlib import Path

from groundwork.base import process
from groundwork.base.process import ProcessFailedError

__all__ = ["revision_of"]

# Git answers in some hundredths of a second; on a cold disk it may read a large index first.
TIMEOUT_S = 10.0

# Behind a commit whose files aren't what was committed.
CHANGED = " and changes that aren't committed"


def revision_of(root: Path) -> str:
    """The commit of a project's folder, and whether it was changed since; empty without git."""
    try:
        commit = git(root, "rev-parse", "HEAD").strip()
        changed = git(root, "status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, ProcessFailedError):
        return ""
    return commit + (CHANGED if changed else "")


def git(root: Path, *words: str) -> str:
    """What a command of git says that changes nothing."""
    # No lock on the index: somebody may be committing at this moment.
    return process.run(
        ["git", "--no-optional-locks", "-C", root, *words], timeout_s=TIMEOUT_S
    ).output
