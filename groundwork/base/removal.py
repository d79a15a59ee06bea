"""Removers: the functions that the ledger names for taking things away.

Whatever is made is recorded before it exists, together with who removes it, as
``package.module:function``, and the data that this function needs. So a thing can be removed by
whoever reads the ledger, also when everybody is dead who knew what sort of thing it is: a compose
project, a mount, a rule of the firewall, something of another team's provider.

A remover is called with the thing's name and its data. It must bear being called for what was never
made, was half made, or is gone already, and so being called twice; it raises where something stays.

A ledger is data, and must not be a way to have anything run: only the engine's own code is, and
that of the project which the ledger was opened for. The project's runs in a process of its own
(``python -m groundwork.base.removal REMOVER NAME DATA``, in the project's folder), for whoever
sweeps may be of another project with modules of the same names.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Thing
from groundwork.base.process import ProcessFailedError

__all__ = ["FOLDER", "Remover", "attempt", "removals", "remove_folder"]

Remover = Callable[[str, Mapping[str, Any]], None]

ENGINE = "groundwork."

# As long as the engine's slowest takes: what is in somebody else's cluster has 120 s to go.
REMOVER_TIMEOUT_S = 150.0


def removals(
    things: Iterable[Thing], project: Path | None
) -> list[tuple[Thing, Callable[[], None]]]:
    """The things that a remover is named for, newest first, each with what removes it.

    Args:
        things: What was begun and not removed, oldest first.
        project: The folder of the project that the environment is of; None where it isn't known.
    """
    named = [each for each in things if each.remover]
    return [(each, partial(remove, each, project)) for each in reversed(named)]


def remove(thing: Thing, project: Path | None) -> None:
    """Remove one thing.

    Raises:
        GroundworkError: It is there still, or its remover can't be called.
    """
    if thing.remover.startswith(ENGINE):
        load(thing.remover)(thing.name, thing.data)
        return
    if project is None or not project.is_dir():
        raise GroundworkError(f"{thing.kind} {thing.name}: the project of {thing.remover} is gone")
    argv = [sys.executable, "-m", __name__, thing.remover, thing.name, json.dumps(thing.data)]
    try:
        process.run(argv, timeout_s=REMOVER_TIMEOUT_S, cwd=project)
    except ProcessFailedError as error:
        said = error.output.strip().rpartition("\n")[2] or str(error).partition("\n")[0]
        raise GroundworkError(f"{thing.kind} {thing.name}: {said}") from error


def load(reference: str) -> Remover:
    """The function of a reference.

    Raises:
        GroundworkError: It can't be imported.
    """
    module, _, function = reference.partition(":")
    try:
        remover: Remover = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise GroundworkError(f"{reference} can't be loaded: {error}") from error
    return remover


def is_of(project: Path, module: str) -> bool:
    """Whether a module is the project's own; nothing of it is run.

    A virtual environment may lie in the project: what is installed there isn't the project's.
    """
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    origin = Path(spec.origin).resolve()
    return origin.is_relative_to(project.resolve()) and "site-packages" not in origin.parts


def attempt(steps: Iterable[Callable[[], None]]) -> list[str]:
    """Take every step of a removal, whatever becomes of the others; what went wrong."""
    errors = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the rest is removed all the same
            told = isinstance(error, (GroundworkError, OSError))
            errors.append(f"{error}" if told else f"{type(error).__name__}: {error}")
    return errors


# What removes a folder.
FOLDER = "groundwork.base.removal:remove_folder"


def remove_folder(name: str, data: Mapping[str, Any]) -> None:
    """Remove a folder with all that is in it, if it is there still."""
    del data
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(name)


def main() -> int:
    """Call a remover of the project whose folder this is; its error is the last line printed."""
    remover, name, data = sys.argv[1:]
    if not is_of(Path.cwd(), remover.partition(":")[0]):
        sys.stderr.write(f"{remover} is neither the engine's nor the project's\n")
        return 1
    for error in attempt([lambda: load(remover)(name, json.loads(data))]):
        sys.stderr.write(" ".join(error.split()) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
