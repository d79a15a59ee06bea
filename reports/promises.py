"""Promises, as a reviewer reads them: what was promised, and what this run has seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import jinja2
import yaml
from pydantic import BaseModel, ConfigDict, Field

from fixtures.paths import MANIFESTS, ROOT
from groundwork.base.entries import read_entries
from groundwork.base.errors import UsageError
from groundwork.base.reader import load
from groundwork.keep.events import Recovered
from reports.account import Account
from reports.results import Result

__all__ = [
    "Promise",
    "Row",
    "Shows",
    "State",
    "promised_here",
    "promises_of",
    "read_shows",
    "rows_of",
]

# ``shown`` is that each test that shows it has passed; ``in part`` that some have, and the others
# didn't run; ``broken`` is the product's doing, ``unknown`` anybody else's.
State = Literal["broken", "unknown", "in part", "shown", "left out", "not looked at"]


class Shows(BaseModel):
    """An entry of the list: what shows a promise, or each of several.

    Attributes:
        of: Where it stands, as a path.
        each: Whether each member of what stands there is a promise of its own.
        promised: For people, as a template; empty where it isn't promised.
        tests: Patterns of tests; all are needed.
        only: Options that it takes to see anything of it, with their values.
        otherwise: Why nothing is seen where these are others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str = Field(min_length=1)
    each: bool = False
    promised: str = Field(min_length=1)
    tests: tuple[str, ...] = Field(min_length=1)
    only: dict[str, tuple[Any, ...]] = {}
    otherwise: str = ""


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        of: Where it stands.
        text: For people.
        tests: Patterns of the tests that show it, as node ids are.
        about: The resource whose recovery it is of; empty for others.
        idle: Why tests that pass show nothing of it here; empty where they do.
    """

    of: str
    text: str
    tests: tuple[str, ...]
    about: str = ""
    idle: str = ""


@dataclass(frozen=True)
class Row:
    """A promise, and what a run has seen of it.

    Attributes:
        state: In a word.
        results: The tests that ran of those that show it.
        missing: What didn't run of it, with the reason.
        measured: What was measured, for people.
    """

    promise: Promise
    state: State
    results: tuple[Result, ...]
    missing: tuple[str, ...]
    measured: str = ""


def read_shows(file: Path, root: Path) -> tuple[Shows, ...]:
    """Read the list; patterns come out relative to ``root``, as node ids are.

    Raises:
        UsageError: It is malformed; one line that names the file.
    """
    where = file.relative_to(root)
    found = read_entries(file, root, Shows)
    folder = "" if where.parent == Path() else f"{where.parent.as_posix()}/"
    return tuple(
        each.model_copy(update={"tests": tuple(folder + test for test in each.tests)})
        for each in found
    )


def promises_of(
    shows: Sequence[Shows], documents: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[Promise]:
    """The promises that there are on a platform.

    Args:
        shows: The list.
        documents: What was promised, as the files hold it.
        options: Of the run, the platform among them.

    Raises:
        UsageError: An entry is of nothing, or its template doesn't fit what it is of.
    """
    # Plain text: it is escaped where it gets onto a page.
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    for entry in shows:
        try:
            found: Any = documents
            for key in entry.of.split("."):
                found = found[key]
            for it in found if entry.each else [found]:
                known = Lenient(it) if isinstance(it, dict) and entry.each else it
                told = [
                    templates.from_string(text).render(it=known, env=options["env"])
                    for text in (entry.promised, *entry.tests)
                ]
                if told[0].strip():
                    about = it["resource"] if entry.of == "recovery" else ""
                    fits = all(options.get(name) in each for name, each in entry.only.items())
                    idle = "" if fits else entry.otherwise
                    yield Promise(entry.of, told[0].strip(), tuple(told[1:]), about, idle)
        except (KeyError, TypeError, jinja2.TemplateError) as error:
            raise UsageError(f"shows.yaml: {entry.of}: {error}") from error


def promised_here(options: Mapping[str, Any]) -> tuple[Promise, ...]:
    """What this repository promises to a run with these options; none where nobody knows them.

    Raises:
        UsageError: A file is malformed, or the list doesn't fit what is promised.
    """
    documents: dict[str, Any] = {}
    for name in ("promises.yaml", "objectives.yaml"):
        try:
            documents |= load((MANIFESTS / name).read_text("utf-8"))
        except (OSError, TypeError, yaml.YAMLError) as error:
            raise UsageError(f"{MANIFESTS / name}: {' '.join(str(error).split())}") from error
    shows = read_shows(ROOT / "suites" / "shows.yaml", ROOT)
    return tuple(promises_of(shows, documents, options)) if "env" in options else ()


class Lenient(dict[str, Any]):
    """A member of a list whose fields may be missing: that isn't there, which is no mistake."""

    def __missing__(self, _: str) -> None:
        return None


def rows_of(promises: Sequence[Promise], account: Account) -> tuple[Row, ...]:
    """What a run has seen of each promise, in the order of the promises."""
    left_out = {each.test: each.reason for each in account.record.left_out}
    recovered: dict[str, float] = {}
    for entry in account.timeline:
        if isinstance(entry.event, Recovered):
            own = entry.event
            recovered[own.resource] = max(own.within_s, recovered.get(own.resource, 0.0))
    rows = []
    for each in promises:
        state, results, missing = state_of(each, account.results, left_out)
        within_s = recovered.get(each.about)
        measured = f"{within_s:.1f} s at the most" if within_s is not None else ""
        rows.append(Row(each, state, results, missing, measured))
    return tuple(rows)


def state_of(
    promise: Promise, results: Sequence[Result], left_out: Mapping[str, str]
) -> tuple[State, tuple[Result, ...], tuple[str, ...]]:
    """What was seen of a promise: in a word, the tests of it that ran, and what didn't run."""
    ran: dict[str, Result] = {}
    missing: list[str] = []
    nowhere: list[bool] = []
    for pattern in promise.tests:
        found = [each for each in results if fnmatchcase(each.test, pattern)]
        ran |= {each.test: each for each in found}
        if any(each.category != "skipped" for each in found):
            continue
        reasons = [why for test, why in left_out.items() if fnmatchcase(test, pattern)]
        name = pattern.partition("/")[2].partition("[")[0].rstrip("*") or pattern
        missing.append(f"{name}: {reasons[0]}" if reasons else f"{name}: not part of this run")
        nowhere.append(not reasons)
    own = tuple(ran.values())
    categories = {each.category for each in own}
    state: State = "shown"
    if "product failure" in categories:
        state = "broken"
    elif categories - {"passed", "skipped"}:
        state = "unknown"
    elif promise.idle:
        return "left out", own, (promise.idle,)
    elif "passed" not in categories:
        state = "not looked at" if all(nowhere) else "left out"
    elif missing:
        state = "in part"
    return state, own, tuple(missing)
