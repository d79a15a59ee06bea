"""Actions: what an experiment may do. Faults are the engine's, and on its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaos.course import current

__all__ = ["get_on", "heal", "inject", "see_recovery"]

# As a target: one of the broker's nodes, which the seed chooses.
ANY_NODE = "any node"

FAULT_LIMIT_S = 60.0


def inject(
    resource: str,
    fault: str,
    target: str = "",
    seconds: float = 0,
    limit_s: float = FAULT_LIMIT_S,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Break something, on record, and have a witness look whether it is broken.

    Args:
        resource: Which resource.
        fault: How: ``kill``, ``pause``, ``isolate``...
        target: One of its nodes; ``any node`` is one that the seed chooses; empty for all of it.
        seconds: How long it lasts before the next step, the witness's look included.
        limit_s: When the keeper heals it at the latest.
        parameters: What the fault is told besides.

    Returns:
        Its name on the timeline.

    Raises:
        GroundworkError: It can't be broken so.
    """
    course = current()
    if target == ANY_NODE:
        node = course.chance.choice(course.workload.settings.nodes)
        target = f"{resource}-{node}"
    told = course.inject(resource, fault, target, limit_s, parameters or {})
    course.let_last(seconds)
    return told


def heal() -> str:
    """Undo what is broken, and have the witness look; nothing to be done where nothing is.

    Raises:
        GroundworkError: It can't be healed, or lasted too long.
    """
    return current().heal()


def get_on(phase: str, seconds: tuple[float, float]) -> None:
    """Let clients go on, until they have got on, too.

    Args:
        phase: What this part of the experiment is called.
        seconds: For how long: between the two, as the seed chooses.

    Raises:
        GroundworkError: They don't get on.
    """
    course = current()
    course.get_on(phase, course.chance.uniform(*seconds))


def see_recovery() -> None:
    """Let clients go on until it is seen whether they recover within the objective.

    Raises:
        GroundworkError: Nothing was broken, or clients don't get on at all.
    """
    current().see_recovery()
