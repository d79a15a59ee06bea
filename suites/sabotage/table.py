"""The table: what became of each injection, and the score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from suites.sabotage.injection import Edit, Injection

__all__ = ["TABLE", "Row", "lines_of"]


@dataclass(frozen=True)
class Row:
    """What became of an injection.

    Attributes:
        failed: The tests that failed; none where the run was refused, or green.
        green: Whether nobody noticed.
        named: Whether what was said named the cause.
    """

    injection: Injection
    failed: tuple[str, ...]
    green: bool
    named: bool


TABLE = pytest.StashKey[list[Row]]()


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """The table as Markdown, and the score below it."""
    yield "| what was got wrong | how | what failed | named |"
    yield "|---|---|---|---|"
    for row in rows:
        how = "edited" if isinstance(row.injection.act, Edit) else "altered"
        failed = ", ".join(each.rpartition("/")[2] for each in row.failed) or "the run was refused"
        named = "yes" if row.named else "no"
        yield f"| {row.injection.name} | {how} | {'-' if row.green else failed} | {named} |"
    good, green = sum(row.named for row in rows), sum(row.green for row in rows)
    yield ""
    yield f"{len(rows)} injected, {good} named ({good / len(rows):.0%}), {green} green"
