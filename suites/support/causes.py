"""Causes of alerts (suites/alerting/cases.yaml): what is done so that one fires."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fixtures.declared.declarations import read_items, validate
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError

__all__ = ["FILE", "Case", "Cause", "load_causes"]

FILE = ROOT / "suites" / "alerting" / "cases.yaml"

Text = Annotated[str, Field(min_length=1)]


class Cause(BaseModel):
    """A fault of the engine's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: Text
    fault: Text
    target: str = ""
    parameters: dict[str, Any] = {}

    @property
    def silent(self) -> bool:
        """Whether whoever asks has no answer, and waits for it until his time is up."""
        return self.fault in {"pause", "blackhole"}


class Case(BaseModel):
    """An alert, and what makes it fire.

    Attributes:
        alert: Its name.
        cause: What is done.
        labels: Those that it has then, and its severity.
        together: The alerts that may be there, too.
        share: Of a rate: the threshold by the level that the cause has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: Text
    cause: Cause
    labels: dict[str, str]
    together: tuple[str, ...] = ()
    share: Annotated[float, Field(ge=0, le=1)] = 0.0


def load_causes(alerts: Collection[str], file: Path = FILE) -> tuple[Case, ...]:
    """Read the cases.

    Args:
        alerts: Those that are declared.
        file: Where cases are.

    Raises:
        UsageError: The file is malformed, or an alert isn't declared; names file and line.
    """
    found = []
    for item in read_items(file, "cases"):
        case = validate(item, Case)
        for name in (case.alert, *case.together):
            if name not in alerts:
                known = ", ".join(sorted(alerts))
                raise item.fault(f"{name}: there is no such alert; known: {known}")
        found.append(case)
    if not found:
        raise UsageError(f"{file}:1: should hold cases")
    return tuple(found)
