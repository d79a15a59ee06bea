"""The closed loop: one message after the other, each when the one before is acknowledged.

It is there to be compared with: whoever waits for an answer asks nothing while there is none, so
that what a broker took too long for is one slow message, and not all those that were due.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, Message, Producer

from load.kafka_sender import configuration
from load.latency import Latencies
from load.settings import LoadSettings

__all__ = ["ClosedLoop"]

# From one answer to the next message, so that it takes nothing from what it is compared with.
PAUSE_S = 0.002

ANSWER_TIMEOUT_S = 65.0


class ClosedLoop(threading.Thread):
    """Sends messages until told to stop.

    Args:
        settings: Of the load that it goes beside.
        topic: One that nobody reads back.
        record: Makes a message of its number.

    Attributes:
        latency: What each took, from when it was sent until it was acknowledged.
    """

    def __init__(
        self, settings: LoadSettings, topic: str, record: Callable[[int], tuple[bytes, bytes]]
    ) -> None:
        super().__init__(name="closed loop", daemon=True)
        self.latency = Latencies()
        self._producer = Producer(configuration(settings.bootstrap, **settings.client()))
        self._topic = topic
        self._record = record
        self._over = threading.Event()
        self._told: list[KafkaError | None] = []

    def run(self) -> None:
        """In a thread."""
        number = 0
        while not self._over.wait(PAUSE_S):
            key, value = self._record(number)
            begun_ns = time.monotonic_ns()
            self._told.clear()
            self._producer.produce(self._topic, value, key, on_delivery=self._hear)
            self._producer.flush(ANSWER_TIMEOUT_S)
            if self._told != [None]:
                return  # nobody answered, or it was refused: there is nothing to compare with
            self.latency.fold([(time.monotonic_ns() - begun_ns) // 1_000])
            number += 1

    def _hear(self, error: KafkaError | None, _: Message) -> None:
        """Hear what has become of a message."""
        self._told.append(error)

    def end(self, *, give_up: bool = False) -> Latencies:
        """Stop, also where nobody will answer any more; what was measured."""
        self._over.set()
        if give_up:
            self._producer.purge()
        self.join(ANSWER_TIMEOUT_S)
        return self.latency
