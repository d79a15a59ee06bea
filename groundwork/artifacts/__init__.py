"""Artifacts: how a server's program is obtained; cached, locked, verified."""

from groundwork.artifacts.artifact import Artifact, Progress, Report, Resolved, obtain, resolve_all
from groundwork.artifacts.cache import Cache, default_cache_dir
from groundwork.artifacts.debian import DebianTree
from groundwork.artifacts.files import Files
from groundwork.artifacts.gobuild import GoBuild
from groundwork.artifacts.image import Image, Piece
from groundwork.artifacts.maven import MavenArchive, MavenJars
from groundwork.artifacts.packages import PythonPackages
from groundwork.artifacts.program import Command, Program
from groundwork.artifacts.runtime import WheelRuntime

__all__ = [
    "Artifact",
    "Cache",
    "Command",
    "DebianTree",
    "Files",
    "GoBuild",
    "Image",
    "MavenArchive",
    "MavenJars",
    "Piece",
    "Program",
    "Progress",
    "PythonPackages",
    "Report",
    "Resolved",
    "WheelRuntime",
    "default_cache_dir",
    "obtain",
    "resolve_all",
]
