"""What runs where: the tests that can't be expressed in some environments, and why.

One file of the project lists them, so that a reviewer can read in one place what a green run on a
platform has not looked at. Such tests are deselected, told at the end of the run, and a failure
under ``--strict-env``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from groundwork.base.entries import read_entries
from groundwork.base.errors import UsageError

__all__ = ["Exclusion", "load_exclusions"]


@dataclass(frozen=True)
class Exclusion:
    """Tests that can't be expressed under some settings.

    Attributes:
        tests: A pattern of node ids, below the file's own folder, as a shell matches names.
        when: The values of settings under which they can't be, by the setting's name; all must
            hold.
        reason: Why, in one sentence.
    """

    tests: str
    when: Annotated[Mapping[str, tuple[Any, ...]], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]

    def applies(self, settings: Mapping[str, Any]) -> bool:
        """Whether these settings are among those meant."""
        return all(settings[name] in values for name, values in self.when.items())


def load_exclusions(file: Path, known: Iterable[str], root: Path) -> tuple[Exclusion, ...]:
    """Read the list; patterns come out relative to ``root``, as node ids are.

    Raises:
        UsageError: It is malformed, or names a setting that isn't known.
    """
    where = file.relative_to(root)
    found = read_entries(file, root, Exclusion)
    unknown = {name for each in found for name in each.when} - set(known)
    if unknown:
        raise UsageError(f"{where}: no such settings: {', '.join(sorted(unknown))}")
    folder = where.parent.as_posix()
    return tuple(Exclusion(f"{folder}/{each.tests}", each.when, each.reason) for each in found)
