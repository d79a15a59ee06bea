"""Catching up: reading a backlog while others write on, until nothing is left of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Spot

from groundwork.base.errors import GroundworkError
from load.drain import batches, take
from load.reader import reading

__all__ = ["CaughtUp", "catch_up"]

# One look of these: the library can't be interrupted in it.
LOOK_TIMEOUT_S = 2.0

# So often it is looked where the topic ends; each look costs as much as some hundred records.
LOOK_INTERVAL_S = 0.1

# What comes while somebody looks is no backlog.
LEFT_MAX_S = 0.2

FOR_EVER = 2**62


@dataclass(frozen=True)
class CaughtUp:
    """What was read until nothing was left.

    Attributes:
        backlog: How many records there were when reading began.
        count: How many were read until there were none left; others came meanwhile.
        took_s: How long that took.
    """

    backlog: int
    count: int
    took_s: float

    @property
    def rate_per_s(self) -> float:
        """Records that were read in a second."""
        return self.count / self.took_s if self.took_s else 0.0


def catch_up(
    bootstrap: str, topic: str, numbers: Iterable[int], rate_per_s: float, cancel: threading.Event
) -> CaughtUp:
    """Read a topic from its begin until less is left of it than comes in a moment.

    Args:
        bootstrap: Where the broker is found.
        topic: Which; of records alone, without marks of transactions.
        numbers: Of its partitions.
        rate_per_s: So many records come in a second meanwhile.
        cancel: Set where nobody answers any more.

    Raises:
        GroundworkError: The broker can't be read from, or gives records twice or not at all.
    """
    consumer = Consumer(reading(bootstrap, **{"auto.offset.reset": "error"}))
    following = dict.fromkeys(numbers, 0)
    spans = dict.fromkeys(following, (0, FOR_EVER))
    left_max = rate_per_s * LEFT_MAX_S
    try:
        consumer.assign([Spot(topic, number, 0) for number in following])
        began_s = looked_s = time.monotonic()
        backlog = left = left_of(consumer, topic, following)
        count, come = 0, batches(consumer, topic, cancel)
        while left > left_max:
            count += take(next(come), following, spans)
            now_s = time.monotonic()
            if now_s - looked_s > LOOK_INTERVAL_S:
                looked_s, left = now_s, left_of(consumer, topic, following)
        return CaughtUp(backlog, count, time.monotonic() - began_s)
    except KafkaException as error:
        raise GroundworkError(f"{topic} can't be read: {error}") from error
    finally:
        consumer.close()


def left_of(consumer: Consumer, topic: str, following: dict[int, int]) -> int:
    """How many records haven't been read yet.

    Raises:
        GroundworkError: The broker doesn't tell.
    """
    left = 0
    for number, next_offset in following.items():
        marks = consumer.get_watermark_offsets(Spot(topic, number), LOOK_TIMEOUT_S)
        if marks is None:
            raise GroundworkError(f"{topic}-{number}: the broker doesn't tell its end")
        left += int(marks[1]) - next_offset
    return left
