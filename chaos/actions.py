"""Actions: what an experiment may do. Faults are the engine's, and on its record."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.clusterwitness import worker_of
from chaos.course import BROKER, Course, current
from chaos.deeds import Injection
from chaos.schedule import LANES, drawn
from chaos.standing import followers_of

__all__ = [
    "DURATION",
    "combine",
    "heal",
    "inject",
    "kill_handler",
    "leave_alone",
    "move_leaders",
    "see_recovery",
    "see_steady",
]

# As a target: one of the broker's nodes, which the seed chooses; one of those that don't lead the
# quorum of controllers, for one that does and isn't reached is voted for again and again, as it
# reaches the others, and everything stands still; and a node of the cluster with one of the
# broker's on it, and nobody who tells of alerts.
ANY_NODE, FOLLOWER, WORKER = "any node", "a follower", "a worker"

FAULT_LIMIT_S = 60.0

# For how long faults are combined, in seconds; where nobody says it, the experiment does.
DURATION = "CHAOS_DURATION_S"


def inject(
    resource: str,
    fault: str,
    target: str = "",
    seconds: float = 0,
    limit_s: float = FAULT_LIMIT_S,
    parameters: Mapping[str, Any] | None = None,
    in_a_cluster: Mapping[str, Any] | None = None,
) -> None:
    """Break something, on record, and have a witness look whether it is broken.

    Args:
        resource: Which resource.
        fault: How: ``kill``, ``pause``, ``isolate``...
        target: One of its nodes; ``any node`` is one that the seed chooses, ``a follower`` one of
            those that don't lead the quorum of controllers, ``a worker`` one of the cluster's with
            a node of the broker on it; empty for all of it.
        seconds: How long it lasts before the next step, the witness's look included.
        limit_s: When the keeper heals it at the latest.
        parameters: What the fault is told besides.
        in_a_cluster: What of these is otherwise where servers are pods.

    Raises:
        GroundworkError: It can't be broken so.
    """
    course = current()
    asked = Injection(resource, fault, target, seconds, limit_s, parameters or {})
    if course.plan.platform != "local":
        asked = asked.otherwise(in_a_cluster or {})
    course.inject(asked.otherwise({"target": chosen(course, asked.target)}))
    course.let_last(asked.seconds)


def chosen(course: Course, target: str) -> str:
    """A target by its name, where it is told by what it should be like."""
    if target == ANY_NODE:
        return f"{BROKER}-{course.chance.choice(course.workload.settings.nodes)}"
    if target == FOLLOWER:
        broker = course.client.await_ready(BROKER).description
        return f"{BROKER}-{course.chance.choice(followers_of(broker))}"
    if target == WORKER:
        return worker_of(course.client.status())
    return target


def leave_alone(seconds: float) -> None:
    """Do nothing, and have a witness look whether nothing happens: what faults are compared with.

    Args:
        seconds: For how long, the witness's look included.

    Raises:
        GroundworkError: Something is broken.
    """
    course = current()
    course.leave_alone()
    course.let_last(seconds)


def move_leaders(resource: str, seconds: float) -> None:
    """Have another node lead each partition of the workload; healed, they are led as before.

    Args:
        resource: Whose nodes these are.
        seconds: For how long, the witness's look included.

    Raises:
        GroundworkError: The broker refuses.
    """
    del resource  # it is claimed
    course = current()
    course.move_leaders()
    course.let_last(seconds)


def kill_handler(seconds: float) -> None:
    """Kill the consumer that commits after it has handled, in the middle of a batch.

    Args:
        seconds: How long there is none.

    Raises:
        GroundworkError: There is none.
    """
    course = current()
    course.kill_handler()
    course.let_last(seconds)


def combine(resources: Sequence[str], seconds: float) -> None:
    """Break one thing after another, and beside each other, by a schedule that the seed draws.

    Args:
        resources: What may be broken.
        seconds: For how long, unless whoever has started this says otherwise.

    Raises:
        GroundworkError: Something can't be broken or healed.
    """
    course = current()
    lanes = [[kind for kind in kinds if kind.resource in resources] for kinds in LANES]
    steps = drawn(course.plan.seed, float(os.environ.get(DURATION, seconds)), lanes)
    for step in steps:
        course.client.record("scheduled", step=str(step))
    course.combine(steps)


def heal() -> None:
    """Undo what is broken, and have the witness look; nothing to be done where nothing is.

    Raises:
        GroundworkError: It can't be healed, or lasted too long.
    """
    current().heal()


def see_steady(seconds: tuple[float, float]) -> None:
    """Let clients go on as they do: what a fault is compared with.

    Args:
        seconds: For how long: between the two, as the seed chooses.

    Raises:
        GroundworkError: They don't get on.
    """
    course = current()
    course.see_steady(course.chance.uniform(*seconds))


def see_recovery() -> None:
    """Let clients go on until it is seen whether they recover within the objective.

    Raises:
        GroundworkError: Nothing was broken, or clients don't get on at all.
    """
    current().see_recovery()
