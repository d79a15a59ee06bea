"""Artifacts: how a server's program is obtained; cached, locked, verified."""

from groundwork.artifacts.artifact import Artifact, Progress, Report, Resolved, resolve_all
from groundwork.artifacts.cache import Cache, default_cache_dir
from groundwork.artifacts.runtime import WheelRuntime

__all__ = [
    "Artifact",
    "Cache",
    "Progress",
    "Report",
    "Resolved",
    "WheelRuntime",
    "default_cache_dir",
    "resolve_all",
]
