"""Draining: reading what is on a topic as fast as the client gives it, and counting what comes.

Each record is looked at for its place alone: none may be missing between two of a partition, and
none may come twice. What is in it isn't looked at: that costs more than to read it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as Spot

from groundwork.base.errors import CancelledError, GroundworkError
from load.reader import BATCH, STALLED_S, expect_message, reading

__all__ = ["Drained", "batches", "drain", "take"]

# Whoever looks meanwhile whether anything is left waits no longer.
POLL_TIMEOUT_S = 0.2


@dataclass(frozen=True)
class Drained:
    """What was read.

    Attributes:
        count: How many records.
        took_s: From when they were asked for until the last of them.
    """

    count: int
    took_s: float

    @property
    def rate_per_s(self) -> float:
        """Records in a second."""
        return self.count / self.took_s if self.took_s else 0.0


def drain(
    bootstrap: str,
    topic: str,
    spans: Mapping[int, tuple[int, int]],
    cancel: threading.Event,
) -> Drained:
    """Read all that there is between two offsets of each partition.

    Args:
        bootstrap: Where the broker is found.
        topic: Which; of records alone, without marks of transactions.
        spans: Of each partition the first offset, and the one beyond the last.
        cancel: Set where nobody answers any more.

    Raises:
        GroundworkError: The broker can't be read from, or gives them twice or not at all.
    """
    following = {number: low for number, (low, high) in spans.items() if high > low}
    consumer = Consumer(reading(bootstrap, **{"auto.offset.reset": "error"}))
    count, began_s = 0, time.monotonic()
    ended_s = began_s
    try:
        consumer.assign([Spot(topic, number, low) for number, low in following.items()])
        come = batches(consumer, topic, cancel)
        while following:
            count += take(next(come), following, spans)
            ended_s = time.monotonic()
    except KafkaException as error:
        raise GroundworkError(f"{topic} can't be read: {error}") from error
    finally:
        consumer.close()
    return Drained(count, ended_s - began_s)


def batches(consumer: Consumer, topic: str, cancel: threading.Event) -> Iterator[list[Message]]:
    """What a consumer gives, one after the other, for ever; some may be empty.

    Raises:
        GroundworkError: Nothing has come for a long time.
        CancelledError: ``cancel`` is set.
    """
    heard_s = time.monotonic()
    while True:
        messages = consumer.consume(BATCH, POLL_TIMEOUT_S)
        if cancel.is_set():
            raise CancelledError(f"{topic} was being read")
        now_s = time.monotonic()
        if messages:
            heard_s = now_s
        elif now_s - heard_s > STALLED_S:
            raise GroundworkError(f"{topic}: nothing came for {STALLED_S:g} s")
        yield messages


def take(
    messages: list[Message], following: dict[int, int], spans: Mapping[int, tuple[int, int]]
) -> int:
    """Look where messages are, and move on; how many of them were looked for.

    Raises:
        GroundworkError: One isn't the one that follows.
        KafkaException: The client can't go on.
    """
    errors = [error for each in messages if (error := each.error()) is not None]
    for error in errors:
        expect_message(error)
    if errors:
        messages = [each for each in messages if each.error() is None]
    partition = np.array([each.partition() for each in messages], dtype=np.int64)
    offset = np.array([each.offset() for each in messages], dtype=np.int64)
    count = 0
    for number in np.unique(partition).tolist():
        own = offset[partition == number]
        own = own[own < spans[number][1]]
        if not own.size or number not in following:
            continue
        wanted = following[number] + np.arange(own.size)
        if not np.array_equal(own, wanted):
            wrong = int(np.argmax(own != wanted))
            raise GroundworkError(
                f"partition {number}: {own[wrong]} came where {wanted[wrong]} follows"
            )
        count += int(own.size)
        following[number] += int(own.size)
        if following[number] >= spans[number][1]:
            del following[number]
    return count
