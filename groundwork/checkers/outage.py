"""Outages: how long a fault has interrupted a workload, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from groundwork.checkers.history import SECOND_NS, History, Kind, Outcome, Phase
from groundwork.checkers.objective import Objective
from groundwork.checkers.recovery import Recovery, recovery_of
from groundwork.checkers.verdict import Verdict

__all__ = ["BASELINE_MS_MAX", "Outage", "doubts_of", "missed", "outage_of"]

# What is slower than that before a fault isn't well, and says nothing about getting well.
BASELINE_MS_MAX = 500.0

# What is acknowledged and isn't there, by the rules that name it.
LOSSES = ("lost write", "lost tail", "unseen")


@dataclass(frozen=True)
class Outage:
    """What was measured of it.

    Attributes:
        recovery: How long clients were interrupted; None where nothing was acknowledged before.
        lost: Acknowledged records that aren't there.
        spared: The fewest records of a spared partition in a window; None where none was looked at.
    """

    recovery: Recovery | None
    lost: int
    spared: int | None = None


def outage_of(history: History, verdict: Verdict, objective: Objective) -> Outage | None:
    """Measure what the first fault of a history did; None where there is none in it.

    Args:
        history: With a phase before the fault, that of the fault, and what came after.
        verdict: On it.
        objective: What is to be measured.
    """
    fault = next((each for each in history.phases if not each.progress), None)
    if fault is None:
        return None
    # The last before it: those that a busy machine has spoilt were taken again.
    before = history.phases[: history.phases.index(fault)]
    if not before:
        return None
    since_ns = fault.begin_ns if objective.since == "fault" else fault.end_ns
    found = (verdict.found(name) for name in LOSSES)
    lost = {value for each in found if each is not None for value in each.values.tolist()}
    return Outage(
        recovery_of(history, before[-1], since_ns),
        len(lost),
        slowest(history, fault, objective) if objective.spared_min else None,
    )


def slowest(history: History, fault: Phase, objective: Objective) -> int | None:
    """The fewest records that were acknowledged of a spared partition in any window.

    From the landing until all was over; None where no window is whole, or nothing was spared.
    """
    columns = history.columns
    sends = (columns["kind"] == Kind.SEND) & (columns["outcome"] == Outcome.OK)
    last_ns = max(each.end_ns for each in history.phases)
    window_ns = round(objective.window_s * SECOND_NS)
    if fault.begin_ns + window_ns > last_ns:
        return None
    counts = []
    for number in fault.spared:
        mine = np.sort(columns["complete_ns"][sends & (columns["partition"] == number)])
        # The emptiest window begins with the fault, or right after something was acknowledged.
        begins = np.concatenate(([fault.begin_ns], mine[mine >= fault.begin_ns] + 1))
        begins = begins[begins + window_ns <= last_ns]
        inside = np.searchsorted(mine, begins + window_ns) - np.searchsorted(mine, begins)
        counts.append(int(inside.min()))
    return min(counts, default=None)


def doubts_of(outage: Outage | None) -> Iterator[str]:
    """Why what was measured says too little, one sentence each."""
    recovery = outage.recovery if outage is not None else None
    if recovery is None:
        yield "nothing was acknowledged before the fault"
    elif recovery.baseline_ms_p99 > BASELINE_MS_MAX:
        yield (
            f"before the fault 99 of 100 were acknowledged within {recovery.baseline_ms_p99:.0f} "
            f"ms; over {BASELINE_MS_MAX:.0f} ms nothing can be said about getting well"
        )


def missed(outage: Outage | None, objective: Objective) -> Iterator[str]:
    """What of an objective isn't met, one sentence each; what wasn't measured isn't."""
    what = {"fault": "its landing", "healing": "its healing"}[objective.since]
    recovery = outage.recovery if outage is not None else None
    steady_s = recovery.steady_s if recovery is not None else None
    if steady_s is None:
        yield (
            f"clients were never seen to get on as before, which should be within "
            f"{objective.within_s:g} s of {what}"
        )
    elif steady_s > objective.within_s:
        yield (
            f"clients got on as before {steady_s:g} s after {what}, which should be within "
            f"{objective.within_s:g} s"
        )
    if outage is not None and outage.lost > objective.lost_max:
        yield f"{outage.lost} acknowledged records are lost; {objective.lost_max} may be"
    if objective.spared_min:
        spared = outage.spared if outage is not None else None
        seen = "nothing was measured" if spared is None else f"once there were {spared}"
        if spared is None or spared < objective.spared_min:
            yield (
                f"of a partition that the fault leaves alone {objective.spared_min} records should "
                f"be acknowledged in {objective.window_s:g} s; {seen}"
            )
