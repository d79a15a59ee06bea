"""The sender that waits until its records come back: from when each was due, through the broker.

A worker sends to partitions of its own and reads them itself: what it sends it finds by its header,
and a moment is never compared with one of another machine's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Spot

from groundwork.base.errors import GroundworkError
from load.destination import Destination
from load.flights import Flights
from load.generator import SENT_BETWEEN_POLLS
from load.kafka_sender import METADATA_TIMEOUT_S, Heard, KafkaSender, Record
from load.reader import reading
from load.tally import Tally

__all__ = ["EndToEndSender", "at_once"]

# Twice as many as are sent from one look to the next: what has piled up goes down again. Each takes
# some microseconds, so that nothing that is due meanwhile is late by a millisecond.
BATCH = 2 * SENT_BETWEEN_POLLS


def at_once(bootstrap: str) -> dict[str, object]:
    """What a consumer is told that is to have each record as soon as the broker has it."""
    return reading(
        bootstrap,
        **{
            # The broker answers with the first record that it has, instead of collecting some.
            "fetch.min.bytes": 1,
            # A request is for all partitions of a node, and a partition that wasn't among them has
            # to wait for its end: 500 ms by default, where nothing comes. So few that empty ones
            # cost nothing to speak of: 20 a second.
            "fetch.wait.max.ms": 50,
            # Where more has piled up than the library likes to hold it looks again after 1 s by
            # default, in which all that comes would be as late.
            "fetch.queue.backoff.ms": 1,
            # A node that has just become the leader refuses at first.
            "fetch.error.backoff.ms": 50,
            # As who sends: a broker is there again within seconds, and so are we.
            "reconnect.backoff.max.ms": 500,
        },
    )


class EndToEndSender(KafkaSender):
    """Sends records of one worker, and hears of each when it comes back.

    It is acknowledged then; it has failed where it has never left this machine; it is unknown where
    it hasn't come back as it was sent. What comes a second time is left to whoever reads all back.

    Args:
        config: The producer's configuration.
        reader: The consumer's.
        destination: Where to; nobody else of this run sends there.
        record: Makes a message.
        tally: Where it is written down.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        reader: Mapping[str, object],
        destination: Destination,
        record: Record,
        tally: Tally,
    ) -> None:
        super().__init__(config, destination, record, tally)
        self._consumer = Consumer(dict(reader))
        self._flights = Flights(destination.run, tally)

    def connect(self) -> None:
        """Find the broker and the topic, and begin to read at its end.

        Raises:
            GroundworkError: They can't be found.
        """
        super().connect()
        try:
            # By their numbers: "the end", found when the broker is asked, may be behind the first.
            self._consumer.assign([self._end_of(each) for each in self._destination.own])
        except KafkaException as error:
            raise GroundworkError(f"the end of {self._topic} can't be found: {error}") from error

    def _end_of(self, number: int) -> Spot:
        """Where the next record of a partition will be.

        Raises:
            GroundworkError: The broker doesn't say so.
        """
        spot = Spot(self._topic, number)
        marks = self._consumer.get_watermark_offsets(spot, METADATA_TIMEOUT_S)
        if marks is None:
            raise GroundworkError(f"{self._topic}-{number}: the broker doesn't tell its end")
        return Spot(self._topic, number, marks[1])

    def poll(self) -> None:
        """Hear what the broker says, and take what has come back.

        Raises:
            GroundworkError: Nothing will come any more.
        """
        super().poll()
        for message in self._consumer.consume(BATCH, 0):
            error = message.error()
            if error is None:
                self._flights.arrive(message)
            elif error.fatal():
                raise GroundworkError(f"{self._topic} can't be read: {error}")
            # Others are by the way: the client goes on by itself, and what doesn't come is unknown.

    def _hearing(self, number: int, partition: int, due_ns: int, begun_ns: int) -> Heard:
        flight = self._flights.begin(number, partition, due_ns, begun_ns)
        return partial(self._flights.delivered, flight)

    def _forget(self, number: int) -> None:
        self._flights.forget(number)

    def waiting(self) -> int:
        """How many messages haven't come back yet."""
        return len(self._flights)

    def give_up(self) -> None:
        """Wait for nothing any more: what hasn't come back is unknown, or was never sent."""
        super().give_up()
        self._flights.give_up()
        self._consumer.close()
