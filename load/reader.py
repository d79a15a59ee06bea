"""The reader: after a load all that is on its topic is read back, and held to what was sent."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Spot
from numpy.typing import NDArray

from groundwork.base.errors import CancelledError, GroundworkError
from groundwork.checkers.history import COLUMNS, NONE, Kind, Outcome
from load.records import HEADER, ForeignError, sealed
from load.settings import LoadSettings

__all__ = ["Read", "read_back", "reading", "value_in"]

# So many at once: the library hands them over in one call.
BATCH = 10_000
POLL_TIMEOUT_S = 1.0

# Without news for so long it has come as far as it can: what is missing is told as that.
STALLED_S = 30.0

# Of what isn't what was sent so many are named.
NAMED = 5


@dataclass
class Read:
    """What was read.

    Attributes:
        partition, offset, value, at_ns: Of each message, in the order in which it was read.
        ends: Of each partition, one beyond the last that was read, whatever that was.
        corrupt: What isn't what was sent, or nobody's; the first few, in words.
        corrupt_count: How many there are.
        run: Whose messages are looked for.
        shared: Whether others write there, too.
        foreign_count: How many theirs are, where they do.
    """

    partition: array[int] = field(default_factory=lambda: array("q"))
    offset: array[int] = field(default_factory=lambda: array("q"))
    value: array[int] = field(default_factory=lambda: array("q"))
    at_ns: array[int] = field(default_factory=lambda: array("q"))
    ends: dict[int, int] = field(default_factory=dict)
    corrupt: list[str] = field(default_factory=list)
    corrupt_count: int = 0
    run: int = 0
    shared: bool = False
    foreign_count: int = 0

    def take(self, message: Message) -> None:
        """Look at a message."""
        partition, offset = message.partition() or 0, message.offset() or 0
        self.come_to(partition, offset + 1)
        try:
            self.value.append(value_in(message, self.run))
        except ValueError as error:
            if self.shared and isinstance(error, ForeignError):
                self.foreign_count += 1
            else:
                self._blame(message, error)
            return
        self.partition.append(partition)
        self.offset.append(offset)
        self.at_ns.append(time.monotonic_ns())

    def come_to(self, partition: int, offset: int) -> None:
        """A partition was read up to there; behind its last message may be marks of others."""
        self.ends[partition] = max(offset, self.ends.get(partition, 0))

    def _blame(self, message: Message, error: ValueError) -> None:
        """Note what isn't what was sent."""
        self.corrupt_count += 1
        if len(self.corrupt) < NAMED:
            where = f"{message.topic()}-{message.partition()}@{message.offset()}"
            self.corrupt.append(f"{where}: {error}")

    def columns(self, process: int, first_op: int) -> Mapping[str, NDArray[np.generic]]:
        """As columns of a history: each message a read of its own.

        Args:
            process: The reader's number.
            first_op: The number of the first operation.
        """
        many = len(self.value)
        at_ns = np.array(self.at_ns)
        found: dict[str, NDArray[np.generic]] = {
            "op": np.arange(first_op, first_op + many),
            "kind": np.full(many, Kind.POLL),
            "outcome": np.full(many, Outcome.OK),
            "process": np.full(many, process),
            "partition": np.array(self.partition),
            "offset": np.array(self.offset),
            "value": np.array(self.value),
            "transaction": np.full(many, NONE),
            "generation": np.full(many, NONE),
            "invoke_ns": at_ns,
            "complete_ns": at_ns,
        }
        return {name: found[name].astype(kind) for name, kind in COLUMNS.items()}


def reading(bootstrap: str, **own: object) -> dict[str, object]:
    """What a consumer is told that belongs to no group; ``own`` is what somebody has chosen."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "nobody's",
        "enable.auto.commit": False,
        # Others may have begun a transaction and not ended it: what is behind it is there.
        "isolation.level": "read_uncommitted",
        "fetch.queue.backoff.ms": 10,  # seven times as many a second as by default
        "log_level": 0,
        **own,
    }


def value_in(message: Message, run: int = 0) -> int:
    """Which message of a run it is.

    Raises:
        ForeignError: It is none of the run's.
        ValueError: It isn't whole.
    """
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    key, value = message.key() or b"", message.value() or b""
    for name, header in headers:
        if name == HEADER and header is not None:
            return sealed(header, key, value, run)
    raise ForeignError("it has no header of ours")


def read_back(
    settings: LoadSettings,
    watermarks: Mapping[int, tuple[int, int]],
    cancel: threading.Event,
) -> Read:
    """Read all that there is of a load's topic.

    Args:
        settings: Of the load. Where others write to the topic, too, their last may be the mark of a
            transaction, which is no message.
        watermarks: Of each partition, its first offset and the one beyond its last.
        cancel: Set where nobody answers any more.

    Raises:
        GroundworkError: The broker can't be read from.
    """
    left = {number: high for number, (low, high) in watermarks.items() if high > low}
    # What goes by retention while it is read is passed over.
    own = {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
    consumer = Consumer(reading(settings.bootstrap, **own))
    found = Read(run=settings.run, shared=settings.existing)
    topic = settings.topic
    try:
        consumer.assign([Spot(topic, number, watermarks[number][0]) for number in left])
        heard_s = time.monotonic()
        while left and time.monotonic() - heard_s < STALLED_S:
            if cancel.is_set():
                raise CancelledError(f"{topic} was being read back")
            for message in consumer.consume(BATCH, POLL_TIMEOUT_S):
                number, error = message.partition() or 0, message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - codes begin so
                    found.come_to(number, message.offset() or 0)
                elif error is not None:
                    expect_message(error)
                    continue
                elif number in left:  # else it came after the end was looked at
                    found.take(message)
                heard_s = time.monotonic()
                if number in left and found.ends.get(number, 0) >= left[number]:
                    del left[number]
    except KafkaException as error:
        raise GroundworkError(f"{topic} can't be read back: {error}") from error
    finally:
        consumer.close()
    return found


def expect_message(error: KafkaError | None) -> None:
    """Let pass what a client tells by the way; raise what it can't go on after.

    Raises:
        KafkaException: It can't.
    """
    if error is not None and (error.fatal() or not error.retriable()):
        raise KafkaException(error)
