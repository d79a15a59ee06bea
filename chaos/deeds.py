"""Deeds: what is done to an environment under load, a fault or not, and undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from chaos.sightings import Witness

__all__ = ["NOTHING", "Deed", "Injection"]

# What the deed is called that is none.
NOTHING = "nothing"


@dataclass(frozen=True)
class Deed:
    """Something that is done, and lasts until it is undone.

    Attributes:
        name: What it is: a fault's name, or another's.
        resource: What it is done to.
        target: Which part of that; empty for all of it.
        witness: Who looks whether it was done.
        spared: The partitions of the workload that it leaves alone.
        done: Has it done for as long as a block lasts.
    """

    name: str
    resource: str
    target: str
    witness: Witness
    spared: tuple[int, ...]
    done: Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Injection:
    """A fault as an experiment asks for it.

    Attributes:
        resource: Which resource.
        fault: How it is broken.
        target: One of its parts; empty for all of it.
        seconds: How long it lasts before the next step, the witness's look included.
        limit_s: When the keeper heals it at the latest.
        parameters: What the fault is told besides.
    """

    resource: str
    fault: str
    target: str
    seconds: float
    limit_s: float
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def otherwise(self, told: Mapping[str, Any]) -> Injection:
        """The same, but for what is told by name.

        Raises:
            TypeError: There is nothing of such a name.
        """
        return replace(self, **told)
