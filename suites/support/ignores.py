"""Ignores: what a linter or an audit finds and we leave for a while, by name and until a day.

All of them stand in one file, and nowhere else: comments in the files that are looked at are not
heard. So it can be seen at any time how many there are, and none is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from fixtures.paths import TOOLS
from groundwork.base.errors import UsageError
from groundwork.base.reader import load

__all__ = ["IGNORES", "Finding", "Ignore", "left", "load_ignores"]

IGNORES = TOOLS / "ignores.yaml"

# Over all tools. Whoever needs a sixth mends one of the five first.
MOST = 5
# A quarter of a year: long enough for a release that mends it, too short to be forgotten.
LONGEST = timedelta(days=90)


@dataclass(frozen=True)
class Finding:
    """What a tool has found.

    Attributes:
        rule: The tool's own name of what is wrong.
        file: The file's path below the folder that was looked at.
    """

    tool: str
    rule: str
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.file}:{self.line}: {self.tool} {self.rule}: {self.text}"


@dataclass(frozen=True)
class Ignore:
    """One finding that is left, why, and until when."""

    tool: str
    rule: str
    file: str
    reason: str
    until: date

    def covers(self, finding: Finding) -> bool:
        """Whether it is of this finding."""
        mine = (self.tool, self.rule, self.file)
        return mine == (finding.tool, finding.rule, finding.file)


def load_ignores(file: Path, today: date) -> tuple[Ignore, ...]:
    """The ignores of a file.

    Raises:
        UsageError: There are too many, or one has no reason, no day, or a day that is over or too
            far ahead; one line that names it.
    """
    listed = load(file.read_text(encoding="utf-8")) or []
    if len(listed) > MOST:
        raise UsageError(f"{file}: {len(listed)} ignores; at most {MOST} over all tools")
    return tuple(checked(entry, file, today) for entry in listed)


def checked(entry: object, file: Path, today: date) -> Ignore:
    """One entry of the file."""
    fields = set(Ignore.__dataclass_fields__)
    if not isinstance(entry, dict) or entry.keys() != fields or not all(entry.values()):
        raise UsageError(f"{file}: {entry}: needs each of {', '.join(sorted(fields))}")
    found = Ignore(**entry)
    name = f"{file}: {found.tool} {found.rule} in {found.file}"
    if not isinstance(found.until, date):
        raise UsageError(f"{name}: until {found.until}: should be a day, as 2030-01-31")
    if found.until < today:
        raise UsageError(f"{name}: ignored until {found.until}, which is over: mend it")
    if found.until > today + LONGEST:
        raise UsageError(f"{name}: until {found.until}: at most {LONGEST.days} days ahead")
    return found


def left(
    findings: Iterable[Finding], ignores: Iterable[Ignore], tools: Iterable[str]
) -> list[Finding]:
    """The findings that no ignore covers.

    Args:
        findings: What some tools have found.
        ignores: Those of all tools.
        tools: The tools that were run: an ignore of one of theirs must be of something.

    Raises:
        UsageError: An ignore covers nothing: what it was of is mended.
    """
    found, ran = tuple(findings), frozenset(tools)
    for each in ignores:
        if each.tool in ran and not any(map(each.covers, found)):
            raise UsageError(f"{each.tool} finds no {each.rule} in {each.file}: drop its ignore")
    return [each for each in found if not any(ignore.covers(each) for ignore in ignores)]
