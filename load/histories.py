"""Histories of loads: what was sent and what was read, as a checker wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundwork.checkers.history import COLUMNS, NONE, Client, History, Partition
from load.clock import Clock
from load.desk import HISTORY
from load.reader import Read
from load.result import Result
from load.settings import LoadSettings
from load.tally import Tally

__all__ = ["history_of", "history_of_reading"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]

# Of each partition, its first offset and the one beyond its last.
Watermarks: TypeAlias = Mapping[int, tuple[int, int]]


def history_of(
    settings: LoadSettings,
    results: Sequence[Result],
    read: Read,
    watermarks: Watermarks,
    *,
    compacted: bool = False,
) -> History:
    """That of a load whose workers have sent, and of which all was read back."""
    parts: list[Columns] = [kept(settings, each) for each in results]
    reader = len(parts)
    parts.append(read.columns(reader, 1))
    idempotent = bool(settings.idempotent)
    sender = Client(
        f"confluent-kafka under Locust, acks={settings.acks}",
        ordered=idempotent,
        idempotent=idempotent,
        acks_all=settings.acks == "all",
    )
    clients = {each.worker: sender for each in results} | {
        reader: Client("confluent-kafka, the last")
    }
    ends = {number: read.ends.get(number, low) for number, (low, _) in watermarks.items()}
    return History(joined(parts), clients, partitions_of(settings, watermarks, ends, compacted))


def history_of_reading(
    settings: LoadSettings,
    results: Sequence[Result],
    filled: Sequence[Tally],
    watermarks: Watermarks,
    *,
    compacted: bool = False,
) -> History:
    """That of a load whose workers have read what was written before it."""
    writers = len(filled)
    sent = [each.columns() for each in filled]
    read = [kept(settings, each) for each in results]
    for each in read:
        each["process"] += writers
    writer = Client("confluent-kafka, before the load")
    reader = Client("confluent-kafka under Locust")
    clients = dict.fromkeys(range(writers), writer)
    clients |= {writers + each.worker: reader for each in results}
    last_sent, last_read = last_of(sent), last_of(read)
    # Who has read the last that was written needn't read on: what is behind it is others'.
    ends = {
        number: high
        if last_read.get(number, NONE) >= last_sent.get(number, NONE)
        else max(low, last_read.get(number, NONE) + 1)
        for number, (low, high) in watermarks.items()
    }
    partitions = partitions_of(settings, watermarks, ends, compacted)
    return History(joined([*sent, *read]), clients, partitions)


def kept(settings: LoadSettings, result: Result) -> dict[str, NDArray[Any]]:
    """What a worker has written down of its operations, by this machine's clock."""
    with np.load(settings.folder / f"{HISTORY}-{result.worker}.npz") as file:
        found = {name: file[name] for name in COLUMNS}
    behind_ns = Clock.here().behind(result.clock)
    return found | {name: found[name] + behind_ns for name in ("invoke_ns", "complete_ns")}


def joined(parts: Sequence[Columns]) -> dict[str, NDArray[Any]]:
    """The operations of all clients, numbered through."""
    first, numbered = 0, []
    for each in parts:
        numbered.append({**each, "op": each["op"] + first})
        first += int(each["op"].max(initial=0))
    return {name: np.concatenate([each[name] for each in numbered]) for name in COLUMNS}


def last_of(parts: Sequence[Columns]) -> dict[int, int]:
    """The highest offset of each partition in which there are any."""
    partition = np.concatenate([each["partition"] for each in parts])
    offset = np.concatenate([each["offset"] for each in parts])
    return {int(number): int(offset[partition == number].max()) for number in np.unique(partition)}


def partitions_of(
    settings: LoadSettings,
    watermarks: Watermarks,
    ends: Mapping[int, int],
    compacted: bool,  # noqa: FBT001 - as a partition has it
) -> tuple[Partition, ...]:
    """The partitions, as they were found when all was over."""
    return tuple(
        Partition(settings.topic, number, low, high, ends[number], compacted)
        for number, (low, high) in sorted(watermarks.items())
    )
