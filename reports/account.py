"""The account of a run: what its folder tells, for the first page and what is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from groundwork.base.errors import UsageError
from groundwork.base.jsonfile import read_json
from groundwork.keep.timeline import Entry, read
from reports.figures import Figure, figures_of
from reports.results import FOLDER, Result, read_results

__all__ = ["Account", "Blame", "Part", "Record"]

# Options that say how a run was made, and not what was verified.
INCIDENTAL = frozenset({"port", "keep_env", "strict_env", "consent"})


class Told(BaseModel):
    """A part of run.json; what else stands there is others'."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(Told):
    """A resource of the run."""

    name: str
    version: str
    ready_s: float | None = None
    rss_bytes: int = 0


class Blame(Told):
    """Why a resource failed, and whose failure that is."""

    resource: str
    of_the_product: bool
    message: str


class Omission(Told):
    """A test that can't be expressed where this ran."""

    test: str
    reason: str


class Record(Told):
    """What run.json holds; empty where the run didn't come to writing it."""

    env: str = ""
    options: dict[str, Any] = {}
    started: datetime | None = None
    wall_s: float = 0.0
    exit_code: int | None = None
    interrupted: bool = False
    revision: str = ""
    machine: str = ""
    tests: dict[str, int] = {}
    left_out: tuple[Omission, ...] = ()
    failures: tuple[Blame, ...] = ()
    lost: str = ""
    not_removed: tuple[str, ...] = ()
    resources: tuple[Part, ...] = ()


RECORD = TypeAdapter(Record)


@dataclass(frozen=True)
class Account:
    """All that a run's folder tells.

    Attributes:
        folder: Where it lies; its name is the run's.
        record: What was written at its end.
        results: Its tests, in the order in which they began.
    """

    folder: Path
    record: Record
    results: tuple[Result, ...]

    @classmethod
    def read(cls, folder: Path, results: Path | None = None) -> Account:
        """The account of a run.

        Args:
            folder: Of the run.
            results: Where Allure's results lie, if not in it.

        Raises:
            UsageError: Something of it can't be read; names the file.
        """
        file = folder / "run.json"
        record = read_json(RECORD, file) if file.exists() else Record()
        return cls(folder, record, read_results(results or folder / FOLDER))

    @property
    def run(self) -> str:
        """The run's name."""
        return self.folder.name

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites that its tests are of, by name; also where all of one's were left out."""
        left_out = {
            each.test.rpartition("/")[0].rpartition("/")[2] for each in self.record.left_out
        }
        return tuple(sorted({each.suite for each in self.results} | left_out - {""}))

    @property
    def kind(self) -> str:
        """What another run must have in common with this one to be compared with it."""
        own = self.record.options
        options = {name: own[name] for name in sorted(own) if name not in INCIDENTAL}
        chosen = "" if self.chosen_away == 0 else ", a choice of their tests"
        return f"{', '.join(self.suites)}{chosen} on {json.dumps(options)}"

    @property
    def chosen_away(self) -> int:
        """How many tests were collected and not wanted, as by ``-k``."""
        return max(0, self.record.tests.get("deselected", 0) - len(self.record.left_out))

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """What it has measured, by measure; nothing where that can't be read."""
        try:
            return figures_of(self.folder)
        except UsageError:  # whoever was writing it was killed
            return {}

    @cached_property
    def timeline(self) -> tuple[Entry, ...]:
        """What happened to the environment; nothing where that can't be read."""
        try:
            return read(self.folder / "timeline.jsonl")
        except UsageError:
            return ()

    def parts_s(self) -> Iterator[tuple[str, float]]:
        """What the run's time went to, with seconds: the whole, its suites, starts of resources."""
        yield "the whole run", self.record.wall_s
        for suite in self.suites:
            own = [each.seconds for each in self.results if each.suite == suite]
            yield f"tests of {suite}", round(sum(own), 3)
        for each in self.record.resources:
            if each.ready_s is not None:
                yield f"start of {each.name}", each.ready_s
