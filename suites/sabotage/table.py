"""The table: what became of each injection, and the score."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import pytest

from suites.sabotage.injection import Edit, Injection
from suites.sabotage.listed import INJECTIONS

__all__ = ["PROPERTY", "Row", "lines_of", "rows_of"]

# What a row is called among a test's properties, which reach the run's own process from whichever
# process the test ran in.
PROPERTY = "sabotage"


@dataclass(frozen=True)
class Row:
    """What became of an injection.

    Attributes:
        name: The injection's.
        how: Whether a declaration was edited or a server altered.
        failed: The tests that failed; none where the run was refused, or green.
        green: Whether nobody noticed.
        named: Whether what was said named the cause.
    """

    name: str
    how: str
    failed: tuple[str, ...]
    green: bool
    named: bool

    @classmethod
    def of(cls, injection: Injection, failed: tuple[str, ...], *, green: bool, named: bool) -> Row:
        """The row of an injection."""
        how = "edited" if isinstance(injection.act, Edit) else "altered"
        return cls(injection.name, how, failed, green, named)

    def note(self, test: pytest.Item) -> None:
        """Write it among a test's properties."""
        test.user_properties.append((PROPERTY, json.dumps(asdict(self))))


def rows_of(noted: Iterable[str]) -> list[Row]:
    """The rows that tests have noted, in the list's order."""
    place = {injection.name: number for number, injection in enumerate(INJECTIONS)}
    told = [Row(**json.loads(value)) for value in noted]
    return sorted(told, key=lambda row: place[row.name])


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """The table as Markdown, and the score below it."""
    yield "| what was got wrong | how | what failed | named |"
    yield "|---|---|---|---|"
    for row in rows:
        failed = ", ".join(each.rpartition("/")[2] for each in row.failed) or "the run was refused"
        named = "yes" if row.named else "no"
        yield f"| {row.name} | {row.how} | {'-' if row.green else failed} | {named} |"
    good, green = sum(row.named for row in rows), sum(row.green for row in rows)
    yield ""
    yield f"{len(rows)} injected, {good} named ({good / len(rows):.0%}), {green} green"
