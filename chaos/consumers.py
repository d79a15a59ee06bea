"""Consumers: they read, and write down what, and where they go on."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError as AioKafkaError
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Spot

from chaos.oblivion import Oblivion
from chaos.pace import pause
from chaos.recorder import Place, Recorder
from chaos.records import value_of
from groundwork.checkers.history import NONE, Client, Kind, Outcome

__all__ = ["ReaderSettings", "join_group", "read", "read_to_end"]

POLL_RECORDS_MAX = 500
POLL_TIMEOUT_S = 0.2

# That there is nothing more to be read; the library's own codes begin so.
END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001

# A reader goes back as often, to somewhere it has been.
SEEK_EVERY_POLLS = 15

# As far back: enough to read again what a fault has fallen into, at no great cost to the broker.
SEEK_RECORDS_MAX = 2_000

# A member of a group lives as long; then another one takes its place, and partitions move.
MEMBER_LIFE_S = 4.0
SESSION_TIMEOUT_MS = 6_000

# The last read: as long as a broker may take that has just been healed.
END_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ReaderSettings:
    """One consumer.

    Attributes:
        bootstrap: Where it finds the broker.
        topic: What it reads.
        partitions: How many that has.
        committed: Whether it reads what is committed alone.
        group: Whose member it is; of none, it is assigned all partitions.
    """

    bootstrap: str
    topic: str
    partitions: int
    committed: bool = True
    group: str = ""

    @property
    def isolation(self) -> str:
        """What Kafka calls it."""
        return "read_committed" if self.committed else "read_uncommitted"

    def client(self, library: str) -> Client:
        """What it was told about itself."""
        kind = f"member of {self.group}" if self.group else "assigned"
        return Client(
            f"{library}, {kind}, {self.isolation}",
            subscribed=bool(self.group),
            committed=self.committed,
            group=self.group,
        )


def assigned(settings: ReaderSettings, oblivion: Oblivion) -> Consumer:
    """A consumer of all partitions, from their beginning; it commits nothing."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": "nobody's",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": settings.isolation,
            "reconnect.backoff.max.ms": 500,
            "fetch.queue.backoff.ms": 10,
            "log_level": 0,
        }
        | oblivion.configuration()
    )
    numbers = range(settings.partitions)
    spots = [Spot(settings.topic, number, OFFSET_BEGINNING) for number in numbers]
    consumer.assign(spots)
    return consumer


def read(
    settings: ReaderSettings, recorder: Recorder, stop: threading.Event, chance: random.Random
) -> None:
    """Read all partitions until told to stop, and go back at times.

    A consumer that has forgotten every broker is given up, and another one begins.
    """
    polls = 0
    while not stop.is_set():
        process, oblivion = recorder.client(settings.client("confluent-kafka")), Oblivion()
        consumer = assigned(settings, oblivion)
        seen: dict[int, int] = {}
        try:
            while not stop.is_set() and not oblivion.complete:
                poll(consumer, recorder, process, seen)
                polls += 1
                if polls % SEEK_EVERY_POLLS == 0 and seen:
                    go_back(consumer, settings, recorder, process, seen, chance)
        finally:
            consumer.close()


def poll(
    consumer: Consumer, recorder: Recorder, process: int, seen: dict[int, int]
) -> dict[int, int]:
    """Read once, and write it down; the partitions that were at their end, and where that is."""
    begun = recorder.begin(process)
    messages = consumer.consume(POLL_RECORDS_MAX, POLL_TIMEOUT_S)
    places = [place_of(each) for each in messages if each.error() is None]
    recorder.end(begun, Kind.POLL, Outcome.OK, places)
    seen.update({partition: offset for partition, offset, _ in places})
    return {
        int(each.partition() or 0): int(each.offset() or 0)
        for each in messages
        if (error := each.error()) is not None and error.code() == END_OF_PARTITION
    }


def place_of(message: Message) -> Place:
    """Where a record was read, and which one it is."""
    return int(message.partition() or 0), int(message.offset() or 0), value_of(message.value())


def go_back(
    consumer: Consumer,
    settings: ReaderSettings,
    recorder: Recorder,
    process: int,
    seen: dict[int, int],
    chance: random.Random,
) -> None:
    """Seek one partition to somewhere before what was read of it."""
    partition = chance.choice(sorted(seen))
    offset = chance.randint(max(0, seen[partition] - SEEK_RECORDS_MAX), seen[partition])
    begun = recorder.begin(process)
    try:
        consumer.seek(Spot(settings.topic, partition, offset))
    except KafkaException:
        return  # the leader is away: it goes on where it was
    recorder.end(begun, Kind.POSITION, Outcome.OK, [(partition, offset, NONE)])


def read_to_end(settings: ReaderSettings, recorder: Recorder) -> dict[int, int]:
    """Read all that there is, once; how far that came, of each partition.

    A partition that isn't at its end in time came as far as it was read.
    """
    process = recorder.client(settings.client("confluent-kafka, the last"))
    consumer = assigned(settings, Oblivion())
    seen: dict[int, int] = {}
    ends: dict[int, int] = {}
    stop = threading.Event()
    timer = threading.Timer(END_TIMEOUT_S, stop.set)
    timer.start()
    try:
        while len(ends) < settings.partitions and not stop.is_set():
            ends |= poll(consumer, recorder, process, seen)
    finally:
        timer.cancel()
        consumer.close()
    return {
        number: ends.get(number, seen.get(number, NONE) + 1)
        for number in range(settings.partitions)
    }


# --- groups


class Generations(ConsumerRebalanceListener):  # type: ignore[misc] # it has no types
    """Counts how often a member was given its partitions anew."""

    def __init__(self) -> None:
        self.count = 0

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """It loses some: nothing to do."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """It is given some: what it commits may go back to what others had committed."""
        del assigned
        self.count += 1


async def join_group(
    settings: ReaderSettings, recorder: Recorder, stop: asyncio.Event, *, late_s: float
) -> None:
    """Be a member of a group until told to stop, again and again, so that partitions move.

    Args:
        settings: Of the consumer.
        recorder: Writes it down.
        stop: Ends it.
        late_s: How much later than others its lives begin and end.
    """
    await pause(stop, late_s)
    while not stop.is_set():
        # A task of its own: where the broker goes away while it leaves, the library cancels what
        # it waits for itself, and would take its caller along.
        life = asyncio.ensure_future(live(settings, recorder, stop))
        await asyncio.wait({life})
        error = None if life.cancelled() else life.exception()
        if error is not None and not isinstance(error, AioKafkaError):
            raise error
        if error is not None or life.cancelled():
            await pause(stop, 0.5)  # the broker is away: the next life begins when it is back


async def live(settings: ReaderSettings, recorder: Recorder, stop: asyncio.Event) -> None:
    """One life of a member: read, commit what was read, leave.

    Raises:
        AioKafkaError: The broker can't be reached.
    """
    process = recorder.client(settings.client("aiokafka"))
    generations = Generations()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        group_id=settings.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=settings.isolation,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=500,
        metadata_max_age_ms=2_000,
    )
    consumer.subscribe([settings.topic], listener=generations)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + MEMBER_LIFE_S
    try:
        await consumer.start()
        while not stop.is_set() and loop.time() < until_s:
            begun = recorder.begin(process)
            found = await consumer.getmany(
                timeout_ms=int(POLL_TIMEOUT_S * 1000), max_records=POLL_RECORDS_MAX
            )
            recorder.end(begun, Kind.POLL, Outcome.OK, places_of(found.values()))
            if found:
                await commit(consumer, recorder, process, generations.count, found)
    finally:
        try:
            await consumer.stop()
        finally:  # a stop that breaks off, for the broker is away, leaves connections open
            await consumer._client.close()  # noqa: SLF001 - nobody else can close them


def places_of(batches: Iterable[Sequence[ConsumerRecord]]) -> list[Place]:
    """Where records were read, and which ones they are."""
    return [(r.partition, r.offset, value_of(r.value)) for batch in batches for r in batch]


async def commit(
    consumer: AIOKafkaConsumer,
    recorder: Recorder,
    process: int,
    generation: int,
    found: dict[TopicPartition, Sequence[ConsumerRecord]],
) -> None:
    """Commit what was read; whoever has lost its partitions meanwhile has committed nothing."""
    offsets = {spot: batch[-1].offset + 1 for spot, batch in found.items() if batch}
    begun = recorder.begin(process)
    try:
        await consumer.commit(offsets)
        outcome = Outcome.OK
    except AioKafkaError:
        outcome = Outcome.INFO
    places = [(spot.partition, offset, NONE) for spot, offset in offsets.items()]
    recorder.end(begun, Kind.COMMIT_OFFSET, outcome, places, generation=generation)
