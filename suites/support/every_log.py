"""Brute force: is there any log, and any fate of what nobody knows, that explains a small history?

It shares nothing with the checker nor with the simulator, and takes as long as it takes: every way
of putting the records that may have been written where nobody has looked, and every end that
transactions may have had, is tried, and each is held to all that clients saw.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from groundwork.checkers.history import COLUMNS, NONE, History, Kind, Outcome

__all__ = ["OPERATIONS_MAX", "explicable"]

# Beyond that the ways are too many.
OPERATIONS_MAX = 12


@dataclass(frozen=True)
class Row:
    """A row of a history."""

    op: int
    kind: int
    outcome: int
    process: int
    partition: int
    offset: int
    value: int
    transaction: int
    generation: int
    invoke_ns: int
    complete_ns: int


# What lies where: the value at each partition and offset; a place that isn't there holds nothing.
Log = dict[tuple[int, int], int]


def explicable(history: History) -> bool:
    """Whether anything explains it.

    Raises:
        ValueError: It is too long.
    """
    columns = [history.columns[name].tolist() for name in COLUMNS]
    rows = [Row(*each) for each in zip(*columns, strict=True)]
    if len({row.op for row in rows}) > OPERATIONS_MAX:
        raise ValueError("too many operations for every log to be tried")
    return any(
        explains(log, fates, rows, history)
        for log in logs(rows, history)
        for fates in all_fates(rows)
    )


def logs(rows: list[Row], history: History) -> Iterator[Log]:
    """Every log that holds what was seen, and of what may be written anything anywhere else."""
    seen: Log = {}
    for row in rows:
        told = row.kind == Kind.POLL or (row.kind == Kind.SEND and row.outcome == Outcome.OK)
        if told and seen.setdefault((row.partition, row.offset), row.value) != row.value:
            return  # one place with two records: no log at all
    free = [
        (number, offset)
        for number, each in enumerate(history.partitions)
        for offset in range(each.watermark)
        if (number, offset) not in seen
    ]
    open_sends = [r for r in rows if r.kind == Kind.SEND and r.outcome == Outcome.INFO]
    unseen = [row for row in open_sends if row.value not in seen.values()]
    choices = [[None, *(place for place in free if place[0] == row.partition)] for row in unseen]
    for places in itertools.product(*choices):
        taken = [place for place in places if place is not None]
        if len(set(taken)) == len(taken):
            extra = {place: row.value for place, row in zip(places, unseen, strict=True) if place}
            yield seen | extra


def all_fates(rows: list[Row]) -> Iterator[dict[int, bool]]:
    """Every way in which transactions may have ended: whether each was committed."""
    names = sorted({row.transaction for row in rows} - {NONE})
    known: dict[int, bool] = {}
    for row in rows:
        if row.kind == Kind.ABORT and row.outcome == Outcome.OK:
            known[row.transaction] = False
        if row.kind == Kind.COMMIT and row.outcome != Outcome.INFO:
            known[row.transaction] = row.outcome == Outcome.OK
        if row.kind == Kind.COMMIT and row.outcome == Outcome.INFO:
            known.pop(row.transaction, None)
    choices = [(known[name],) if name in known else (True, False) for name in names]
    for ends in itertools.product(*choices):
        yield dict(zip(names, ends, strict=True))


def explains(log: Log, fates: dict[int, bool], rows: list[Row], history: History) -> bool:
    """Whether this log, and these ends, explain everything that clients saw."""
    sends = {row.value: row for row in rows if row.kind == Kind.SEND}
    return (
        all(value in sends for value in log.values())
        and writes_are_right(log, rows, sends, history)
        and orders_are_right(log, sends, history)
        and reads_are_right(log, fates, rows, sends, history)
        and all_is_read(log, fates, rows, sends, history)
        and commits_are_right(rows)
    )


def writes_are_right(log: Log, rows: list[Row], sends: dict[int, Row], history: History) -> bool:
    """What was acknowledged is below the watermark, what has failed nowhere, and nothing twice."""
    for row in rows:
        acknowledged = row.kind == Kind.SEND and row.outcome == Outcome.OK
        if acknowledged and row.offset >= history.partitions[row.partition].watermark:
            return False
    for value, send in sends.items():
        places = [place for place, held in log.items() if held == value]
        if places and send.outcome == Outcome.FAIL:
            return False
        if len(places) > 1 and history.clients[send.process].idempotent:
            return False
    return True


def orders_are_right(log: Log, sends: dict[int, Row], history: History) -> bool:
    """The records of an ordered producer are in the order in which it has sent them."""
    last: dict[tuple[int, int], int] = {}
    for send in sorted(sends.values(), key=lambda row: row.op):
        if not history.clients[send.process].ordered:
            continue
        places = [o for (n, o), v in log.items() if v == send.value and n == send.partition]
        stream = (send.process, send.partition)
        if places and min(places) <= last.get(stream, NONE):
            return False
        if places:
            last[stream] = max(places)
    return True


def readable(value: int, fates: dict[int, bool], sends: dict[int, Row], *, committed: bool) -> bool:
    """Whether a reader is given a record that is in a log."""
    return not committed or fates.get(sends[value].transaction, True)


def reads_are_right(
    log: Log,
    fates: dict[int, bool],
    rows: list[Row],
    sends: dict[int, Row],
    history: History,
) -> bool:
    """Readers are given what they may be, when they may; those of their own partitions, all."""
    asked = {row.transaction: row.invoke_ns for row in rows if row.kind == Kind.COMMIT}
    positions: dict[tuple[int, int], int | None] = {}
    for row in rows:
        told, stream = history.clients[row.process], (row.process, row.partition)
        if row.kind == Kind.POSITION:
            positions[stream] = None if row.offset == NONE else row.offset
        if row.kind != Kind.POLL:
            continue
        if told.committed and not was_committed(row, fates, sends, asked):
            return False
        position = positions.get(stream)
        if not told.subscribed and position is not None:
            if row.offset < position:
                return False
            gap = range(max(position, history.partitions[row.partition].start), row.offset)
            if any(was_due(log, fates, rows, sends, history, row, offset) for offset in gap):
                return False
        positions[stream] = row.offset + 1
    return True


def was_committed(
    row: Row, fates: dict[int, bool], sends: dict[int, Row], asked: dict[int, int]
) -> bool:
    """Whether what was read was committed, and that had been asked for."""
    transaction = sends[row.value].transaction
    if transaction == NONE:
        return True
    return fates[transaction] and asked.get(transaction, row.complete_ns + 1) <= row.complete_ns


def was_due(
    log: Log,
    fates: dict[int, bool],
    rows: list[Row],
    sends: dict[int, Row],
    history: History,
    row: Row,
    offset: int,
) -> bool:
    """Whether a reader has passed over something that it should have been given, as others were."""
    value = log.get((row.partition, offset))
    if value is None or history.partitions[row.partition].compacted:
        return False
    committed = history.clients[row.process].committed
    due = readable(value, fates, sends, committed=committed)
    return due and was_read(rows, row.partition, offset)


def was_read(rows: list[Row], partition: int, offset: int) -> bool:
    """Whether anybody has read what is there."""
    return any(
        row.kind == Kind.POLL and (row.partition, row.offset) == (partition, offset) for row in rows
    )


def all_is_read(
    log: Log,
    fates: dict[int, bool],
    rows: list[Row],
    sends: dict[int, Row],
    history: History,
) -> bool:
    """The last read has come to the watermark: what is there for it was read by somebody."""
    read = {row.value for row in rows if row.kind == Kind.POLL}
    for (number, offset), value in log.items():
        end = history.partitions[number]
        due = end.start <= offset < end.watermark and not end.compacted
        if due and readable(value, fates, sends, committed=True) and value not in read:
            return False
    return True


def commits_are_right(rows: list[Row]) -> bool:
    """A member commits forwards within its generation."""
    last: dict[tuple[int, int, int], int] = {}
    for row in rows:
        if row.kind == Kind.COMMIT_OFFSET and row.outcome == Outcome.OK:
            stream = (row.process, row.partition, row.generation)
            if row.offset < last.get(stream, NONE):
                return False
            last[stream] = row.offset
    return True
