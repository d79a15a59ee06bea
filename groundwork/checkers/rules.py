"""The rules of delivery: each looks for one anomaly in a history.

The anomalies, and what is legal all the same, are those of Jepsen's workload for Kafka
(jepsen.tests.kafka), but for cycles of transactions, which nobody looks for here:

* Consumers of a group may go back and skip when partitions are given to another member.
* Records of several transactions interleave; offsets have gaps where markers and what was aborted
  are.
* Records below the log's start, and of compacted partitions, may be gone.
* Whatever an outcome leaves open (``INFO``) may have happened, at any later time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import NONE, Kind, Outcome
from groundwork.checkers.index import NEVER_NS, OFFSETS, Index, Ints
from groundwork.checkers.verdict import Example, Finding

__all__ = ["RULES", "Rule"]

Rule = Callable[[Index], Finding | None]

# As many as people look at; the records that are concerned are named all of them.
EXAMPLES_MAX = 20


def finding(
    name: str, values: Ints, examples: Iterator[Example], count: int | None = None
) -> Finding | None:
    """What was found; None for nothing."""
    many = len(values) if count is None else count
    if not many:
        return None
    first = tuple(example for _, example in zip(range(EXAMPLES_MAX), examples, strict=False))
    return Finding(name, many, np.unique(values), first)


def where(index: Index, row: int) -> str:
    """The partition and the offset of a row, for people."""
    partition = index.history.partitions[int(index.partition[row])]
    return f"{partition.topic}-{partition.number}@{index.offset[row]}"


# --- what was acknowledged is there


def unread(index: Index) -> NDArray[np.int64]:
    """Which of the sends were acknowledged, should be there to be read, and were read by nobody."""
    rows = index.sends
    partitions = index.partition[rows]
    fate_known = ~index.transactional | index.committed
    due = index.acknowledged & fate_known & ~index.compacted[partitions]
    due &= index.offset[rows] >= index.start[partitions]
    return np.flatnonzero(due & ~index.was_read)


def lost_writes(index: Index) -> Finding | None:
    """Acknowledged at or below the highest offset that was read, and never read."""
    highest = index.highest_read()
    missed = unread(index)
    rows = index.sends[missed]
    lost = rows[index.offset[rows] <= highest[index.partition[rows]]]
    beyond = last_reads(index)

    def examples() -> Iterator[Example]:
        for row in lost:
            reader = beyond[int(index.partition[row])]
            text = (
                f"record {index.value[row]} was acknowledged at {where(index, row)}, and nobody "
                f"has read it, though {where(index, reader)} was read"
            )
            yield Example(text, (int(index.op[row]), int(index.op[reader])))

    return finding("lost write", index.value[lost], examples())


def last_reads(index: Index) -> Ints:
    """Of each partition the poll's row that has read the highest offset; NONE where none has."""
    found = np.full(len(index.history.partitions), NONE, dtype=np.int64)
    order = np.argsort(index.offset[index.polls], kind="stable")
    rows = index.polls[order]
    found[index.partition[rows]] = rows  # the highest one is written last
    return found


def lost_tails(index: Index) -> Finding | None:
    """Acknowledged at or above the high watermark that was there after all was healed."""
    rows = index.sends
    partitions = index.partition[rows]
    lost = rows[index.acknowledged & (index.offset[rows] >= index.watermark[partitions])]

    def examples() -> Iterator[Example]:
        for row in lost:
            mark = index.watermark[index.partition[row]]
            text = (
                f"record {index.value[row]} was acknowledged at {where(index, row)}, and the high "
                f"watermark after the healing is {mark}"
            )
            yield Example(text, (int(index.op[row]),))

    return finding("lost tail", index.value[lost], examples())


def unseen(index: Index) -> Finding | None:
    """Acknowledged above all that was read, below the high watermark, and never read."""
    highest = index.highest_read()
    rows = index.sends[unread(index)]
    partitions = index.partition[rows]
    above = index.offset[rows] > highest[partitions]
    rows = rows[above & (index.offset[rows] < index.watermark[partitions])]

    def examples() -> Iterator[Example]:
        for row in rows:
            text = (
                f"record {index.value[row]} was acknowledged at {where(index, row)}, below the "
                "high watermark, and nobody has read as far"
            )
            yield Example(text, (int(index.op[row]),))

    return finding("unseen", index.value[rows], examples())


# --- each record is in one place, and each place has one record


def duplicates(index: Index) -> Finding | None:
    """A record of an idempotent producer in two places."""
    known = np.flatnonzero(index.sent_by != NONE)
    sender = index.sent_by[known]
    own = index.told(index.sends, "idempotent")[sender]
    known, sender = known[own], sender[own]
    rows = index.polls[known]
    first = index.polls[index.first_read[sender]]
    home = np.where(index.sent_place[sender] != NONE, index.sends[sender], first)
    twice = np.flatnonzero(
        (index.partition[rows] != index.partition[home])
        | (index.offset[rows] != index.offset[home])
    )

    def examples() -> Iterator[Example]:
        for at in twice:
            row, other = int(rows[at]), int(home[at])
            text = (
                f"record {index.value[row]} is at {where(index, other)} and at {where(index, row)}"
            )
            yield Example(text, tuple(sorted({int(index.op[other]), int(index.op[row])})))

    return finding("duplicate", index.value[rows[twice]], examples())


def inconsistent_offsets(index: Index) -> Finding | None:
    """One place with two records, by whatever clients were told of it."""
    told = index.sends[index.acknowledged & (index.sent_place != NONE)]
    rows = np.concatenate([told, index.polls])
    places = index.places(rows)
    order = np.argsort(places, kind="stable")
    rows, places = rows[order], places[order]
    same = places[1:] == places[:-1]
    at = np.flatnonzero(same & (index.value[rows[1:]] != index.value[rows[:-1]]))
    values = np.concatenate([index.value[rows[at]], index.value[rows[at + 1]]])

    def examples() -> Iterator[Example]:
        for each in at:
            one, other = int(rows[each]), int(rows[each + 1])
            text = (
                f"{where(index, one)} is record {index.value[one]} to one and record "
                f"{index.value[other]} to another"
            )
            yield Example(text, tuple(sorted((int(index.op[one]), int(index.op[other])))))

    return finding("inconsistent offsets", values, examples(), len(np.unique(places[at])))


def phantoms(index: Index) -> Finding | None:
    """A record that nobody has sent."""
    rows = index.polls[index.sent_by == NONE]

    def examples() -> Iterator[Example]:
        for row in rows:
            text = f"record {index.value[row]} was read at {where(index, row)}; nobody has sent it"
            yield Example(text, (int(index.op[row]),))

    return finding("phantom", index.value[rows], examples())


# --- order


def descents(index: Index, sends: Ints, offsets: Ints) -> tuple[Ints, Ints]:
    """Pairs of sends of one ordered producer to one partition whose offsets don't ascend.

    Args:
        index: Of the history.
        sends: Which of its sends, in their order.
        offsets: Of each, where it is.
    """
    ordered = index.told(index.sends[sends], "ordered")
    sends, offsets = sends[ordered], offsets[ordered]
    rows = index.sends[sends]
    stream = index.process[rows].astype(np.int64) * len(index.history.partitions)
    stream += index.partition[rows]
    order = np.argsort(stream, kind="stable")
    stream, offsets, rows = stream[order], offsets[order], rows[order]
    at = np.flatnonzero((stream[1:] == stream[:-1]) & (offsets[1:] <= offsets[:-1]))
    return rows[at], rows[at + 1]


def out_of_order(index: Index, name: str, one: Ints, other: Ints, how: str) -> Finding | None:
    """What was found of pairs of sends."""
    values = np.concatenate([index.value[one], index.value[other]])

    def examples() -> Iterator[Example]:
        for first, second in zip(one, other, strict=True):
            text = (
                f"record {index.value[second]} was sent after record {index.value[first]} by the "
                f"same producer, and {how} before it"
            )
            yield Example(text, (int(index.op[first]), int(index.op[second])))

    return finding(name, values, examples(), len(one))


def non_monotonic_sends(index: Index) -> Finding | None:
    """Acknowledged offsets of an ordered producer that don't ascend."""
    sends = np.flatnonzero(index.acknowledged & (index.sent_place != NONE))
    one, other = descents(index, sends, index.offset[index.sends[sends]])
    return out_of_order(index, "non-monotonic send", one, other, "was acknowledged at an offset")


def reorderings(index: Index) -> Finding | None:
    """Records of an ordered producer that are read in another order than they were sent in."""
    sends = np.flatnonzero(index.was_read)
    reads = index.polls[index.first_read[sends]]
    same = index.partition[reads] == index.partition[index.sends[sends]]
    sends, reads = sends[same], reads[same]
    one, other = descents(index, sends, index.offset[reads])
    return out_of_order(index, "reordering", one, other, "is read at an offset")


# --- what a consumer of its own partitions reads


def non_monotonic_polls(index: Index) -> Finding | None:
    """A consumer of its own partitions goes back, or reads a record again, without a seek."""
    before, after, from_offset, to_offset = index.strides
    back = np.flatnonzero(to_offset <= from_offset)

    def examples() -> Iterator[Example]:
        for at in back:
            one, other = int(before[at]), int(after[at])
            text = f"a consumer has read {where(index, other)} after {where(index, one)}"
            yield Example(text, tuple(sorted({int(index.op[one]), int(index.op[other])})))

    return finding("non-monotonic poll", index.value[after[back]], examples())


def poll_skips(index: Index) -> Finding | None:
    """A consumer of its own partitions passes over a record that it should have read."""
    before, after, from_offset, to_offset = index.strides
    wide = to_offset > from_offset + 1
    wide &= ~index.compacted[index.partition[after]]
    before, after, from_offset, to_offset = (
        each[wide] for each in (before, after, from_offset, to_offset)
    )
    committed = index.told(after, "committed")
    skipped: list[tuple[int, int, int]] = []
    for readers in (True, False):
        chosen = np.flatnonzero(committed == readers)
        places, rows, last_ns = readable(index, committed=readers)
        base = index.partition[after[chosen]].astype(np.int64) * OFFSETS
        start = base + index.start[index.partition[after[chosen]]]
        done_ns = index.complete_ns[after[chosen]]
        low = np.searchsorted(places, base + from_offset[chosen] + 1)
        high = np.searchsorted(places, base + to_offset[chosen])
        for at in np.flatnonzero(high > low):
            between = np.arange(low[at], high[at])
            # Below the log's start it may have been gone, unless somebody has read it later.
            there = (places[between] >= start[at]) | (last_ns[between] > done_ns[at])
            if np.any(there):
                row = int(rows[between[there][0]])
                skipped.append((int(before[chosen[at]]), row, int(after[chosen[at]])))
    passed = np.array([row for _, row, _ in skipped], dtype=np.int64)

    def examples() -> Iterator[Example]:
        for one, row, other in skipped:
            text = (
                f"a consumer has read {where(index, other)} and not {where(index, row)} before it, "
                f"which is record {index.value[row]}"
            )
            yield Example(text, tuple(sorted({int(index.op[each]) for each in (one, row, other)})))

    return finding("poll skip", index.value[passed], examples())


def readable(index: Index, *, committed: bool) -> tuple[Ints, Ints, Ints]:
    """The places where somebody has read a record.

    With ``committed`` only those that a reader of what is committed should have been given.

    Returns:
        The places, ascending; of each the row of the last poll that has read it, and when that
        began.
    """
    chosen = index.sent_by != NONE
    if committed:
        sender = index.sent_by[chosen]
        fit = ~index.transactional[sender] | index.committed[sender]
        chosen[np.flatnonzero(chosen)[~fit]] = False
    rows, found = index.polls[chosen], index.read_place[chosen]
    order = np.lexsort((index.invoke_ns[rows], found))
    rows, found = rows[order], found[order]
    last = np.flatnonzero(np.append(found[1:] != found[:-1], np.ones(len(found[:1]), np.bool_)))
    return found[last], rows[last], index.invoke_ns[rows[last]]


# --- transactions


def aborted_reads(index: Index) -> Finding | None:
    """A record of an aborted transaction that is read as committed; one that wasn't sent at all."""
    known = np.flatnonzero(index.sent_by != NONE)
    sender, rows = index.sent_by[known], index.polls[known]
    failed = index.outcome[index.sends[sender]] == Outcome.FAIL
    aborted = index.aborted[sender] & index.told(rows, "committed")
    at = np.flatnonzero(failed | aborted)

    def examples() -> Iterator[Example]:
        for each in at:
            row, send = int(rows[each]), int(index.sends[sender[each]])
            why = "whose send had failed" if failed[each] else "of a transaction that was aborted"
            text = f"record {index.value[row]}, {why}, was read at {where(index, row)}"
            yield Example(text, (int(index.op[send]), int(index.op[row])))

    return finding("aborted read", index.value[rows[at]], examples())


def precommitted_reads(index: Index) -> Finding | None:
    """A record that is read as committed before anybody had asked for that."""
    known = np.flatnonzero(index.sent_by != NONE)
    sender, rows = index.sent_by[known], index.polls[known]
    early = index.complete_ns[rows] < index.commit_invoked_ns[sender]
    early &= index.told(rows, "committed") & ~index.aborted[sender]
    at = np.flatnonzero(early)

    def examples() -> Iterator[Example]:
        for each in at:
            row, send = int(rows[each]), int(index.sends[sender[each]])
            asked = index.commit_invoked_ns[sender[each]]
            when = "never" if asked == NEVER_NS else "later"
            text = (
                f"record {index.value[row]} was read at {where(index, row)}; its transaction was "
                f"{when} committed"
            )
            yield Example(text, (int(index.op[send]), int(index.op[row])))

    return finding("precommitted read", index.value[rows[at]], examples())


# --- groups


def backward_commits(index: Index) -> Finding | None:
    """A member of a group commits an offset below one that it had committed in its generation."""
    rows = index.rows(Kind.COMMIT_OFFSET)
    rows = rows[index.outcome[rows] == Outcome.OK]
    generation = index.history.columns["generation"][rows]
    order = np.lexsort((rows, generation, index.partition[rows], index.process[rows]))
    rows, generation = rows[order], generation[order]
    same = (
        (index.process[rows[1:]] == index.process[rows[:-1]])
        & (index.partition[rows[1:]] == index.partition[rows[:-1]])
        & (generation[1:] == generation[:-1])
    )
    at = np.flatnonzero(same & (index.offset[rows[1:]] < index.offset[rows[:-1]]))

    def examples() -> Iterator[Example]:
        for each in at:
            one, other = int(rows[each]), int(rows[each + 1])
            text = (
                f"a member of a group has committed {where(index, other)} after "
                f"{where(index, one)} in one generation"
            )
            yield Example(text, (int(index.op[one]), int(index.op[other])))

    nobody = np.zeros(0, dtype=np.int64)
    return finding("commit backwards", nobody, examples(), len(at))


RULES: tuple[Rule, ...] = (
    lost_writes,
    lost_tails,
    unseen,
    duplicates,
    inconsistent_offsets,
    phantoms,
    non_monotonic_sends,
    reorderings,
    non_monotonic_polls,
    poll_skips,
    aborted_reads,
    precommitted_reads,
    backward_commits,
)
