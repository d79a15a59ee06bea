"""The sender of records: gives them to a client of the broker, and hears what becomes of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from groundwork.base.errors import GroundworkError
from groundwork.checkers.history import NONE
from load.destination import Destination
from load.records import HEADER, seal
from load.singly import Singly
from load.tally import Tally
from load.vitals import Vital, Vitals

__all__ = ["KafkaSender", "configuration"]

# A delivery that is given up: longer than any fault lasts.
DELIVERY_TIMEOUT_MS = 60_000

# What waits for a broker that is away: a minute of what one worker can send, in memory.
QUEUE_MESSAGES_MAX = 4_000_000
QUEUE_KBYTES_MAX = 2_000_000

# What says that a record never left this machine. What is purged from the client's queue isn't of
# them: it may have been sent before, and wait there to be sent again.
NEVER_SENT = frozenset({KafkaError.MSG_SIZE_TOO_LARGE})

# A broker that is there answers within milliseconds.
METADATA_TIMEOUT_S = 20.0

# What is given up is told at once.
PURGE_TIMEOUT_S = 5.0

# How a message is made: key and value of its number.
Record = Callable[[int], tuple[bytes, bytes]]

# Who hears what the broker says of a message.
Heard = Callable[[KafkaError | None, Message], None]


def configuration(bootstrap: str, **own: object) -> dict[str, object]:
    """What a client is told; ``own`` is what somebody has chosen (``acks``, ``linger.ms``...)."""
    return {
        "bootstrap.servers": bootstrap,
        "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
        "queue.buffering.max.messages": QUEUE_MESSAGES_MAX,
        "queue.buffering.max.kbytes": QUEUE_KBYTES_MAX,
        "reconnect.backoff.max.ms": 500,  # a broker is there again within seconds, and so are we
        "log_level": 0,  # broken connections are what some loads are about
        **own,
    }


class KafkaSender(Singly):
    """Sends records of one worker.

    Args:
        config: The client's configuration.
        destination: Where to.
        record: Makes a message.
        tally: Where it is written down.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        destination: Destination,
        record: Record,
        tally: Tally,
    ) -> None:
        self._vitals = Vitals()
        self._producer = Producer({**config, **self._vitals.configuration()})
        self._destination = destination
        self._topic, self._run = destination.topic, destination.run
        self._record = record
        self._tally = tally
        self._chosen: dict[bytes, int] = {}  # by key: there are few

    def connect(self) -> None:
        """Find the broker and the topic: the first message is to wait for neither.

        Raises:
            GroundworkError: They can't be found.
        """
        try:
            found = self._producer.list_topics(self._topic, METADATA_TIMEOUT_S)
        except KafkaException as error:
            raise GroundworkError(f"topic {self._topic} can't be found: {error}") from error
        many, wanted = len(found.topics[self._topic].partitions), self._destination.partitions
        if many != wanted:
            raise GroundworkError(f"topic {self._topic} has {many} partitions, not {wanted}")

    def send(self, number: int, due_ns: int) -> None:
        """Send a message; without room for it, it is dropped."""
        key, value = self._record(number)
        partition = self._chosen.get(key, -1)
        if partition < 0:
            partition = self._chosen[key] = self._destination.partition_of(key)
        begun_ns = time.monotonic_ns()
        dropped = False
        try:
            self._producer.produce(
                self._topic,
                value,
                key,
                partition,
                self._hearing(number, partition, due_ns, begun_ns),
                headers=[(HEADER, seal(self._tally.worker, number, key, value, self._run))],
            )
        except BufferError:
            dropped = True
            self._forget(number)
        self._tally.sending(time.monotonic_ns() - due_ns, dropped=dropped)

    def _hearing(self, number: int, partition: int, due_ns: int, begun_ns: int) -> Heard:
        """Who is to hear of a message that is about to be sent."""
        return partial(self._told, number, partition, due_ns, begun_ns)

    def _forget(self, number: int) -> None:
        """A message wasn't sent: there was no room for it."""

    def _told(
        self,
        number: int,
        partition: int,
        due_ns: int,
        begun_ns: int,
        error: KafkaError | None,
        message: Message,
    ) -> None:
        """Hear what has become of a message."""
        times_ns = begun_ns, time.monotonic_ns()
        if error is None:
            offset = message.offset()
            offset = NONE if offset is None else offset
            self._tally.answered(number, partition, offset, due_ns, times_ns)
        else:
            self._tally.lost(number, partition, times_ns, never=error.code() in NEVER_SENT)

    def poll(self) -> None:
        """Hear what there is to be heard."""
        self._producer.poll(0)

    def vital(self) -> Vital:
        """What its client has told of itself last."""
        return self._vitals.last

    def waiting(self) -> int:
        """How many messages nobody has answered yet."""
        return len(self._producer)

    def give_up(self) -> None:
        """Wait for no answer any more: what isn't answered is unknown."""
        self._producer.purge()
        self._producer.flush(PURGE_TIMEOUT_S)
