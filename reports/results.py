"""Results: what Allure has of a run's tests, as the first page needs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.base.errors import UsageError
from reports.categories import Category, category_of

__all__ = ["FOLDER", "TEST", "Attachment", "Result", "read_results", "test_of"]

# Where they lie in a run's folder, unless pytest is told otherwise.
FOLDER = "allure-results"

# The label that holds a test's id as pytest has it: Allure's own names can't be matched with that.
TEST = "test"


@dataclass(frozen=True)
class Attachment:
    """A file that a test has put into the report.

    Attributes:
        name: What it shows.
        kind: Its media type.
        file: Its name in the folder of results.
    """

    name: str
    kind: str
    file: str

    @property
    def picture(self) -> bool:
        """Whether a browser shows it as one; of each picture there is an SVG, too."""
        return self.kind == "image/png"


@dataclass(frozen=True)
class Result:
    """What one test came to.

    Attributes:
        test: Its id.
        title: For people.
        suite: The folder that it stands in.
        category: Whose failure it is, if it is one.
        seconds: How long it took, without what it waited for before.
        message: Of its error, or why it was skipped.
        attachments: Its evidence.
        key: What its page in Allure's report is found by: its id, and when it began.
    """

    test: str
    title: str
    suite: str
    category: Category
    seconds: float
    message: str
    attachments: tuple[Attachment, ...]
    key: tuple[str, int]

    @property
    def failed(self) -> bool:
        """Whether it is neither passed nor skipped."""
        return self.category not in {"passed", "skipped"}

    @property
    def line(self) -> str:
        """The error in a line, without its class; of a measurement also why it shows nothing."""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        first = "; ".join(lines[: 2 if self.category == "nothing shown" else 1])
        name, separator, text = first.partition(": ")
        classed = name.rpartition(".")[2].endswith(("Error", "Failed"))
        return text if separator and classed else first


def read_results(folder: Path) -> tuple[Result, ...]:
    """The results of a run, in the order in which the tests began.

    Raises:
        UsageError: One can't be read; names the file.
    """
    found = [_read(file) for file in folder.glob("*-result.json")]
    return tuple(sorted(found, key=lambda each: (each.key[1], each.test)))


def _read(file: Path) -> Result:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        test = test_of(told)
        message = told.get("statusDetails", {}).get("message", "")
        start, stop = told.get("start", 0), told.get("stop", 0)  # as in others' results
        return Result(
            test=test,
            title=told["name"],
            suite=labels_of(told).get("feature", ""),
            category=category_of(told["status"], message),
            seconds=(stop - start) / 1000,
            message=message,
            attachments=tuple(_attachments(told)),
            key=(test, start),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: no result of Allure's: {error!r}") from error


def labels_of(told: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a test, by name: those of a result, and those of Allure's page of it."""
    return {each["name"]: each["value"] for each in told.get("labels", ())}


def test_of(told: Mapping[str, Any]) -> str:
    """The id of a test; others' results have their own name for it."""
    return labels_of(told).get(TEST) or str(told.get("fullName") or told["name"])


def _attachments(told: dict[str, Any]) -> Iterator[Attachment]:
    """Those of a test and of its steps."""
    for each in told.get("attachments", ()):
        yield Attachment(each["name"], each.get("type", ""), each["source"])
    for step in told.get("steps", ()):
        yield from _attachments(step)
