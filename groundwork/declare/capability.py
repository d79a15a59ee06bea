"""Capabilities: what may be done to a resource on purpose, and how it is undone.

Each is a small protocol of two hooks, one that injects a fault and one that heals it; a resource
has the capability if it has the hooks, and bears the fault here (:meth:`Resource.bears`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pydantic import Field

from groundwork.base.descriptors import SETTABLE
from groundwork.base.errors import UsageError
from groundwork.declare.arguments import Arguments
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage

__all__ = [
    "FAULTS",
    "Blackholable",
    "Crashable",
    "Drainable",
    "Exhaustible",
    "Fault",
    "Fillable",
    "Freezable",
    "Isolatable",
    "Killable",
    "Limitable",
    "Misconfigurable",
    "Pausable",
    "ProcessFaults",
    "Scalable",
    "Slowable",
    "Terminable",
    "capabilities",
    "fault_of",
    "faults_of",
]

# What the longest experiment takes, with time to look at what it does.
LIMIT_S = 600.0

# What can't take a connection may write that into its log again and again: three megabytes a second
# were seen (asyncio, as often as its backlog is long). A minute of that is what a disk bears.
EXHAUSTED_LIMIT_S = 60.0


@runtime_checkable
class Killable(Protocol):
    """May be killed (SIGKILL) and started again."""

    def kill(self, stage: Stage, target: str) -> None:
        """Kill it, or the named one of its processes."""

    def revive(self, stage: Stage, target: str) -> None:
        """Start again what was killed of the resource."""


@runtime_checkable
class Terminable(Protocol):
    """May be asked to end (SIGTERM), as by an operator, and started again."""

    def terminate(self, stage: Stage, target: str) -> None:
        """Have it end by itself, or the named one of its processes; it is given its time."""

    def revive(self, stage: Stage, target: str) -> None:
        """Start again what has ended of the resource."""


@runtime_checkable
class Crashable(Protocol):
    """May have its first process killed where it is, which somebody else starts again."""

    def crash(self, stage: Stage, target: str) -> None:
        """Kill the first process of it, or of the named one of its parts."""

    def restart(self, stage: Stage, target: str) -> None:
        """See that it is started again, and needn't wait for that."""


@runtime_checkable
class Pausable(Protocol):
    """May be stopped in the middle of what it does (SIGSTOP), and go on."""

    def pause(self, stage: Stage, target: str) -> None:
        """Pause it, or the named one of its processes."""

    def resume(self, stage: Stage, target: str) -> None:
        """Let it go on."""


@runtime_checkable
class Exhaustible(Protocol):
    """May be left without descriptors: it opens no file and takes no connection any more."""

    def exhaust(self, stage: Stage, target: str, *, spare: int) -> None:
        """Let it, or the named one of its processes, open so many more than it has open."""

    def replenish(self, stage: Stage, target: str) -> None:
        """Let it open as many as it was let before, and start it where it has ended meanwhile."""


class Exhaustion(Arguments):
    """How much is left.

    Attributes:
        spare: What it may open beside what it has open; by default nothing. Beyond some dozens it
            is no lack: a server that nobody hurries doesn't need as many.
    """

    spare: int = Field(0, ge=0, le=64)


@runtime_checkable
class Isolatable(Protocol):
    """May be cut off from those that talk to it."""

    def isolate(self, stage: Stage, target: str) -> None:
        """Cut it off."""

    def rejoin(self, stage: Stage, target: str) -> None:
        """Let it talk again."""


@runtime_checkable
class Blackholable(Protocol):
    """May be cut off without a word: who talks to it isn't refused, and hears nothing."""

    def blackhole(self, stage: Stage, target: str) -> None:
        """Pass nothing on, and accept everything."""

    def let_pass(self, stage: Stage, target: str) -> None:
        """Pass on again, first what was held back."""


@runtime_checkable
class Slowable(Protocol):
    """May be far away."""

    def slow(self, stage: Stage, target: str, *, delay_ms: float) -> None:
        """Let what is said take so much longer, there and back."""

    def hasten(self, stage: Stage, target: str) -> None:
        """Let it be as fast as it was."""


class Slowness(Arguments):
    """How far away.

    Attributes:
        delay_ms: What is added to the time there and back.
    """

    delay_ms: float = Field(gt=0, le=60_000)


@runtime_checkable
class Limitable(Protocol):
    """May have a narrow way to it."""

    def limit(self, stage: Stage, target: str, *, bytes_per_s: int) -> None:
        """Let so much pass in each direction."""

    def widen(self, stage: Stage, target: str) -> None:
        """Let pass what comes."""


class Narrowness(Arguments):
    """How narrow.

    Attributes:
        bytes_per_s: What passes in each direction, of all connections together.
    """

    bytes_per_s: int = Field(gt=0)


@runtime_checkable
class Scalable(Protocol):
    """May be given another number of instances."""

    def scale(self, stage: Stage, target: str, *, replicas: int) -> None:
        """Have so many of them."""

    def scale_back(self, stage: Stage, target: str) -> None:
        """Have as many as are declared."""


class Scaling(Arguments):
    """How many instances there are to be.

    Attributes:
        replicas: By default none.
    """

    replicas: int = Field(0, ge=0, le=9)


@runtime_checkable
class Drainable(Protocol):
    """May have one of its nodes emptied, as for somebody's work on it."""

    def drain(self, stage: Stage, target: str) -> None:
        """Have nothing more placed on the named node, and what is there leave it."""

    def uncordon(self, stage: Stage, target: str) -> None:
        """Let things be placed on it again."""


@runtime_checkable
class Freezable(Protocol):
    """May have one of its nodes stand still, with all that is on it, and go on."""

    def freeze(self, stage: Stage, target: str) -> None:
        """Have the named node stand still."""

    def thaw(self, stage: Stage, target: str) -> None:
        """Let it go on."""


@runtime_checkable
class Fillable(Protocol):
    """May be filled, as a volume is."""

    def fill(self, stage: Stage, target: str, *, share: float) -> None:
        """Have so much of it used."""

    def empty(self, stage: Stage, target: str) -> None:
        """Take away what filled it."""


class Filling(Arguments):
    """How full.

    Attributes:
        share: Of all that there is room for.
    """

    share: float = Field(gt=0, le=1)


@runtime_checkable
class Misconfigurable(Protocol):
    """May have a part of its configuration missing, as by somebody's mistake."""

    def misconfigure(self, stage: Stage, target: str) -> None:
        """Have it run without the named part of its configuration."""

    def correct(self, stage: Stage, target: str) -> None:
        """Have it run with all that is declared."""


class ProcessFaults:
    """What processes bear, for resources that are nothing but processes of their stage."""

    def bears(self, fault: str) -> bool:
        """Descriptors are exhausted where the system lets somebody else set a process's limit."""
        return fault != "exhaust" or SETTABLE

    def kill(self, stage: Stage, target: str) -> None:
        """SIGKILL the named process, or all."""
        stage.kill(target)

    def revive(self, stage: Stage, target: str) -> None:
        """Start again what was killed, in the same way, on the same files."""
        stage.revive(target)

    def terminate(self, stage: Stage, target: str) -> None:
        """SIGTERM to the named process, or all; returns when they have ended by it."""
        stage.terminate(target)

    def pause(self, stage: Stage, target: str) -> None:
        """SIGSTOP the named process, or all."""
        stage.pause(target)

    def resume(self, stage: Stage, target: str) -> None:
        """SIGCONT the named process, or all."""
        stage.resume(target)

    def exhaust(self, stage: Stage, target: str, *, spare: int) -> None:
        """Lower the limit of the named process, or of all, to what is open and so many more."""
        stage.exhaust(target, spare=spare)

    def replenish(self, stage: Stage, target: str) -> None:
        """Set the limit that the named process had, or all, and start what has ended of it."""
        stage.replenish(target)
        stage.revive(target)


@dataclass(frozen=True)
class Fault:
    """A way of breaking a resource on purpose, and of undoing that: the two sides of a capability.

    Attributes:
        name: What it is asked for by, and the hook that injects it; it gets the stage, the target
            and the parameters.
        heal: The hook that heals it; it must bear being called again, and where nothing is broken.
        capability: What a resource must have.
        parameters: What it may be told besides its target.
        limit_s: How long it may last at most, whatever is asked for.
    """

    name: str
    heal: str
    capability: type
    parameters: type[Arguments] = Arguments
    limit_s: float = LIMIT_S


FAULTS: tuple[Fault, ...] = (
    Fault("kill", "revive", Killable),
    Fault("terminate", "revive", Terminable),
    Fault("crash", "restart", Crashable),
    Fault("pause", "resume", Pausable),
    Fault("exhaust", "replenish", Exhaustible, Exhaustion, EXHAUSTED_LIMIT_S),
    Fault("isolate", "rejoin", Isolatable),
    Fault("blackhole", "let_pass", Blackholable),
    Fault("slow", "hasten", Slowable, Slowness),
    Fault("limit", "widen", Limitable, Narrowness),
    Fault("scale", "scale_back", Scalable, Scaling),
    Fault("drain", "uncordon", Drainable),
    Fault("freeze", "thaw", Freezable),
    Fault("fill", "empty", Fillable, Filling),
    Fault("misconfigure", "correct", Misconfigurable),
)


def faults_of(resource: Resource) -> tuple[Fault, ...]:
    """The faults that a resource can bear."""
    return tuple(
        fault
        for fault in FAULTS
        if isinstance(resource, fault.capability) and resource.bears(fault.name)
    )


def capabilities(resource: Resource) -> tuple[str, ...]:
    """The names of the capabilities that a resource has."""
    return tuple(fault.capability.__name__ for fault in faults_of(resource))


def fault_of(name: str, resource: Resource, resource_name: str) -> Fault:
    """The fault of a name, for a resource that can bear it.

    Raises:
        UsageError: There is none of that name, or the resource lacks the capability.
    """
    able = {fault.name: fault for fault in faults_of(resource)}
    if name in able:
        return able[name]
    known = {fault.name: fault for fault in FAULTS}
    why = (
        f"{resource_name} is not {known[name].capability.__name__}"
        if name in known
        else f"unknown fault {name!r}; known: {', '.join(known)}"
    )
    bears = f"it bears {', '.join(able) or 'no fault'}"
    raise UsageError(f"{name} of {resource_name}: {why}; {bears}")
