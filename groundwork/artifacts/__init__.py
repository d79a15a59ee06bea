"""Artifacts: how a server's program is obtained; cached, locked, verified."""

from groundwork.artifacts.artifact import Artifact, Progress, Report, Resolved, resolve_all
from groundwork.artifacts.cache import Cache, default_cache_dir
from groundwork.artifacts.maven import MavenArchive, MavenJars
from groundwork.artifacts.program import Command, Program
from groundwork.artifacts.runtime import WheelRuntime

__all__ = [
    "Artifact",
    "Cache",
    "Command",
    "MavenArchive",
    "MavenJars",
    "Program",
    "Progress",
    "Report",
    "Resolved",
    "WheelRuntime",
    "default_cache_dir",
    "resolve_all",
]
