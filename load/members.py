"""Members of a group: what a topic's readers see of one that joins them, and of one that leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError

from load.reader import reading

__all__ = ["PROTOCOLS", "Group", "longest_pause_s"]

# How members agree on who reads what: all give up all that they have; or only what another gets, by
# members that reckon it; or by the broker, which reckons it for them (KIP-848).
PROTOCOLS: Mapping[str, Mapping[str, object]] = {
    "range": {"partition.assignment.strategy": "range"},
    "cooperative": {"partition.assignment.strategy": "cooperative-sticky"},
    "consumer": {"group.protocol": "consumer"},
}

BATCH = 1_000
POLL_TIMEOUT_S = 0.1

# A member that is told to end leaves its group, and says so to the broker.
END_TIMEOUT_S = 20.0


@dataclass
class Arrivals:
    """When records of each partition came, to whichever member.

    Attributes:
        at_s: By partition, on the monotonic clock, in the order in which they came.
    """

    at_s: dict[int, list[float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, partitions: Sequence[int], now_s: float) -> None:
        """Some came now."""
        with self.lock:
            for number in set(partitions):
                self.at_s.setdefault(number, []).append(now_s)


def longest_pause_s(at_s: Mapping[int, Sequence[float]], since_s: float, until_s: float) -> float:
    """The longest time in which nothing came of one of the partitions.

    Args:
        at_s: When something came, by partition, in its order.
        since_s: Nobody looks before that.
        until_s: Nor from then on: who is silent then has been silent until then.
    """
    longest_s = 0.0
    for moments in at_s.values():
        last_s = since_s
        for at in moments:
            if since_s <= at <= until_s:
                longest_s, last_s = max(longest_s, at - last_s), at
        longest_s = max(longest_s, until_s - last_s)
    return longest_s


class Member(threading.Thread):
    """Reads what its group gives it, until it is told to end."""

    def __init__(self, config: Mapping[str, object], topic: str, arrivals: Arrivals) -> None:
        super().__init__(name="member", daemon=True)
        self._consumer = Consumer(dict(config))
        self._topic = topic
        self._arrivals = arrivals
        self._over = threading.Event()
        self.error: KafkaError | None = None

    def run(self) -> None:
        """In a thread."""
        try:
            self._consumer.subscribe([self._topic])
            while not self._over.is_set():
                messages = self._consumer.consume(BATCH, POLL_TIMEOUT_S)
                good = [each.partition() or 0 for each in messages if each.error() is None]
                self._arrivals.note(good, time.monotonic())
                for each in messages:
                    error = each.error()
                    if error is not None and error.fatal():
                        self.error = error
                        return
        finally:
            self._consumer.close()

    def end(self) -> None:
        """Leave the group."""
        self._over.set()
        self.join(END_TIMEOUT_S)


class Group:
    """A group whose members agree by one of the protocols.

    Args:
        bootstrap: Where the broker is found.
        topic: What they read.
        protocol: One of PROTOCOLS.
        name: Of the group; nobody else's.
    """

    def __init__(self, bootstrap: str, topic: str, protocol: str, name: str) -> None:
        own = {**PROTOCOLS[protocol], "group.id": name, "auto.offset.reset": "latest"}
        self._config = reading(bootstrap, **own)
        self._topic = topic
        self._members: list[Member] = []
        self.arrivals = Arrivals()

    def join(self) -> Member:
        """One more member."""
        member = Member(self._config, self._topic, self.arrivals)
        self._members.append(member)
        member.start()
        return member

    def end(self) -> None:
        """All leave."""
        for each in self._members:
            each.end()

    @property
    def errors(self) -> list[str]:
        """Why members have ended that were to read on."""
        return [str(each.error) for each in self._members if each.error is not None]
