"""A resource that is something of another one's pods, which bring it, and take it away."""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.clusters.workload import Workload
from groundwork.declare.stage import Stage

__all__ = ["PodsPart"]


@dataclass(frozen=True)
class PodsPart(Workload):
    """Something that can be broken by itself, and has no objects of its own."""

    def launch(self, stage: Stage) -> None:
        """It comes with the pods."""

    def logs(self, stage: Stage) -> str:
        """Those are its pods'."""
        del stage
        return ""

    def stop(self, stage: Stage, grace_s: float) -> None:
        """It goes with the pods."""
