"""Objectives: how long a fault may interrupt a workload, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Objective"]

# A pod is placed, probed and led to again: that takes as long as the rest.
CLUSTER_FACTOR = 2.0


@dataclass(frozen=True)
class Objective:
    """What an experiment is held to.

    Attributes:
        since: From when on an interruption counts: the fault's landing, or its healing.
        within_s: How soon clients get on as before (the recovery time objective).
        lost_max: How many acknowledged records may be lost (the recovery point objective).
        spared_min: How many records of each partition that the fault leaves alone are acknowledged
            in any window meanwhile, at least; 0 where nothing is promised.
        window_s: How long such a window is.
    """

    since: Literal["fault", "healing"]
    within_s: float
    lost_max: int = 0
    spared_min: int = 0
    window_s: float = 5.0

    @property
    def origin(self) -> str:
        """From when on an interruption counts, for people."""
        return {"fault": "the fault's landing", "healing": "its healing"}[self.since]

    def in_a_cluster(self) -> Objective:
        """The same where servers are pods: twice the time, and nothing more may be lost."""
        return replace(self, within_s=CLUSTER_FACTOR * self.within_s)
