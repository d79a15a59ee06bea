"""Flights: records that were sent and haven't come back yet."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message

from groundwork.checkers.history import NONE
from load.kafka_sender import NEVER_SENT
from load.reader import value_in
from load.records import number_of
from load.tally import Tally

__all__ = ["Flight", "Flights"]


@dataclass(slots=True)
class Flight:
    """A record under way.

    Attributes:
        number: Which.
        partition: Where to.
        due_ns: When it was due.
        begun_ns: When it was given to the client.
        offset: Where it is, once the broker has said so.
    """

    number: int
    partition: int
    due_ns: int
    begun_ns: int
    offset: int = NONE


class Flights:
    """Those of one worker.

    Args:
        run: Whose mark they have.
        tally: Where it is written down what becomes of each.
    """

    def __init__(self, run: int, tally: Tally) -> None:
        self._run = run
        self._tally = tally
        self._under_way: dict[int, Flight] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    def begin(self, number: int, partition: int, due_ns: int, begun_ns: int) -> Flight:
        """A record is about to be sent."""
        flight = self._under_way[number] = Flight(number, partition, due_ns, begun_ns)
        return flight

    def forget(self, number: int) -> None:
        """It wasn't."""
        del self._under_way[number]

    def delivered(self, flight: Flight, error: KafkaError | None, message: Message) -> None:
        """Hear what the broker says of one; that it hasn't got it may be wrong, but for some."""
        if error is None:
            offset = message.offset()
            flight.offset = NONE if offset is None else offset
        elif error.code() in NEVER_SENT and self._under_way.pop(flight.number, None) is not None:
            times_ns = flight.begun_ns, time.monotonic_ns()
            self._tally.lost(flight.number, flight.partition, times_ns, never=True)

    def arrive(self, message: Message) -> None:
        """A message is there; of others', and of what isn't whole, nothing is known here."""
        try:
            worker, number = number_of(value_in(message, self._run))
        except ValueError:
            return
        flight = self._under_way.pop(number, None) if worker == self._tally.worker else None
        if flight is None:
            return  # it was there before
        offset = message.offset()
        offset = NONE if offset is None else offset
        times_ns = flight.begun_ns, time.monotonic_ns()
        self._tally.answered(number, flight.partition, offset, flight.due_ns, times_ns)

    def give_up(self) -> None:
        """Wait for none any more: what hasn't come back is unknown."""
        for each in self._under_way.values():
            times_ns = each.begun_ns, time.monotonic_ns()
            self._tally.unseen(each.number, each.partition, each.offset, times_ns)
        self._under_way.clear()
