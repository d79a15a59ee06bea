"""Events: what a keeper tells while it works, on the run's timeline and to those who watch.

On a timeline an event is a line with its tag (``event``) and its fields, see
:class:`~groundwork.keep.timeline.Timeline`; people and later tools read it by these names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from groundwork.artifacts import Progress
from groundwork.keep.codec import Codec

__all__ = [
    "EVENTS",
    "NAMES",
    "ArtifactFound",
    "ClaimOverdue",
    "Died",
    "Event",
    "Failed",
    "FaultHealed",
    "FaultInjected",
    "FaultLanded",
    "Fetching",
    "HealedBy",
    "HealingFailed",
    "JobEnded",
    "JobEndedBy",
    "JobStarted",
    "Launched",
    "Ready",
    "Recorded",
    "Recovered",
    "Refused",
    "RunAborted",
    "RunBegun",
    "RunEnded",
    "Step",
    "Stopped",
    "Stopping",
    "Waiting",
    "event_of",
    "line_of",
]

# --- of the run


@dataclass(frozen=True)
class RunBegun:
    """A run has the environment from now on."""

    run: str
    event: Literal["run"] = "run"


@dataclass(frozen=True)
class RunEnded:
    """A run has come to its normal end."""

    run: str
    event: Literal["end"] = "end"


@dataclass(frozen=True)
class RunAborted:
    """A run has died."""

    reason: str
    event: Literal["abort"] = "abort"


@dataclass(frozen=True)
class Refused:
    """What was asked for can't be started, for a reason that the user can mend."""

    error: str
    event: Literal["refused"] = "refused"


# --- of artifacts


@dataclass(frozen=True)
class Fetching:
    """How far an artifact is; for those who watch alone, not on the timeline."""

    progress: Progress
    event: Literal["fetching"] = "fetching"


@dataclass(frozen=True)
class ArtifactFound:
    """An artifact is on disk; ``cached`` where it was before."""

    artifact: str
    version: str
    source: str
    cached: bool
    event: Literal["artifact"] = "artifact"


# --- of a resource's life


@dataclass(frozen=True)
class Launched:
    """A resource is about to be launched."""

    resource: str
    event: Literal["launch"] = "launch"


@dataclass(frozen=True)
class Step:
    """What a long creation is doing, for people."""

    resource: str
    text: str
    event: Literal["step"] = "step"


@dataclass(frozen=True)
class Ready:
    """A resource is ready, ``ready_s`` seconds after it was asked for."""

    resource: str
    version: str
    ready_s: float
    event: Literal["ready"] = "ready"


@dataclass(frozen=True)
class Failed:
    """A resource isn't there; ``because_of`` names the one whose failure was told already."""

    resource: str
    error: str
    because_of: str = ""
    event: Literal["failed"] = "failed"


@dataclass(frozen=True)
class Died:
    """A process of a resource that was ready has ended unasked.

    Attributes:
        fault: The fault that explains it; empty where none does, so that it is an accident.
    """

    resource: str
    process: str
    exit_code: int
    fault: str = ""
    event: Literal["died"] = "died"


@dataclass(frozen=True)
class Stopping:
    """A resource is about to be stopped."""

    resource: str
    event: Literal["stop"] = "stop"


@dataclass(frozen=True)
class Stopped:
    """A resource is stopped, and what it has written is removed."""

    resource: str
    event: Literal["stopped"] = "stopped"


# --- of faults


# Who heals a fault: who asked, the end of its claim or of that one's time (overdue), its own time,
# or the failure of its hook.
HealedBy = Literal["asked", "end", "overdue", "time", "failure"]


@dataclass(frozen=True)
class FaultInjected:
    """A fault is about to be injected.

    Attributes:
        id: Names it.
        target: One of the resource's processes or pods; empty for all of it.
        limit_s: When it will be healed at the latest.
        before: What is to be seen of the resource.
        parameters: What the fault was told besides.
    """

    id: str
    resource: str
    fault: str
    target: str
    limit_s: float
    before: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    event: Literal["fault"] = "fault"


@dataclass(frozen=True)
class FaultLanded:
    """A fault is injected; ``after`` is what is to be seen of the resource now."""

    id: str
    resource: str
    after: Mapping[str, str]
    event: Literal["landed"] = "landed"


@dataclass(frozen=True)
class FaultHealed:
    """A fault is healed."""

    id: str
    resource: str
    by: HealedBy
    after: Mapping[str, str]
    event: Literal["healed"] = "healed"


@dataclass(frozen=True)
class Recovered:
    """A resource that a fault had to do with was seen to be well after that was healed.

    Attributes:
        id: The fault.
        within_s: From the healing to that look, which comes when the claim ends at the latest.
    """

    id: str
    resource: str
    within_s: float
    event: Literal["recovered"] = "recovered"


@dataclass(frozen=True)
class HealingFailed:
    """A fault stays, for it can't be healed."""

    id: str
    resource: str
    error: str
    event: Literal["unhealed"] = "unhealed"


# --- of claims


@dataclass(frozen=True)
class Waiting:
    """Somebody has to wait for resources that others hold; ``reason`` says who, and how long."""

    holder: str
    reason: str
    event: Literal["waiting"] = "waiting"


@dataclass(frozen=True)
class ClaimOverdue:
    """A claim takes longer than was declared: what is open under it is ended.

    Attributes:
        holder: Whose it is.
        reason: For people.
        faults: Those that are open, and are healed now.
        jobs: Those that run, and are ended now.
    """

    holder: str
    reason: str
    faults: tuple[str, ...]
    jobs: tuple[str, ...]
    event: Literal["overdue"] = "overdue"


# --- of jobs


# Why a job ends: by itself, or because its time, its claim, that one's time or its asker did.
JobEndedBy = Literal["itself", "time", "end", "overdue", "asker"]


@dataclass(frozen=True)
class JobStarted:
    """A job runs.

    Attributes:
        id: Names it.
        job: What it was asked for by.
        argv: Its command.
        out_dir: Its folder.
    """

    id: str
    job: str
    argv: tuple[str, ...]
    out_dir: Path
    event: Literal["job"] = "job"


@dataclass(frozen=True)
class JobEnded:
    """Nothing of a job runs any more."""

    id: str
    by: JobEndedBy
    exit_code: int
    lasted_s: float
    event: Literal["job ended"] = "job ended"


# --- of somebody else


@dataclass(frozen=True)
class Recorded:
    """An event that isn't the engine's: a test's, say. On the timeline it has its own name."""

    name: str
    fields: Mapping[str, Any]
    event: Literal["recorded"] = "recorded"


Event = Annotated[
    RunBegun
    | RunEnded
    | RunAborted
    | Refused
    | Fetching
    | ArtifactFound
    | Launched
    | Step
    | Ready
    | Failed
    | Died
    | Stopping
    | Stopped
    | FaultInjected
    | FaultLanded
    | FaultHealed
    | Recovered
    | HealingFailed
    | Waiting
    | ClaimOverdue
    | JobStarted
    | JobEnded
    | Recorded,
    Field(discriminator="event"),
]

EVENTS: Codec[Event] = Codec("an event", Event)

# What the engine's own events are called; nobody else's may be called so.
NAMES = frozenset(each.event for each in get_args(get_args(Event)[0]) if each is not Recorded)


def line_of(event: Event) -> tuple[str, dict[str, Any]]:
    """The name and the fields that an event has on a timeline."""
    if isinstance(event, Recorded):
        return event.name, dict(event.fields)
    fields: dict[str, Any] = EVENTS.pack(event)
    return fields.pop("event"), fields


def event_of(name: str, fields: Mapping[str, Any]) -> Event:
    """The event again that has this name and these fields on a timeline.

    Raises:
        GroundworkError: It has the name of one of the engine's, and isn't like it.
    """
    if name in NAMES:
        return EVENTS.read({"event": name, **fields})
    return Recorded(name, dict(fields))
