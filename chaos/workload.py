"""The workload: all clients together, on topics of their own; what comes of it is a history."""

from __future__ import annotations

import asyncio
import random
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Spot
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # it is there

from chaos.consumers import ReaderSettings, join_group, read, read_to_end
from chaos.producers import ProducerSettings, produce, produce_transactions
from chaos.recorder import Recorder
from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import History, Partition, Phase

__all__ = ["Workload", "WorkloadSettings"]

ADMIN_TIMEOUT_S = 20.0
# After all is healed: a broker of three that comes back catches up first.
WATERMARK_TIMEOUT_S = 60.0

# Producers give up what is under way after half a minute; transactions twice that.
END_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class WorkloadSettings:
    """What clients there are, and what they do.

    Attributes:
        bootstrap: Where they find the broker.
        copies: Of every record: as many as there are nodes, up to three.
        copies_min: That an acknowledgement waits for, at the least.
        partitions: Of each topic.
        rate: Records a second, of all producers together.
        acks: ``all`` or ``1``, of the producers without transactions.
        seed: Of what is left to chance.
    """

    bootstrap: str
    copies: int = 1
    copies_min: int = 1
    partitions: int = 3
    rate: float = 1_000.0
    acks: str = "all"
    seed: int = 0


class Workload:
    """Clients that run from :meth:`start` to :meth:`stop`.

    An idempotent producer, a plain one and one of transactions, on one topic; two members of a
    group, whose partitions move all the time; a reader of all partitions that goes back at times,
    and one that reads what isn't committed, too.
    """

    def __init__(self, settings: WorkloadSettings) -> None:
        self.settings = settings
        self.recorder = Recorder()
        self.topic = f"groundwork-chaos-{uuid.uuid4().hex[:8]}"
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self) -> None:
        """Make the topic, and begin.

        Raises:
            GroundworkError: The topic can't be made.
        """
        own = self.settings
        self._make_topic()
        sender = ProducerSettings(
            own.bootstrap, self.topic, own.partitions, own.rate / 3, acks=own.acks
        )
        plain = ProducerSettings(
            own.bootstrap,
            self.topic,
            own.partitions,
            own.rate / 3,
            idempotent=False,
            acks=own.acks,
        )
        safe = ProducerSettings(own.bootstrap, self.topic, own.partitions, own.rate / 3)
        reader = ReaderSettings(own.bootstrap, self.topic, own.partitions)
        raw = ReaderSettings(own.bootstrap, self.topic, own.partitions, committed=False)
        chance = random.Random(own.seed)  # noqa: S311 - to be repeated, not to be secret
        self._begin("idempotent", lambda: produce(sender, self.recorder, self._stop))
        self._begin("plain", lambda: produce(plain, self.recorder, self._stop))
        self._begin(
            "transactions",
            lambda: produce_transactions(safe, self.topic, self.recorder, self._stop),
        )
        self._begin("reader", lambda: read(reader, self.recorder, self._stop, chance))
        self._begin("raw", lambda: read(raw, self.recorder, self._stop, random.Random(own.seed)))  # noqa: S311
        self._begin("group", lambda: asyncio.run(self._group()))

    def _begin(self, name: str, work: object) -> None:
        def run() -> None:
            try:
                work()  # type: ignore[operator]
            except BaseException as error:  # noqa: BLE001 - told by whoever stops it
                self._failures.append(error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    async def _group(self) -> None:
        """The members of the group, until it is time to stop."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        member = ReaderSettings(
            self.settings.bootstrap, self.topic, self.settings.partitions, group=self.topic
        )

        def pass_on() -> None:
            self._stop.wait()
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=pass_on, daemon=True).start()
        members = (join_group(member, self.recorder, stop, late_s=late_s) for late_s in (0.0, 2.0))
        await asyncio.gather(*members)

    def stop(self, phases: Sequence[Phase] = ()) -> History:
        """End, read all that there is, and tell what was done and seen.

        Raises:
            GroundworkError: A client has failed in a way that isn't an outcome, or doesn't end.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(END_TIMEOUT_S)
            if thread.is_alive():
                raise GroundworkError(f"the workload's {thread.name} doesn't end")
        if self._failures:
            first = self._failures[0]
            raise GroundworkError(f"the workload: {type(first).__name__}: {first}") from first
        marks = self._watermarks()
        last = ReaderSettings(self.settings.bootstrap, self.topic, self.settings.partitions)
        read_to = read_to_end(last, self.recorder)
        partitions = [
            Partition(self.topic, number, start, watermark, read_to[number])
            for number, (start, watermark) in enumerate(marks)
        ]
        return self.recorder.history(partitions, phases)

    def remove(self) -> None:
        """Remove the topic."""
        admin = self._admin()  # whose answers end with it
        for told in admin.delete_topics([self.topic]).values():
            told.result(ADMIN_TIMEOUT_S)

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.settings.bootstrap, "log_level": 0})

    def _make_topic(self) -> None:
        own = self.settings
        topic = NewTopic(
            self.topic,
            own.partitions,
            own.copies,
            config={
                "cleanup.policy": "delete",
                "retention.ms": "-1",  # nothing goes while it is looked for
                "retention.bytes": "-1",
                "min.insync.replicas": str(own.copies_min),
            },
        )
        admin = self._admin()  # whose answers end with it
        try:
            for told in admin.create_topics([topic]).values():
                told.result(ADMIN_TIMEOUT_S)
        except KafkaException as error:
            raise GroundworkError(f"topic {self.topic} can't be made: {error}") from error

    def _watermarks(self) -> list[tuple[int, int]]:
        """The first offset and the high watermark of each partition, once all are healed."""
        consumer = Consumer(
            {"bootstrap.servers": self.settings.bootstrap, "group.id": "nobody's", "log_level": 0}
        )

        def look() -> list[tuple[int, int]]:
            found = []
            for number in range(self.settings.partitions):
                spot = Spot(self.topic, number)
                try:
                    marks = consumer.get_watermark_offsets(spot, ADMIN_TIMEOUT_S)
                except KafkaException as error:
                    raise NotYetError(f"partition {number}: {error}") from error
                if marks is None:
                    raise NotYetError(f"partition {number} has no watermarks")
                found.append((int(marks[0]), int(marks[1])))
            return found

        try:
            return wait_for(
                look,
                deadline=Deadline.after(WATERMARK_TIMEOUT_S),
                what="the high watermarks of all partitions",
            )
        finally:
            consumer.close()
