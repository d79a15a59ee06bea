"""Capabilities: what may be done to a resource on purpose, and how it is undone.

Each is a small protocol of two hooks, one that injects a fault and one that heals it; a resource
has the capability if it has the hooks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from groundwork.declare.stage import Stage

__all__ = [
    "ACTIONS",
    "Action",
    "Isolatable",
    "Killable",
    "Pausable",
    "ProcessFaults",
    "capabilities",
]


@runtime_checkable
class Killable(Protocol):
    """May be killed (SIGKILL) and started again."""

    def kill(self, stage: Stage, target: str) -> None:
        """Kill it, or the named one of its processes."""

    def revive(self, stage: Stage, target: str) -> None:
        """Start again what was killed of the resource."""


@runtime_checkable
class Pausable(Protocol):
    """May be stopped in the middle of what it does (SIGSTOP), and go on."""

    def pause(self, stage: Stage, target: str) -> None:
        """Pause it, or the named one of its processes."""

    def resume(self, stage: Stage, target: str) -> None:
        """Let it go on."""


@runtime_checkable
class Isolatable(Protocol):
    """May be cut off from those that talk to it."""

    def isolate(self, stage: Stage, target: str) -> None:
        """Cut it off."""

    def rejoin(self, stage: Stage, target: str) -> None:
        """Let it talk again."""


class ProcessFaults:
    """Killable and Pausable for resources that are nothing but processes of their stage."""

    def kill(self, stage: Stage, target: str) -> None:
        """SIGKILL the named process, or all."""
        stage.kill(target)

    def revive(self, stage: Stage, target: str) -> None:
        """Start again what was killed, in the same way, on the same files."""
        stage.revive(target)

    def pause(self, stage: Stage, target: str) -> None:
        """SIGSTOP the named process, or all."""
        stage.pause(target)

    def resume(self, stage: Stage, target: str) -> None:
        """SIGCONT the named process, or all."""
        stage.resume(target)


@dataclass(frozen=True)
class Action:
    """A fault and its healing: the two sides of a capability."""

    capability: type
    inject: str
    heal: str


ACTIONS: tuple[Action, ...] = (
    Action(Killable, "kill", "revive"),
    Action(Pausable, "pause", "resume"),
    Action(Isolatable, "isolate", "rejoin"),
)


def capabilities(resource: object) -> tuple[str, ...]:
    """The names of the capabilities that a resource has."""
    return tuple(a.capability.__name__ for a in ACTIONS if isinstance(resource, a.capability))
