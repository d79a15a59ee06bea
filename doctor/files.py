"""Files: .env, and the folders that runs write to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

from doctor.remark import Remark

__all__ = ["cache_dir", "history_dir", "look", "out_dir", "state_dir", "told"]

# The engine reads its settings and nothing else: a second.
SETTINGS_TIMEOUT_S = 60

# What a folder of ours is called where a variable names none: by platformdirs, as the engine does.
NAME = "groundwork"


def look(root: Path) -> Iterator[Remark]:
    """What is wrong with them."""
    wrong = list(env_file(root / ".env"))
    yield from wrong
    said: list[Path] = []  # a folder in one that can't be written can't be either: told once
    for variable, folder, why in (
        ("GROUNDWORK_CACHE_DIR", cache_dir(root), "programs are fetched and built into it"),
        ("GROUNDWORK_STATE_DIR", state_dir(root), "it has the ledgers of what must be removed"),
        ("GROUNDWORK_OUT_DIR", out_dir(root), "reports are written into it"),
        ("GROUNDWORK_HISTORY_DIR", history_dir(root), "what runs came to is remembered there"),
    ):
        if not set(said).intersection(folder.parents):
            for each in writable(folder, variable, why):
                said.append(folder)
                yield each
    yield from writable(Path(tempfile.gettempdir()), "TMPDIR", "sockets lie in it")
    if not wrong:
        yield from settings(root)


def env_file(file: Path) -> Iterator[Remark]:
    """Whether .env can be read; it needn't be there."""
    why = "settings and secrets are read from it"
    mend = f"mend it, or begin anew: mv {file.name} {file.name}.old && cp .env.example {file.name}"
    if not file.exists():
        return
    try:
        file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told_why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        yield Remark(f"{file}: can't be read ({told_why})", why, mend)


def settings(root: Path) -> Iterator[Remark]:
    """What the engine itself says of all settings, once it is installed."""
    python = root / ".venv" / "bin" / "python"
    if not python.exists():
        return
    ask = (
        "from pathlib import Path; from fixtures import ENVIRONMENT; "
        "ENVIRONMENT.settings.load({}, Path.cwd())"
    )
    try:
        done = subprocess.run(
            [str(python), "-c", ask],
            check=False,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SETTINGS_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Remark(
            f".venv: can't be used ({error})", "all is installed there", "make clean setup"
        )
        return
    if done.returncode:
        last = done.stdout.decode(errors="replace").strip().splitlines()[-1]
        if "UsageError: " in last:
            text = last.partition("UsageError: ")[2]
            yield Remark(
                f"settings: {text}", "nothing starts with them", "mend .env or the variable"
            )
        else:
            yield Remark(f".venv: {last}", "all is installed there", "make clean setup")


def told(variable: str, root: Path) -> str:
    """A variable, of the environment or else of .env; empty where neither has it."""
    if os.environ.get(variable):
        return os.environ[variable]
    try:
        lines = (root / ".env").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    found = [line.partition("=")[2] for line in lines if line.partition("=")[0].strip() == variable]
    return found[-1].strip().strip("\"'") if found else ""


def cache_dir(root: Path) -> Path:
    """Where programs are kept."""
    own = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return folder_of("GROUNDWORK_CACHE_DIR", root, Path(os.environ.get("XDG_CACHE_HOME") or own))


def state_dir(root: Path) -> Path:
    """Where ledgers are kept."""
    macos = sys.platform == "darwin"
    own = Path.home() / ("Library/Application Support" if macos else ".local/state")
    return folder_of("GROUNDWORK_STATE_DIR", root, Path(os.environ.get("XDG_STATE_HOME") or own))


def out_dir(root: Path) -> Path:
    """Where reports go."""
    given = told("GROUNDWORK_OUT_DIR", root)
    return root / Path(given).expanduser() if given else root / "reports" / "out"


def history_dir(root: Path) -> Path:
    """Where runs are remembered."""
    given = told("GROUNDWORK_HISTORY_DIR", root)
    return root / Path(given).expanduser() if given else state_dir(root) / "history"


def folder_of(variable: str, root: Path, parent: Path) -> Path:
    """The folder that a variable names, or the user's own."""
    given = told(variable, root)
    return root / Path(given).expanduser() if given else parent / NAME


def writable(folder: Path, variable: str, why: str) -> Iterator[Remark]:
    """Whether a folder can be written, or made: tried, for rights don't tell all (root, mounts)."""
    there = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-"):
            return
    except OSError as error:
        yield Remark(
            f"{folder}: can't be written ({error.strerror})",
            why,
            f"set {variable} to a folder that you can write",
        )
