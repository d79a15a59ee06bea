"""History: what is remembered of each run, where `make clean` doesn't reach, to compare with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from groundwork.base.errors import UsageError
from groundwork.base.jsonfile import read_json, write_json
from groundwork.declare.settings import Settings
from reports.account import Account
from reports.categories import Category
from reports.figures import Figure
from reports.judgement import Kind, judge

__all__ = ["History", "Memory", "Outcome", "history_of", "memory_of"]

# Of each kind of run: a quarter of a year of nights. Older ones say nothing of this one.
RUNS_OF_A_KIND = 90

# Of all kinds together. A night of every suite takes some 100 KB: this is more than a hundred of
# these and of everything a developer runs besides, and a cache restores it in a second.
BYTES_MAX = 20_000_000

# Allure's own history holds the last twenty runs in each copy: the newest is needed, and the one
# before it, with which the newest report is built again.
TRENDS_OF_A_KIND = 2

MEMORY, TREND = ".run.json", ".allure.json"


class Remembered(BaseModel):
    """A part of the history; what newer versions add is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Outcome(Remembered):
    """What a test came to."""

    title: str
    category: Category
    seconds: float


class Memory(Remembered):
    """What is remembered of a run.

    Attributes:
        run: Its name, by which runs sort in time.
        kind: What another has in common with it, to be compared.
        judgement: What it came to.
        tests: By id.
        parts_s: What its time went to.
        figures: What it has measured, by measure.
    """

    run: str
    kind: str
    judgement: Kind
    headline: str
    started: datetime | None
    wall_s: float
    revision: str
    machine: str
    tests: dict[str, Outcome]
    parts_s: dict[str, float]
    figures: dict[str, Figure] = {}


class Trend(Remembered):
    """Allure's history after a run: its files, by name."""

    run: str
    kind: str
    files: dict[str, str]


MEMORIES, TRENDS = TypeAdapter(Memory), TypeAdapter(Trend)


def memory_of(account: Account) -> Memory:
    """What is remembered of a run."""
    judgement = judge(account)
    return Memory(
        run=account.run,
        kind=account.kind,
        judgement=judgement.kind,
        headline=judgement.headline,
        started=account.record.started,
        wall_s=account.record.wall_s,
        revision=account.record.revision,
        machine=account.record.machine,
        tests={
            each.test: Outcome(title=each.title, category=each.category, seconds=each.seconds)
            for each in account.results
        },
        parts_s=dict(account.parts_s()),
        figures=account.figures,
    )


def history_of(settings: Settings) -> History:
    """Where settings say that it is: by default beside the ledgers, in the user's state folder."""
    return History(settings.history_dir or settings.state_dir / "history")


@dataclass(frozen=True)
class History:
    """A folder with a small file of each run.

    It may be copied from one machine to another, as a nightly job's is.
    """

    folder: Path

    def keep(self, memory: Memory) -> None:
        """Remember a run, and forget what is too old or too much.

        Raises:
            OSError: It can't be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{memory.run}-{os.getpid()}"
        write_json(MEMORIES, memory, draft)
        draft.replace(self.folder / f"{memory.run}{MEMORY}")  # whole, or not there
        same = [each.run for each in self._memories() if each.kind == memory.kind]
        for run in sorted(same)[:-RUNS_OF_A_KIND]:
            self._forget(self.folder / f"{run}{MEMORY}")
        self._shrink()

    def before(self, run: str, kind: str) -> tuple[Memory, ...]:
        """The runs of a kind that were before one, the oldest first."""
        found = (each for each in self._memories() if each.kind == kind and each.run < run)
        return tuple(sorted(found, key=lambda each: each.run))

    def keep_trend(self, run: str, kind: str, files: dict[str, str]) -> None:
        """Keep Allure's own history after a run.

        Raises:
            OSError: It can't be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{run}-{os.getpid()}"
        write_json(TRENDS, Trend(run=run, kind=kind, files=files), draft)
        draft.replace(self.folder / f"{run}{TREND}")
        same = sorted(each.run for each in self._trends() if each.kind == kind)
        for old in same[:-TRENDS_OF_A_KIND]:
            self._forget(self.folder / f"{old}{TREND}")
        self._shrink()

    def trend_before(self, run: str, kind: str) -> dict[str, str]:
        """Allure's own history before a run of a kind: its files, by name; maybe none."""
        found = [each for each in self._trends() if each.kind == kind and each.run < run]
        return max(found, key=lambda each: each.run).files if found else {}

    def _memories(self) -> Iterator[Memory]:
        for file in self.folder.glob(f"*{MEMORY}"):
            with contextlib.suppress(UsageError):  # of another version, or just being forgotten
                yield read_json(MEMORIES, file)

    def _trends(self) -> Iterator[Trend]:
        for file in self.folder.glob(f"*{TREND}"):
            with contextlib.suppress(UsageError):
                yield read_json(TRENDS, file)

    def _shrink(self) -> None:
        """Forget the oldest until the rest isn't too much."""
        sizes = {}
        for file in sorted(self.folder.glob("*.json"), reverse=True):  # the newest first
            with contextlib.suppress(FileNotFoundError):  # another run has just forgotten it
                sizes[file] = file.stat().st_size
        total = 0
        for file, size in sizes.items():
            total += size
            if total > BYTES_MAX:
                self._forget(file)

    def _forget(self, file: Path) -> None:
        file.unlink(missing_ok=True)
