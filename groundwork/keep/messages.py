"""Messages: how a process greets a keeper, what it may ask for, and what it is answered.

Each is a frozen dataclass, read by its tag (``role``, ``op``) on the other side of the wire. A
request names its answer's type, so that both sides have it from one place. What is told unasked
are :mod:`~groundwork.keep.events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from groundwork.artifacts import Resolved
from groundwork.base import errors
from groundwork.base.errors import (
    GroundworkError,
    KeeperLostError,
    NotRecoveredError,
    ResourceError,
    UncleanLogError,
)
from groundwork.base.footprint import Footprint
from groundwork.base.process import Identity
from groundwork.declare.resource import Description
from groundwork.keep.codec import Codec
from groundwork.keep.events import HealedBy

__all__ = [
    "BROKEN_OFF",
    "DESCRIPTIONS",
    "FAILURES",
    "HELLOS",
    "NUMBER",
    "REQUESTS",
    "AnyRequest",
    "Ask",
    "AwaitReady",
    "ClientHello",
    "Failure",
    "FindDeaths",
    "Finish",
    "Finished",
    "GetSecret",
    "GetStatus",
    "GetStory",
    "Heal",
    "Healed",
    "Hello",
    "Inject",
    "Injected",
    "JobDone",
    "JoinClaim",
    "MeasureFootprints",
    "Ping",
    "RecordEvent",
    "ReleaseClaim",
    "RemoveAll",
    "Removed",
    "Request",
    "RunHello",
    "RunJob",
    "Status",
    "TakeClaim",
    "WatchHello",
    "WorkerHello",
]

Answer = TypeVar("Answer")


class Request(Generic[Answer]):
    """Something that may be asked of a keeper, answered by an ``Answer``."""


# --- greetings: the first request of a connection


@dataclass(frozen=True)
class RunHello(Request[None]):
    """The controller of a run: the end of its connection is the run's end."""

    run: str
    out_dir: Path
    role: Literal["run"] = "run"


@dataclass(frozen=True)
class WorkerHello(Request[None]):
    """One of the processes in which a run's tests are executed."""

    pid: int
    role: Literal["worker"] = "worker"


@dataclass(frozen=True)
class ClientHello(Request[None]):
    """Somebody who isn't of the run: chaos, load, commands.

    Attributes:
        out_dir: Where a timeline of what happens meanwhile goes; nowhere without.
    """

    out_dir: Path | None = None
    role: Literal["client"] = "client"


@dataclass(frozen=True)
class WatchHello(Request[None]):
    """Somebody who wants to hear events, and asks nothing.

    Attributes:
        run: The run whose controller it is, if any: its end is heard while the controller's other
            connection waits for an answer, too.
    """

    run: str = ""
    role: Literal["watch"] = "watch"


Hello = Annotated[
    RunHello | WorkerHello | ClientHello | WatchHello,
    Field(discriminator="role"),
]

# --- answers


@dataclass(frozen=True)
class Failure:
    """An error that travels.

    Attributes:
        type: The name of its class.
        message: Its text; of a ResourceError without the resource's name in front.
        resource: The resource of a ResourceError.
    """

    type: str
    message: str
    resource: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What travels of an error."""
        if isinstance(error, ResourceError):
            return cls(type(error).__name__, error.message, error.resource)
        return cls(type(error).__name__, str(error))

    @property
    def of_the_product(self) -> bool:
        """Whether it is a failure of what is tested, and not of what it stands on."""
        return self.type in {NotRecoveredError.__name__, UncleanLogError.__name__}

    def error(self) -> GroundworkError:
        """The error again, of the class that it was; GroundworkError for those we don't know."""
        kind = getattr(errors, self.type, None)
        if kind is KeeperLostError:
            return KeeperLostError(self.message)
        if isinstance(kind, type) and issubclass(kind, ResourceError):
            return kind(self.resource, self.message)
        if isinstance(kind, type) and issubclass(kind, GroundworkError):
            return kind(self.message)
        return GroundworkError(f"{self.type}: {self.message}")


@dataclass(frozen=True)
class Status:
    """How an environment is.

    Attributes:
        folder: The environment's folder, whose name is the environment's.
        keeper: The process that owns it.
        platform: What it is made of: ``local``, ``kind``...
        settings: Its settings, without secrets, by field.
        run: The run that uses it; empty where none does.
        out_dir: Where that run's output goes.
        kept: Whether it outlives its runs.
        refusal: Why what was asked for can't be started, where a user can mend it.
        resources: What was started, in starting order.
        failures: The errors of resources that failed or died, by resource.
        artifacts: The programs that were found.
    """

    folder: Path
    keeper: Identity
    platform: str
    settings: Mapping[str, Any]
    run: str
    out_dir: Path | None
    kept: bool
    refusal: str
    resources: tuple[Description, ...]
    failures: Mapping[str, Failure]
    artifacts: tuple[Resolved, ...]


@dataclass(frozen=True)
class Finished:
    """How an environment was when its run ended; what could not be removed or written, and why."""

    status: Status
    not_removed: tuple[str, ...]
    output_fault: str = ""


@dataclass(frozen=True)
class Injected:
    """A fault that was injected.

    Attributes:
        id: Names it.
        before: What was to be seen of the resource before.
        after: What was to be seen of it then.
    """

    id: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class Healed:
    """A fault that is healed.

    Attributes:
        by: Whoever has done it.
        lasted_s: From its injection to its healing.
        after: What was to be seen of the resource then.
    """

    by: HealedBy
    lasted_s: float
    after: Mapping[str, str]


@dataclass(frozen=True)
class JobDone:
    """A job that has ended by itself.

    Attributes:
        id: Names it.
        exit_code: Negative for a signal's number.
        files: All that lies in its folder, its log and its timeline among it.
        log: Where its output is.
        lasted_s: How long it took.
    """

    id: str
    exit_code: int
    files: tuple[Path, ...]
    log: Path
    lasted_s: float


@dataclass(frozen=True)
class Removed:
    """An environment is removed, all but its keeper, which ends by itself."""

    keeper: Identity


# --- requests


@dataclass(frozen=True)
class Ask(Request[tuple[str, ...]]):
    """Start resources and all that they need; answered by the names of all of these.

    Answered as soon as everything is known that a user can mend; they start meanwhile.
    """

    names: tuple[str, ...]
    op: Literal["ask"] = "ask"


@dataclass(frozen=True)
class AwaitReady(Request[Description]):
    """Wait until a resource that was asked for is ready, and describe it."""

    name: str
    op: Literal["await"] = "await"


@dataclass(frozen=True)
class GetStatus(Request[Status]):
    """Tell how the environment is."""

    op: Literal["status"] = "status"


@dataclass(frozen=True)
class GetStory(Request[tuple[str, ...]]):
    """Tell what has happened last, a line for each event, for people."""

    op: Literal["story"] = "story"


@dataclass(frozen=True)
class Ping(Request[None]):
    """See that the keeper answers at all."""

    op: Literal["ping"] = "ping"


@dataclass(frozen=True)
class MeasureFootprints(Request[Mapping[str, Footprint]]):
    """Measure what resources take of a machine; nothing is told of those that aren't ready."""

    names: tuple[str, ...]
    op: Literal["footprints"] = "footprints"


@dataclass(frozen=True)
class FindDeaths(Request[Mapping[str, Failure]]):
    """Tell the errors of resources and of what they need; with ``examine`` look at each now."""

    names: tuple[str, ...]
    examine: bool
    op: Literal["deaths"] = "deaths"


@dataclass(frozen=True)
class TakeClaim(Request[str]):
    """Hold resources, some of them alone; all of them or none. Answered by the claim's key.

    Attributes:
        holder: Who wants them, for those who have to wait.
        limit_s: For how long, at most.
    """

    holder: str
    exclusive: tuple[str, ...]
    shared: tuple[str, ...]
    limit_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    op: Literal["claim"] = "claim"


@dataclass(frozen=True)
class JoinClaim(Request[None]):
    """Act under the claim of this key from now on, as long as it is held."""

    key: str
    op: Literal["join"] = "join"


@dataclass(frozen=True)
class ReleaseClaim(Request[None]):
    """Let go of all that is held; what was disturbed is healed, and must be healthy again.

    Who has joined a claim leaves it, and has healed what it disturbed itself.
    """

    op: Literal["release"] = "release"


@dataclass(frozen=True)
class Inject(Request[Injected]):
    """Break a resource on purpose.

    Attributes:
        fault: How; see :data:`groundwork.declare.capability.FAULTS`.
        target: One of the resource's processes or pods, or empty for all of it.
        limit_s: For how long at most: then the keeper heals it.
        parameters: What the fault is told besides, by name.
    """

    resource: str
    fault: str
    target: str
    limit_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    op: Literal["inject"] = "inject"


@dataclass(frozen=True)
class Heal(Request[Healed]):
    """Undo a fault; one that is healed stays so."""

    id: str
    op: Literal["heal"] = "heal"


@dataclass(frozen=True)
class GetSecret(Request[str]):
    """Tell a secret of a resource that the asker holds, by a claim of its own or a joined one."""

    name: str
    op: Literal["secret"] = "secret"


@dataclass(frozen=True)
class RunJob(Request[JobDone]):
    """Run a declared job to its end.

    Attributes:
        arguments: What it is told, by name.
        out_dir: Its folder; it needn't be there, and nothing may lie in it.
        timeout_s: Then the keeper ends it.
    """

    name: str
    arguments: Mapping[str, Any]
    out_dir: Path
    timeout_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    op: Literal["job"] = "job"


@dataclass(frozen=True)
class RecordEvent(Request[None]):
    """Put an event on the run's timeline."""

    name: str
    fields: Mapping[str, Any]
    op: Literal["record"] = "record"


@dataclass(frozen=True)
class Finish(Request[Finished]):
    """End the run that uses the environment.

    Attributes:
        keep: Whether the environment outlives it.
        collect: Whether resources' logs are copied to the run's output before they are removed.
    """

    keep: bool
    collect: bool
    op: Literal["finish"] = "finish"


@dataclass(frozen=True)
class RemoveAll(Request[Removed]):
    """End an environment that no run uses."""

    op: Literal["remove"] = "remove"


AnyRequest = Annotated[
    Ask
    | AwaitReady
    | GetStatus
    | GetStory
    | Ping
    | MeasureFootprints
    | FindDeaths
    | TakeClaim
    | JoinClaim
    | ReleaseClaim
    | Inject
    | Heal
    | GetSecret
    | RunJob
    | RecordEvent
    | Finish
    | RemoveAll,
    Field(discriminator="op"),
]

# A request's number, beside what it says; its answer has the same. Whoever stops waiting for an
# answer, broken off by a signal, tells so in a message that has this one key, and isn't answered.
NUMBER, BROKEN_OFF = "number", "broken_off"

HELLOS: Codec[Hello] = Codec("a greeting", Hello)
REQUESTS: Codec[Request[Any]] = Codec("a request", AnyRequest)
DESCRIPTIONS: Codec[Description] = Codec("a description", Description)
FAILURES: Codec[Failure] = Codec("an error", Failure)
