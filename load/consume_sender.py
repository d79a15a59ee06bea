"""The reader of a backlog: at each moment that is due one more record is to be in hands.

It is a sender to whoever keeps the schedule: what is "sent" is the wish for a record, which is
acknowledged when there is one, whole, and behind the one before it of its partition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import ceil

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as Spot

from groundwork.base.errors import GroundworkError
from load.destination import Destination, share_of
from load.hands import Hands
from load.kafka_sender import METADATA_TIMEOUT_S
from load.reader import reading
from load.settings import LoadSettings
from load.singly import Singly
from load.tally import Tally

__all__ = ["AHEAD_S", "ConsumeSender", "in_portions", "portion_of"]

# Taken at once: a call for each would cost more than the record. They are in hands before they are
# due, so there are few; each that is due looks for more, and what has piled up goes down again.
BATCH = 20

# As far as the client reads ahead before it asks for no more; what it has asked for then is as much
# again. By default it has 100,000 records, and what is due in seconds would be taken from memory:
# nothing would be seen of a broker that stands still meanwhile.
AHEAD_S = 0.1

# What a record has besides its value: key, header, and how long each is.
OVERHEAD_BYTES = 60

# What a value is where its size isn't asked for: the longest kind (load.market) has 133.
NATURAL_BYTES = 133


def ahead_of(settings: LoadSettings) -> float:
    """How many records are due to a worker while it reads ahead, at the highest rate."""
    highest = max(settings.rate_per_s, settings.to_rate_per_s or 0.0)
    return highest / settings.workers * AHEAD_S


def portion_of(settings: LoadSettings, worker: int) -> int:
    """How many bytes of each partition a worker asks for at a time, a record at least."""
    own = len(share_of(settings.partitions, worker, settings.workers))
    record_bytes = (settings.size_bytes or NATURAL_BYTES) + OVERHEAD_BYTES
    return ceil(max(1.0, ahead_of(settings) / own) * record_bytes)


def in_portions(settings: LoadSettings, worker: int) -> dict[str, object]:
    """What a worker's consumer is told: to read ahead as much as is due in a tenth of a second."""
    return reading(
        settings.bootstrap,
        **{
            "queued.min.messages": max(1, ceil(ahead_of(settings))),
            # A request is for all of its partitions, so much of each.
            "fetch.message.max.bytes": portion_of(settings, worker),
            # A request that finds nothing in some partitions keeps the others waiting, which were
            # left out of it as there was enough of them: a fifth of what was read ahead.
            "fetch.wait.max.ms": 20,
            # What goes by retention before it is read is passed over, and told as missing.
            "auto.offset.reset": "earliest",
            # A broker is there again within seconds, and so are we.
            "reconnect.backoff.max.ms": 500,
        },
    )


class ConsumeSender(Singly):
    """Reads the backlog of one worker.

    Args:
        reader: The consumer's configuration.
        destination: Where the backlog is; nobody else has written there with this run's mark.
        begins: Of each partition, where the backlog begins.
        tally: Where it is written down.
    """

    def __init__(
        self,
        reader: Mapping[str, object],
        destination: Destination,
        begins: Mapping[int, int],
        tally: Tally,
    ) -> None:
        self._consumer = Consumer(dict(reader))
        self._destination = destination
        self._begins = begins
        self._hands = Hands(destination, tally)
        self._batch: deque[Message] = deque()

    def connect(self) -> None:
        """Find the broker, and begin to read.

        Raises:
            GroundworkError: It can't be found.
        """
        topic, own = self._destination.topic, self._destination.own
        try:
            self._consumer.list_topics(topic, METADATA_TIMEOUT_S)
            self._consumer.assign([Spot(topic, each, self._begins.get(each, 0)) for each in own])
        except KafkaException as error:
            raise GroundworkError(f"topic {topic} can't be found: {error}") from error

    def send(self, number: int, due_ns: int) -> None:
        """A record is due."""
        self._hands.hold_out(number, due_ns)
        self.poll()

    def poll(self) -> None:
        """Take what is there for those that are due; what isn't due yet stays where it is.

        Raises:
            GroundworkError: Nothing will come any more.
        """
        if self._hands and not self._batch:
            self._batch.extend(self._consumer.consume(BATCH, 0))
        while self._hands and self._batch:
            message = self._batch.popleft()
            error = message.error()
            if error is None:
                self._hands.take(message)
            elif error.fatal():
                raise GroundworkError(f"{self._destination.topic} can't be read: {error}")
            # Others are by the way: the client goes on by itself.

    def waiting(self) -> int:
        """How many are due, and aren't there yet."""
        return len(self._hands)

    def give_up(self) -> None:
        """Wait for nothing any more: of what isn't there nobody knows whether it would come."""
        self.poll()
        self._hands.give_up()
        self._consumer.close()
