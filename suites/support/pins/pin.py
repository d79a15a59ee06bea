"""A pin: something of others that this project takes in one version, and where that stands.

Why a version stays though there is a newer one stands beside it, in a comment: `stays: REASON`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

__all__ = ["Pin", "is_newer", "reason_in"]

STAYS = re.compile(r"\bstays: (?P<reason>.+?)\s*$")


@dataclass(frozen=True)
class Pin:
    """Something of others, in one version.

    Attributes:
        kind: Who is asked for newer ones: ``PyPI``, ``Go``, ``Maven``, ``npm``, ``images``,
            ``actions`` or ``charts``.
        name: What it is called there.
        version: The version, as it stands in the file.
        file: The file, from the project's root.
        stays: Why it stays though there is a newer one; empty where nobody says so.
        needed_by: Who needs it, where it isn't we.
    """

    kind: str
    name: str
    version: str
    file: str
    stays: str = ""
    needed_by: tuple[str, ...] = ()


def reason_in(line: str) -> str:
    """Why the version in a line stays; empty where nobody says so."""
    found = STAYS.search(line)
    return found["reason"] if found else ""


def is_newer(found: str, pinned: str) -> bool:
    """Whether a version comes after another; one that can't be compared does if it is another."""
    try:
        return Version(found.removeprefix("v")) > Version(pinned.removeprefix("v"))
    except InvalidVersion:
        return found != pinned
