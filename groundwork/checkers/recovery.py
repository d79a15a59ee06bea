"""Recovery: how long it takes until a workload gets on again after a fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import NONE, SECOND_NS, History, Kind, Outcome, Phase
from groundwork.checkers.index import Ints

__all__ = ["Recovery", "recovery_of"]

MS_NS = 1_000_000

# What counts as being well: so many windows of a second, one after another, whose 99th percentile
# is at most so many times the baseline's, or so many milliseconds, at most of the offered rate.
WINDOWS = 5
TIMES = 2.0
LATENCY_MS_MIN = 50.0
OF_THE_RATE = 0.9


@dataclass(frozen=True)
class Recovery:
    """What a fault did to those who send, in seconds from its landing, or its healing, on.

    Attributes:
        baseline_ms_p99: From sending to acknowledgement, before the fault.
        limit_ms_p99: What it may be afterwards.
        first_s: Until of each partition a record that was sent after that is acknowledged; None
            where one never is.
        steady_s: Until the first of five seconds in a row that are as before; None where none are.
    """

    baseline_ms_p99: float
    limit_ms_p99: float
    first_s: float | None
    steady_s: float | None


def recovery_of(history: History, baseline: Phase, since_ns: int) -> Recovery | None:
    """How a workload has recovered; None where nothing was acknowledged before the fault.

    Args:
        history: What its clients have seen.
        baseline: The phase before.
        since_ns: From when on it is measured: the fault's landing, or its healing.
    """
    columns = history.columns
    sends = np.flatnonzero(columns["kind"] == Kind.SEND)
    invoked: Ints = columns["invoke_ns"][sends]
    arrived: Ints = columns["complete_ns"][sends]
    outcome = columns["outcome"][sends]
    done = outcome == Outcome.OK
    before = (invoked >= baseline.begin_ns) & (invoked < baseline.end_ns) & done
    if not np.any(before):
        return None
    p99_ms = float(np.percentile((arrived - invoked)[before], 99)) / MS_NS
    limit_ms = max(TIMES * p99_ms, LATENCY_MS_MIN)
    # What is sent in transactions waits for those before: that rate isn't offered, but borne.
    transactions = columns["transaction"][sends] != NONE
    offered = np.ones_like(done) if transactions.all() else ~transactions
    baseline_s = (baseline.end_ns - baseline.begin_ns) / SECOND_NS
    rate = float(np.count_nonzero(before & offered)) / baseline_s
    after = invoked >= since_ns
    partition = columns["partition"][sends][after & done]
    firsts = [arrived[after & done][partition == n] for n in range(len(history.partitions))]
    first_s = None
    if all(len(each) for each in firsts):
        first_s = (max(int(each.min()) for each in firsts) - since_ns) / SECOND_NS
    windows = Windows(
        (invoked[after] - since_ns) // SECOND_NS,
        (arrived - invoked)[after],
        outcome[after],
        offered[after],
    )
    return Recovery(p99_ms, limit_ms, first_s, windows.steady_s(rate, limit_ms))


@dataclass(frozen=True, eq=False)
class Windows:
    """What was sent after a fault had landed, second by second.

    Attributes:
        second: In which each record was sent, from the landing on.
        took_ns: From sending to acknowledgement.
        outcome: Of each.
        offered: Whether it was sent whatever became of those before.
    """

    second: Ints
    took_ns: Ints
    outcome: Ints
    offered: NDArray[np.bool_]

    def steady_s(self, rate: float, limit_ms: float) -> float | None:
        """The first of five seconds in a row that are as before the fault.

        Args:
            rate: Records that were offered and acknowledged a second, before the fault.
            limit_ms: What the 99th percentile of their latency may be.
        """
        row = 0
        for second in range(int(self.second.max(initial=-1))):  # the last one isn't whole
            row = row + 1 if self._is_well(second, rate, limit_ms) else 0
            if row == WINDOWS:
                return float(second - WINDOWS + 1)
        return None

    def _is_well(self, second: int, rate: float, limit_ms: float) -> bool:
        mine = self.second == second
        done = mine & (self.outcome == Outcome.OK)
        if np.any(mine & (self.outcome == Outcome.INFO)):
            return False
        if np.count_nonzero(done & self.offered) < OF_THE_RATE * rate:
            return False
        return float(np.percentile(self.took_ns[done], 99)) / MS_NS <= limit_ms
