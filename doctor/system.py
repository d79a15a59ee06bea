"""Systems: which one this is, and how it installs what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Mapping

__all__ = ["SYSTEMS", "install", "this_system"]

# What is called otherwise somewhere.
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "debian": {"python": "python3", "venv": "python3-venv", "docker": "docker.io"},
    "fedora": {"python": "python3", "venv": "python3", "docker": "moby-engine"},
    "macos": {"venv": "python", "docker": "--cask docker"},
}

INSTALLERS: Mapping[str, str] = {
    "debian": "sudo apt-get install",
    "fedora": "sudo dnf install",
    "macos": "brew install",
}

SYSTEMS = tuple(INSTALLERS)

OS_RELEASE = Path("/etc/os-release")


def this_system(platform: str = sys.platform, os_release: Path = OS_RELEASE) -> str:
    """One of SYSTEMS, or an empty text where it is none that we know."""
    if platform == "darwin":
        return "macos"
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    kinds = f"{told.get('ID', '')} {told.get('ID_LIKE', '')}".replace('"', "").split()
    families = {"debian": "debian", "ubuntu": "debian", "fedora": "fedora", "rhel": "fedora"}
    return next((families[kind] for kind in kinds if kind in families), "")


def install(program: str, system: str) -> str:
    """The command that installs a program here."""
    if not system:
        return f"install {program} by your system's means"
    return f"{INSTALLERS[system]} {PACKAGES[system].get(program, program)}"
