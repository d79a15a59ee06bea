"""Producers: they send records at their pace, and write down what became of each.

A time-out is never a failure: the record may be there, or come later. Only what was never sent has
failed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.structs import RecordMetadata
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from chaos.oblivion import Oblivion
from chaos.pace import Pace, pause
from chaos.recorder import Begun, Recorder
from chaos.records import payload
from groundwork.checkers.history import NONE, Client, Kind, Outcome

__all__ = ["ProducerSettings", "produce", "produce_async", "produce_transactions"]

# A delivery that is given up: longer than a broker is away that is scaled to nothing for twenty
# seconds, and then a pod that is placed and reads its log (35 s were seen). What is given up leaves
# a gap in the numbers of an idempotent producer, and librdkafka's was seen to get nothing through
# any more.
DELIVERY_TIMEOUT_MS = 60_000
REQUEST_TIMEOUT_MS = 5_000

# What is under way when the workload ends has as long as its deliveries may take.
FLUSH_TIMEOUT_S = DELIVERY_TIMEOUT_MS / 1000 + 5

# How long a call to the coordinator of transactions may take; it is asked again meanwhile. What is
# sent in one is given up by then.
TRANSACTION_TIMEOUT_S = 30.0

# What says that a record never left this machine.
NEVER_SENT = frozenset(
    {KafkaError._PURGE_QUEUE, KafkaError.MSG_SIZE_TOO_LARGE}  # noqa: SLF001 - codes begin so
)


# What is purged from the queue of a producer may have been sent before, and be there to be sent
# again: a frozen node's records were read that had waited so. One that has waited for less, as in a
# transaction that is aborted on purpose, hasn't been: no request is given up so soon.
RETURNED_S = 1.0


@dataclass(frozen=True)
class ProducerSettings:
    """One producer.

    Attributes:
        bootstrap: Where it finds the broker.
        topic: Where to.
        partitions: How many it has; they are sent to in turn.
        rate: Records a second.
        idempotent: Whether a record that is sent again isn't there twice.
        acks: ``all`` or ``1``.
    """

    bootstrap: str
    topic: str
    partitions: int
    rate: float
    idempotent: bool = True
    acks: str = "all"

    def client(self, library: str = "confluent-kafka") -> Client:
        """What it was told about itself."""
        kind = "idempotent" if self.idempotent else "plain"
        return Client(
            f"{library}, {kind}, acks={self.acks}",
            ordered=self.idempotent,
            idempotent=self.idempotent,
            acks_all=self.acks == "all",
        )

    def configuration(self) -> dict[str, object]:
        """The same as the library is told it."""
        return {
            "bootstrap.servers": self.bootstrap,
            "acks": self.acks,
            "enable.idempotence": self.idempotent,
            "linger.ms": 5,
            # A broker takes one request of a connection after another: more would wait there, each
            # with a record or two, where here they would become larger.
            "max.in.flight.requests.per.connection": 5,
            "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
            "request.timeout.ms": REQUEST_TIMEOUT_MS,
            "reconnect.backoff.max.ms": 500,  # it is there again within seconds, and so are we
            "log_level": 0,  # broken connections are what this is about
        }


def produce(settings: ProducerSettings, recorder: Recorder, stop: threading.Event) -> None:
    """Send until told to stop; returns when the outcome of everything is known, or given up.

    A producer that has forgotten every broker is given up, and another one begins.
    """
    pace = Pace(settings.rate, stop)
    number = 0
    while not stop.is_set():
        process, oblivion = recorder.client(settings.client()), Oblivion()
        producer = Producer(settings.configuration() | oblivion.configuration())
        while not oblivion.complete and pace.next():
            send(producer, settings, recorder, process, number % settings.partitions)
            producer.poll(0)
            number += 1
        if not oblivion.complete:
            producer.flush(FLUSH_TIMEOUT_S)
        producer.purge()
        producer.flush(FLUSH_TIMEOUT_S)


def send(
    producer: Producer,
    settings: ProducerSettings,
    recorder: Recorder,
    process: int,
    partition: int,
    transaction: int = NONE,
) -> None:
    """Send one record; its outcome is written down when it is known."""
    begun = recorder.send(process, partition, transaction)
    data, told = payload(begun.value), outcome_of(recorder, begun)
    try:
        producer.produce(settings.topic, data, partition=partition, on_delivery=told)
    except BufferError:  # the queue is full: it never left
        recorder.sent(begun, Outcome.FAIL)


def outcome_of(recorder: Recorder, begun: Begun) -> Callable[[KafkaError | None, Message], None]:
    """Writes down what became of a record."""
    sent_s = time.monotonic()

    def told(error: KafkaError | None, message: Message) -> None:
        if error is None:
            offset = message.offset()
            recorder.sent(begun, Outcome.OK, NONE if offset is None else offset)
        else:
            never = error.code() in NEVER_SENT and time.monotonic() - sent_s < RETURNED_S
            recorder.sent(begun, Outcome.FAIL if never else Outcome.INFO)

    return told


# Records of each transaction, and how many of them are aborted on purpose.
TRANSACTION_RECORDS = 6
ABORTED_EVERY = 4


def produce_transactions(
    settings: ProducerSettings, name: str, recorder: Recorder, stop: threading.Event
) -> None:
    """Send transactions until told to stop; each fourth is aborted.

    A producer whose transaction can't be ended is given up: another one takes its name over, which
    ends what it has left open; the last one, too, or nobody could read past that. What became of
    the records of one that was given up nobody tells: they are unknown.
    """
    # What a fault has held up isn't made up for after it: that would be a heavier load than before
    # it, and is compared with what was borne then.
    pace = Pace(settings.rate / TRANSACTION_RECORDS, stop, catches_up=False)
    number = 0
    while True:
        last = stop.is_set()
        process = recorder.client(settings.client())
        try:
            producer = Producer(
                settings.configuration()
                | {
                    "transactional.id": name,
                    "delivery.timeout.ms": int(1000 * TRANSACTION_TIMEOUT_S),
                }
            )
            producer.init_transactions(TRANSACTION_TIMEOUT_S)
            while pace.next():
                number += 1
                transact(producer, settings, recorder, process, number)
        except KafkaException:
            if last:
                return
            stop.wait(0.5)  # the broker is away: the next one tries anew
        else:
            return


def transact(
    producer: Producer, settings: ProducerSettings, recorder: Recorder, process: int, number: int
) -> None:
    """One transaction.

    Raises:
        KafkaException: It can't be ended, or begun; nobody knows what became of it.
    """
    transaction = recorder.transaction()
    producer.begin_transaction()
    for at in range(TRANSACTION_RECORDS):
        send(producer, settings, recorder, process, at % settings.partitions, transaction)
        producer.poll(0)
    kind = Kind.ABORT if number % ABORTED_EVERY == 0 else Kind.COMMIT
    end(producer, recorder, process, transaction, kind)


def end(producer: Producer, recorder: Recorder, process: int, transaction: int, kind: Kind) -> None:
    """Commit or abort; a commit that is refused for good is aborted."""
    begun = recorder.begin(process)
    act = producer.abort_transaction if kind is Kind.ABORT else producer.commit_transaction
    try:
        act(TRANSACTION_TIMEOUT_S)
    except KafkaException as error:
        refused = kind is Kind.COMMIT and error.args[0].txn_requires_abort()
        outcome = Outcome.FAIL if refused else Outcome.INFO
        recorder.end(begun, kind, outcome, transaction=transaction)
        if not refused:
            raise
        end(producer, recorder, process, transaction, Kind.ABORT)
    else:
        recorder.end(begun, kind, transaction=transaction)


# --- aiokafka

# Of what waits for a broker that is away: thousands of records, where its own 16 kB are 160.
BATCH_BYTES_MAX = 512 * 1024

# It knows one time for a request and for a delivery: a connection that hangs hangs for so long.
ASYNC_TIMEOUT_MS = 30_000


async def produce_async(
    settings: ProducerSettings, recorder: Recorder, stop: asyncio.Event
) -> None:
    """Send until told to stop; returns when the outcome of everything is known, or given up.

    A producer that can't go on is given up, and another one begins; so is one that has given a
    delivery up, for nothing gets through any more where numbers are missing.
    """
    while not stop.is_set():
        process = recorder.client(settings.client("aiokafka"))
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            acks=settings.acks,
            enable_idempotence=settings.idempotent,
            linger_ms=5,
            max_batch_size=BATCH_BYTES_MAX,
            request_timeout_ms=ASYNC_TIMEOUT_MS,
            metadata_max_age_ms=2_000,
        )
        try:
            await producer.start()
            await send_all(producer, settings, recorder, process, stop)
        except AioKafkaError:
            await pause(stop, 0.5)  # the broker is away: the next one tries anew
        finally:
            await producer.stop()


async def send_all(
    producer: AIOKafkaProducer,
    settings: ProducerSettings,
    recorder: Recorder,
    process: int,
    stop: asyncio.Event,
) -> None:
    """Send at the settings' pace until told to stop.

    Raises:
        AioKafkaError: It can't go on.
    """
    loop = asyncio.get_running_loop()
    due_s, number = loop.time(), 0
    given_up: list[AioKafkaError] = []
    while not stop.is_set():
        if given_up:
            raise given_up[0]
        await pause(stop, due_s - loop.time())
        due_s += 1 / settings.rate
        partition = number % settings.partitions
        number += 1
        begun = recorder.send(process, partition)
        data = payload(begun.value)
        sent = await producer.send(settings.topic, data, partition=partition)
        sent.add_done_callback(outcome_of_async(recorder, begun, given_up))


def outcome_of_async(
    recorder: Recorder, begun: Begun, given_up: list[AioKafkaError]
) -> Callable[[asyncio.Future[RecordMetadata]], None]:
    """Writes down what became of a record; and why it was given up."""

    def told(sent: asyncio.Future[RecordMetadata]) -> None:
        failed = sent.cancelled() or sent.exception() is not None
        if failed:
            reason = None if sent.cancelled() else sent.exception()
            given_up.append(reason if isinstance(reason, AioKafkaError) else AioKafkaError())
            recorder.sent(begun, Outcome.INFO)
        else:
            recorder.sent(begun, Outcome.OK, sent.result().offset)

    return told
