"""The sender of records that are only counted: without a header, and nothing of each is kept.

It costs half of what the other does: half a million messages a second in one thread need that. They
come round again after some thousands, and how many are on the topic in the end is held to how many
were acknowledged; which they are isn't.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle

import numpy as np
from confluent_kafka import KafkaError, Message

from groundwork.checkers.history import NONE
from load.destination import Destination
from load.kafka_sender import NEVER_SENT, KafkaSender, Record
from load.market import ROWS
from load.tally import Tally

__all__ = ["CountedSender"]

# What the client chooses by itself: one for some ms, then another.
ANY = -1

# What was due within so little of each other counts as due with the first of it: nothing is made to
# seem faster, and many that are due at once need one of what hears of each.
ALIKE_NS = 20_000

Answered = Callable[[int, KafkaError | None, Message], None]


class CountedSender(KafkaSender):
    """Sends records of one worker that nobody reads back.

    Args:
        config: The client's configuration.
        destination: Where to.
        record: Makes a message; the first of them are made beforehand, and are all that is sent.
        tally: Where it is written down.
        keyed: Whether each has its key, and the partition that belongs to it.
    """

    def __init__(
        self,
        config: Mapping[str, object],
        destination: Destination,
        record: Record,
        tally: Tally,
        *,
        keyed: bool,
    ) -> None:
        super().__init__(config, destination, record, tally)
        made = [record(number) for number in range(ROWS)]
        of_key = destination.partition_of
        self._rows = cycle(
            (key, value, of_key(key)) if keyed else (None, value, ANY) for key, value in made
        )
        # When each that was answered was due, and when that was heard, in turn.
        self._answers = array("q")
        self._answered = self._answering()

    def send(self, number: int, due_ns: int) -> None:
        """Send a message; without room for it, it is dropped."""
        self.send_all(number, [due_ns])

    def send_all(self, number: int, dues_ns: Sequence[int]) -> None:
        """Send messages; from the first on for which there is no room they are dropped."""
        # In locals: at half a million a second two microseconds are left for each.
        del number
        produce, topic, answered = self._producer.produce, self._topic, self._answered
        shared_ns, hears = dues_ns[0], partial(answered, dues_ns[0])
        waiting = iter(dues_ns)
        try:
            for due_ns, (key, value, partition) in zip(waiting, self._rows, strict=False):
                if due_ns - shared_ns > ALIKE_NS:
                    shared_ns, hears = due_ns, partial(answered, due_ns)
                produce(topic, value, key, partition, hears)
            dropped = 0
        except BufferError:
            dropped = 1 + len(list(waiting))
        self._tally.sending_all(dues_ns, time.monotonic_ns(), len(dues_ns) - dropped)

    def _answering(self) -> Answered:
        """Who hears what has become of a message; all that it needs is its own."""
        note, clock_ns, lost = self._answers.append, time.monotonic_ns, self._tally.lost

        def answered(due_ns: int, error: KafkaError | None, message: Message) -> None:
            del message
            if error is None:
                note(due_ns)
                note(clock_ns())
            else:
                never = error.code() in NEVER_SENT
                lost(NONE, NONE, (due_ns, clock_ns()), never=never)

        return answered

    def poll(self) -> None:
        """Hear what there is to be heard."""
        super().poll()
        if self._answers:
            due_ns, heard_ns = np.array(self._answers).reshape(-1, 2).T
            del self._answers[:]
            self._tally.counted(due_ns, heard_ns)

    def give_up(self) -> None:
        """Wait for no answer any more: what isn't answered is unknown."""
        super().give_up()
        self.poll()
