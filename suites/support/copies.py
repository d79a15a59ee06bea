"""Copies of the project, for tests that change it or run it where it doesn't lie."""

from __future__ import annotations

import shutil
from pathlib import Path

from fixtures.paths import ROOT

__all__ = ["LEFT_OUT", "copy_project"]

# What isn't the project's: outputs, caches, the user's settings, the virtual environment.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".env", ".*_cache", ".hypothesis", "__pycache__", "out"
)


def copy_project(target: Path) -> Path:
    """Copy what belongs to the project into a folder that isn't there yet, and return that."""
    return Path(shutil.copytree(ROOT, target, ignore=LEFT_OUT))
