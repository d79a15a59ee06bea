"""The servers' own tools, as local runs have them, for tests that need no server."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fixtures.resources import alertmanager, prometheus
from groundwork.artifacts import Cache, Resolved, Workshop
from groundwork.base import process
from groundwork.declare.settings import Settings

__all__ = ["TOOL_TIMEOUT_S", "found", "run"]

TOOL_TIMEOUT_S = 30.0


@cache
def found(name: str) -> Resolved:
    """A program as local runs have it, from the user's cache."""
    program = {"prometheus": prometheus.PROGRAM, "alertmanager": alertmanager.PROGRAM}[name]
    return program.resolve(Workshop(Cache.open(Settings.from_json("{}").cache_dir)))


def run(argv: list[str | Path]) -> str:
    """Run a tool; what it printed."""
    return process.run(argv, timeout_s=TOOL_TIMEOUT_S).output
