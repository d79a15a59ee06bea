"""Noise: the error lines of logs that are as they should be, each with its reason.

One file of the project lists them. Whatever else a resource complains of in a run that passes makes
that run fail; so does an entry that explains nothing where it should.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from groundwork.base.entries import read_entries
from groundwork.base.errors import UsageError
from groundwork.checkers.hygiene import Noise, Phase

__all__ = ["load_noises"]

# Less is said by chance: "error", "timed out".
Literally = Annotated[str, Field(min_length=12)]


@dataclass(frozen=True)
class Entry:
    """An entry of the list: see :class:`groundwork.checkers.hygiene.Noise`.

    Attributes:
        shown_by: A pattern of node ids, below the file's own folder, as a shell matches names;
            none where the lines come at times.
        when: The values of settings under which it is heard, by the setting's name; all must hold.
    """

    resource: str
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    texts: Annotated[tuple[Literally, ...], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    shown_by: str = ""
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def load_noises(
    file: Path, known: Collection[str], root: Path, settings: Mapping[str, Any]
) -> tuple[Noise, ...]:
    """Read the list; patterns come out relative to ``root``, as node ids are.

    Args:
        file: It.
        known: The names of all resources that there are anywhere.
        root: The project's.
        settings: What is heard under others isn't among them.

    Raises:
        UsageError: It is malformed, or names a resource or a setting that isn't known.
    """
    where = file.relative_to(root)
    found = read_entries(file, root, Entry)
    for number, each in enumerate(found):
        if each.resource not in known:
            raise UsageError(f"{where}: entry {number}: no such resource: {each.resource}")
        for name in sorted(each.when.keys() - settings.keys()):
            raise UsageError(f"{where}: entry {number}: no such setting: {name}")
    return tuple(
        Noise(
            e.resource,
            e.phases,
            e.texts,
            e.reason,
            (where.parent / e.shown_by).as_posix() if e.shown_by else "",
        )
        for e in found
        if all(settings[name] in values for name, values in e.when.items())
    )
