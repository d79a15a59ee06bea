"""Deeds: what is done to an environment under load, a fault or not, and undone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from chaos.sightings import Witness

__all__ = ["NOTHING", "Deed"]

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
