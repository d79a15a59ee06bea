"""The engine: declares, provisions, verifies, records and removes what a test run needs.

What an author of an environment writes with, all of it::

    from groundwork import Environment, Resource, Settings, Stage, provides, wait_for

Nothing is imported before it is used: a run's first process must be there in a moment.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundwork.base.errors import (
        NotRecoveredError,
        NotYetError,
        OverdueError,
        TerminalStateError,
        UsageError,
    )
    from groundwork.base.wait import Deadline, wait_for
    from groundwork.declare.arguments import Arguments
    from groundwork.declare.capability import ProcessFaults
    from groundwork.declare.endpoint import Endpoint
    from groundwork.declare.environment import Environment
    from groundwork.declare.job import Job
    from groundwork.declare.resource import Resource
    from groundwork.declare.settings import Settings
    from groundwork.declare.stage import Stage
    from groundwork.plugin import provides
    from groundwork.use.client import Client, Handle

__all__ = [
    "Arguments",
    "Client",
    "Deadline",
    "Endpoint",
    "Environment",
    "Handle",
    "Job",
    "NotRecoveredError",
    "NotYetError",
    "OverdueError",
    "ProcessFaults",
    "Resource",
    "Settings",
    "Stage",
    "TerminalStateError",
    "UsageError",
    "provides",
    "wait_for",
]

PLACES = {
    "Arguments": "groundwork.declare.arguments",
    "Client": "groundwork.use.client",
    "Deadline": "groundwork.base.wait",
    "Endpoint": "groundwork.declare.endpoint",
    "Environment": "groundwork.declare.environment",
    "Handle": "groundwork.use.client",
    "Job": "groundwork.declare.job",
    "NotRecoveredError": "groundwork.base.errors",
    "NotYetError": "groundwork.base.errors",
    "OverdueError": "groundwork.base.errors",
    "ProcessFaults": "groundwork.declare.capability",
    "Resource": "groundwork.declare.resource",
    "Settings": "groundwork.declare.settings",
    "Stage": "groundwork.declare.stage",
    "TerminalStateError": "groundwork.base.errors",
    "UsageError": "groundwork.base.errors",
    "provides": "groundwork.plugin",
    "wait_for": "groundwork.base.wait",
}


def __getattr__(name: str) -> object:
    """One of the names above, from where it is defined."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)
