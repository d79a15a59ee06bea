"""What every experiment has and none writes down: clients get on, all is healed, all is steady.

A file says what is broken. The control puts the rest around it before anything begins, so that
`chaos run FILE` runs the same as everybody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundwork.base.errors import GroundworkError

__all__ = ["PROBES", "broken_in", "complete", "expect_completed"]

ACTIONS, ASKS = "chaos.actions", "chaos.probes"

# Between these, as the seed chooses: a baseline of some thousand records.
STEADY_S = (6, 9)

UNDER_REPLICATED = "sum(kafka_server_replicamanager_underreplicatedpartitions)"


def called(module: str, func: str, **arguments: Any) -> dict[str, Any]:
    """A provider of the toolkit."""
    return {"type": "python", "module": module, "func": func, "arguments": arguments}


def action(name: str, func: str, **arguments: Any) -> dict[str, Any]:
    """A step."""
    return {"name": name, "type": "action", "provider": called(ACTIONS, func, **arguments)}


def probe(name: str, tolerance: object, func: str, **arguments: Any) -> dict[str, Any]:
    """A question."""
    provider = called(ASKS, func, **arguments)
    return {"name": name, "type": "probe", "tolerance": tolerance, "provider": provider}


# Of three sources: what one says may be wrong, or stale.
PROBES = (
    probe("clients are acknowledged", True, "acknowledged", at_least=300),  # noqa: FBT003 - what it gives
    probe("Prometheus sees every node", 1, "metric", query='min(up{job="broker"})', wanted=1),
    probe(
        "no copy lags behind, by the broker's own word",
        0,
        "metric",
        query=UNDER_REPLICATED,
        wanted=0,
    ),
)


def complete(experiment: dict[str, Any]) -> None:
    """Put around what an experiment breaks what all of them have."""
    experiment["steady-state-hypothesis"] = {
        "title": "clients get on, and the broker is whole",
        "probes": [dict(each) for each in PROBES],
    }
    experiment["method"] = [
        action("clients get on", "see_steady", seconds=list(STEADY_S)),
        *experiment["method"],
        action("what is broken is healed", "heal"),
        action("clients recover", "see_recovery"),
    ]
    experiment["rollbacks"] = [action("whatever is broken is healed", "heal")]


def expect_completed(experiment: Mapping[str, Any]) -> None:
    """See that that was done: the toolkit passes over a control that can't be configured.

    Raises:
        GroundworkError: It wasn't.
    """
    if not experiment.get("rollbacks") or "steady-state-hypothesis" not in experiment:
        raise GroundworkError("the experiment isn't complete: its control wasn't configured")


def broken_in(arguments: Mapping[str, Any]) -> frozenset[str]:
    """The resources that a step breaks, by what it is told: one, several, or another elsewhere."""
    ones = (told.get("resource") for told in (arguments, arguments.get("in_a_cluster", {})))
    return frozenset(map(str, [*(one for one in ones if one), *arguments.get("resources", ())]))
