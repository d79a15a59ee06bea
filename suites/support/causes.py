"""Causes of alerts (suites/alerting/cases.yaml): what is done so that one fires."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fixtures.declared.declarations import read_items, validate
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError

__all__ = ["FILE", "Ailing", "Broken", "Case", "load_causes"]

FILE = ROOT / "suites" / "alerting" / "cases.yaml"

Text = Annotated[str, Field(min_length=1)]


class Broken(BaseModel):
    """A fault of the engine's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: Text
    fault: Text
    target: str = ""
    parameters: dict[str, Any] = {}


class Ailing(BaseModel):
    """Something that the patient suffers from: see :class:`fixtures.resources.patient.Patient`.

    Attributes:
        ailment: By which door.
        amount: The share of its requests that fail, milliseconds, or megabytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ailment: Literal["fail", "slow", "eat"]
    amount: Annotated[float, Field(gt=0)]


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
    cause: Broken | Ailing
    labels: dict[str, str]
    together: tuple[str, ...] = ()
    share: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def disturbed(self) -> str:
        """The resource that is made ill."""
        return self.cause.resource if isinstance(self.cause, Broken) else "patient"

    @property
    def late_s(self) -> float:
        """Until the cause can be measured at all: a slow request is when it is over."""
        own = self.cause
        return own.amount / 1000 if isinstance(own, Ailing) and own.ailment == "slow" else 0.0

    @property
    def silent(self) -> bool:
        """Whether whoever asks has no answer, and waits for it until his time is up."""
        return isinstance(self.cause, Broken) and self.cause.fault in {"pause", "blackhole"}


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
