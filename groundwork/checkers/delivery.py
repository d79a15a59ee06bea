"""The checker of delivery: is what was acknowledged there, once, in order, and nothing else?

By Jepsen's workload for Kafka. Cycles of transactions (jepsen.elle) are out of its scope: what it
says of transactions is that they are all or nothing to whoever reads what is committed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from groundwork.checkers.history import History, Outcome
from groundwork.checkers.index import Index
from groundwork.checkers.rules import RULES
from groundwork.checkers.verdict import Finding, Judgement, Verdict

__all__ = ["ACKNOWLEDGED_MIN", "INFO_MAX", "check", "findings_of"]

# Of each phase that promises progress; fewer say nothing of it.
ACKNOWLEDGED_MIN = 2_000

# The share of sends of which nobody knows whether they happened: with more, anything may be legal.
INFO_MAX = 0.2

# KIP-890: a request of a transaction that is delayed by the network may be appended after its end,
# and become part of the next one. Brokers and clients that both speak its second part are safe.
KIP_890 = "KIP-890"
OF_KIP_890 = frozenset({"aborted read", "precommitted read"})

WORTH = (
    "Processes were killed, stopped and cut off. A kill leaves the operating system's page cache "
    "alone: nothing is said about a loss of power. Cycles of transactions weren't looked for."
)


def check(
    history: History,
    *,
    acknowledged_min: int = ACKNOWLEDGED_MIN,
    info_max: float = INFO_MAX,
) -> Verdict:
    """Judge a history.

    Args:
        history: What clients have seen.
        acknowledged_min: Sends that each phase which promises progress must have acknowledged.
        info_max: The share of sends whose outcome may be unknown.
    """
    index = Index(history)
    findings = findings_of(index)
    doubts = tuple(doubts_of(index, acknowledged_min, info_max))
    judgement: Judgement = "valid"
    if any(not each.known for each in findings):
        judgement = "invalid"
    elif doubts:
        judgement = "unknown"
    return Verdict(judgement, findings, doubts, WORTH)


def findings_of(index: Index) -> tuple[Finding, ...]:
    """All that should not be."""
    found = (rule(index) for rule in RULES)
    return tuple(explained(each, index) for each in found if each is not None)


def explained(found: Finding, index: Index) -> Finding:
    """A finding with the name of what is known in Kafka, where that explains all of it."""
    if found.anomaly not in OF_KIP_890:
        return found
    mine = np.isin(index.value[index.sends], found.values)
    rows = index.sends[mine]
    spans = [(each.begin_ns, each.end_ns) for each in index.history.phases if each.network]
    broken = np.zeros(len(rows), dtype=np.bool_)
    for begin_ns, end_ns in spans:
        broken |= (index.invoke_ns[rows] <= end_ns) & (index.complete_ns[rows] >= begin_ns)
    delayed = broken & index.transactional[mine] & (index.outcome[rows] == Outcome.INFO)
    return replace(found, known=KIP_890) if len(rows) and bool(delayed.all()) else found


def doubts_of(index: Index, acknowledged_min: int, info_max: float) -> list[str]:
    """Why a history says too little."""
    found = [
        f"{each.topic}-{each.number}: the final read came to {each.read_to}, and the high "
        f"watermark is {each.watermark}"
        for each in index.history.partitions
        if each.read_to < each.watermark
    ]
    done_ns = index.complete_ns[index.sends[index.acknowledged]]
    for phase in index.history.phases:
        if not phase.progress:
            continue
        many = int(np.count_nonzero((done_ns >= phase.begin_ns) & (done_ns < phase.end_ns)))
        if many < acknowledged_min:
            found.append(
                f"{phase.name}: {many} records were acknowledged, at least {acknowledged_min} "
                "should have been"
            )
    outcomes = index.outcome[index.sends]
    if len(outcomes):
        share = float(np.count_nonzero(outcomes == Outcome.INFO)) / len(outcomes)
        if share > info_max:
            found.append(f"of {share:.0%} of the sends nobody knows whether they happened")
    else:
        found.append("nothing was sent")
    return found
