"""Programs: Python and its venv, git, make, and a container engine that works."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from typing import Iterator, Sequence

from doctor.remark import Remark
from doctor.system import install

__all__ = ["look"]

# The project's own (pyproject.toml: requires-python).
PYTHON = (3, 11)
# macOS has this one; nothing newer is used in the Makefile.
MAKE = (3, 81)

# An engine's daemon that doesn't answer in this time won't.
ANSWER_TIMEOUT_S = 20

ENGINES = ("docker", "podman")


def look(system: str) -> Iterator[Remark]:
    """What is wrong with them."""
    yield from python(sys.version_info[:2], system)
    yield from git(system)
    yield from make(system)
    yield from engine(system)


def python(version: Sequence[int], system: str) -> Iterator[Remark]:
    """Python, and whether it can make virtual environments (Debian packs that by itself)."""
    if tuple(version) < PYTHON:
        told = ".".join(map(str, version))
        yield Remark(
            f"python: {sys.executable} is {told}",
            "3.11 or newer is needed",
            f"{install('python', system)}, or make PYTHON=/path/to/python3.11",
        )
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        yield Remark(
            f"venv: {sys.executable} can't make virtual environments",
            "everything is installed into one",
            install("venv", system),
        )


def git(system: str) -> Iterator[Remark]:
    """Git: lint asks it which files there are, and hooks are its own."""
    if shutil.which("git") is None:
        yield Remark("git: not on PATH", "lint asks it for the files", install("git", system))


def make(system: str) -> Iterator[Remark]:
    """GNU make, whose name isn't make everywhere."""
    program = shutil.which("make")
    if program is None:
        yield Remark(
            "make: not on PATH", "every command is one of its targets", install("make", system)
        )
        return
    said = ask([program, "--version"])
    found = re.search(r"GNU Make (\d+)\.(\d+)", said)
    if found is None or tuple(map(int, found.groups())) < MAKE:
        yield Remark(
            f"make: {program} isn't GNU make 3.81 or newer",
            "the Makefile is written for that",
            install("make", system),
        )


def engine(system: str) -> Iterator[Remark]:
    """Docker or Podman: found, and whether it answers."""
    why = "--env kind needs one, --env local doesn't"
    found = [name for name in ENGINES if shutil.which(name) is not None]
    if not found:
        mend = f"{install('docker', system)}, or as root on Debian: make engine"
        yield Remark("engine: neither docker nor podman is on PATH", why, mend, needed=False)
        return
    silent = {name: said for name in found if (said := silence(name))}
    if len(silent) == len(found):
        told = "; ".join(f"{name} can't be used ({said})" for name, said in silent.items())
        mend = "start its daemon (sudo systemctl start docker), and let your user reach it"
        if system == "macos":
            mend = "start Docker Desktop, or: podman machine start"
        yield Remark(f"engine: {told}", why, mend, needed=False)


def silence(name: str) -> str:
    """Why an engine doesn't answer; empty where it does."""
    words = [name, "info", "--format", "{{.Host}}" if name == "podman" else "{{.ServerVersion}}"]
    try:
        done = subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {ANSWER_TIMEOUT_S} s"
    except OSError as error:
        return str(error.strerror)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return (said[-1] if said else f"exit code {done.returncode}") if done.returncode else ""


def ask(words: Sequence[str]) -> str:
    """What a program says of itself; empty where it can't."""
    try:
        done = subprocess.run(
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=ANSWER_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
