"""Causes of alerts (suites/alerting/cases.yaml): what is done so that one fires, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fixtures.declared.declarations import Located, read_items, validate
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.declare.arguments import arguments_of
from groundwork.declare.capability import fault_of
from groundwork.declare.resource import Resource

__all__ = [
    "FILE",
    "FOLLOWER",
    "Ailing",
    "Asked",
    "Broken",
    "Case",
    "Cause",
    "Outdated",
    "Platform",
    "Round",
    "load_causes",
]

FILE = ROOT / "suites" / "alerting" / "cases.yaml"

# A target that isn't known before there is a broker: a node that isn't its controller.
FOLLOWER = "follower"

Platform = Literal["local", "cluster"]

Text = Annotated[str, Field(min_length=1)]


class Broken(BaseModel):
    """A fault of the engine's.

    Attributes:
        target: A part of the resource; ``follower`` is a node of the broker that isn't its
            controller.
        posts: Whether the patient is asked to publish all the time, too.
        single_copy: Whether there is a topic meanwhile whose one copy is on the target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: Text
    fault: Text
    target: str = ""
    parameters: dict[str, Any] = {}
    posts: bool = False
    single_copy: bool = False

    @property
    def disturbed(self) -> str:
        """The resource that is broken."""
        return self.resource

    def __str__(self) -> str:
        """What is done, in a few words."""
        what = f"{self.fault} {self.resource}"
        what += " to none" if self.fault == "scale" else ""
        what += f", {self.target}" if self.target else ""
        return what + (" while messages are posted" if self.posts else "")


class Ailing(BaseModel):
    """Something that the patient suffers from: see :class:`fixtures.resources.patient.Patient`.

    Attributes:
        ailment: By which door.
        amount: The share of its requests that fail, milliseconds, or megabytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ailment: Literal["fail", "slow", "eat"]
    amount: Annotated[float, Field(gt=0)]

    @property
    def disturbed(self) -> str:
        """The patient."""
        return "patient"

    def __str__(self) -> str:
        """What is done, in a few words."""
        unit = {"fail": "of its requests", "slow": "ms", "eat": "MB"}[self.ailment]
        return f"the patient: {self.ailment} {self.amount:g} {unit}"


class Asked(BaseModel):
    """Nothing is wrong: an alert is asked for.

    Attributes:
        level: Of that severity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Text

    @property
    def disturbed(self) -> str:
        """Whoever makes the series."""
        return "receiver"

    def __str__(self) -> str:
        """What is done, in a few words."""
        return f"asked for: {self.level}"


class Outdated(BaseModel):
    """Lines of logs arrive late.

    Attributes:
        outdated_days: How late; later than the store keeps any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outdated_days: Annotated[float, Field(gt=0)]

    @property
    def disturbed(self) -> str:
        """The store of logs."""
        return "logs"

    def __str__(self) -> str:
        """What is done, in a few words."""
        return f"lines of {self.outdated_days:g} days ago"


Cause = Broken | Ailing | Asked | Outdated


class Case(BaseModel):
    """An alert, and what makes it fire.

    Attributes:
        alert: Its name.
        round: Cases of the same round are caused at the same time; those with equal causes by one.
        cause: What is done.
        labels: Those that it has then, and its severity.
        platforms: Where it is caused so.
        told: How whoever is woken learns of it: by the webhook, or by the silence of the dead
            man's switch.
        together: The alerts that may be there, too.
        share: Of a rate: how much of its window must be filled before the threshold is crossed.
        absence: Whether it is of something that hasn't been there for a window.
        silent: Whether whoever would tell of it gives no answer, which is waited for.
        late_s: Until the cause can be measured at all.
        recovers_s: Until what is healed is as it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: Text
    round: Annotated[int, Field(ge=1)]
    cause: Cause
    labels: dict[str, str]
    platforms: tuple[Platform, ...] = ("local", "cluster")
    told: Literal["webhook", "silence"] = "webhook"
    together: tuple[str, ...] = ()
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    absence: bool = False
    silent: bool = False
    late_s: Annotated[float, Field(ge=0)] = 0.0
    recovers_s: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True)
class Round:
    """Cases that are caused at the same time."""

    cases: tuple[Case, ...]

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What is done, each once."""
        found: list[Cause] = []
        for case in self.cases:
            if case.cause not in found:
                found.append(case.cause)
        return tuple(found)

    def explained(self, known: Iterable[Case]) -> frozenset[str]:
        """The alerts that may be there, of those that its causes raise, whoever looks at them.

        Args:
            known: All cases, also those that aren't selected.
        """
        own = [case for case in known if case.cause in self.causes]
        return frozenset(name for case in own for name in (case.alert, *case.together))


def load_causes(
    alerts: Collection[str],
    platform: Platform,
    resources: Iterable[Resource],
    file: Path = FILE,
) -> tuple[Case, ...]:
    """Read the cases of a platform; those of others are looked at, too.

    Args:
        alerts: Those that are declared.
        platform: Whose.
        resources: The platform's.
        file: Where cases are.

    Raises:
        UsageError: The file is malformed, an alert isn't declared, or what is to be broken can't be
            so; names file and line.
    """
    known = {each.name: each for each in resources}
    found: list[Case] = []
    for item in read_items(file, "cases"):
        case = validate(item, Case)
        for name in (case.alert, *case.together):
            if name not in alerts:
                listed = ", ".join(sorted(alerts))
                raise item.fault(f"{name}: there is no such alert; known: {listed}")
        if platform not in case.platforms:
            continue
        expect_possible(item, case, known)
        if any(case.alert == other.alert for other in found):
            raise item.fault(f"{case.alert} is caused twice on the platform {platform}")
        found.append(case)
    if not found:
        raise UsageError(f"{file}:1: should hold cases")
    return tuple(found)


def expect_possible(item: Located, case: Case, known: Mapping[str, Resource]) -> None:
    """See that what is to be broken bears it.

    Raises:
        UsageError: It doesn't; names file and line.
    """
    name = case.cause.disturbed
    if name not in known:
        listed = ", ".join(sorted(known))
        raise item.fault(f"{case.alert}: there is no resource {name!r}; known: {listed}")
    if isinstance(case.cause, Broken):
        try:
            fault = fault_of(case.cause.fault, known[name], name)
            arguments_of(fault.parameters, case.cause.parameters, f"{fault.name} of {name}")
        except UsageError as error:
            raise item.fault(f"{case.alert}: {error}") from error
