"""The broker's side of the service: publish, consume back, and know whether the broker answers."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from {{ cookiecutter.package_name }}.inbox import Inbox
from {{ cookiecutter.package_name }}.metrics import Metrics
from {{ cookiecutter.package_name }}.records import Entry, encode
from {{ cookiecutter.package_name }}.settings import Settings

__all__ = ["Broker", "BrokerUnavailableError"]

RETRY_PAUSE_S = 0.2
# Which nodes the broker has is asked so often, and one that is frozen holds that up for so long.
# By default it is five minutes and forty seconds: nodes that came back would be unknown meanwhile.
NODES_AGE_MS = 5_000
# Each side's goodbye; a broker that is gone must not hold up the end.
STOP_TIMEOUT_S = 2.0
# How often a loop is told to end within that; it may have missed it.
CANCELS = 4

log = structlog.get_logger(__name__)


class BrokerUnavailableError(Exception):
    """The broker didn't take a message; the text says why."""


@dataclass(frozen=True)
class Clients:
    """The connections to the broker, all started."""

    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    nodes: AIOKafkaClient


class Broker:
    """Keeps the connections, the loop that consumes, and the loop that asks the broker."""

    def __init__(self, settings: Settings, metrics: Metrics, inbox: Inbox) -> None:
        self.problem = "connecting"  # why it isn't ready; empty while it is
        self._settings = settings
        self._metrics = metrics
        self._inbox = inbox
        self._clients: Clients | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Connect in the background: a service that waits for its broker can tell so."""
        self._spawn(self._connect())

    async def stop(self) -> None:
        """End the loops, send what is under way, commit and leave the group."""
        self._say("stopping")
        await end(self._tasks)
        if self._clients is not None:
            await close(self._clients.producer.stop(), self._clients.consumer.stop())
            await close(self._clients.nodes.close())

    async def publish(self, entry: Entry) -> None:
        """Send an entry and wait for its acknowledgement by all in-sync replicas.

        Raises:
            BrokerUnavailableError: No acknowledgement; the entry may or may not be on the topic.
        """
        try:
            await self._send(entry)
        except BrokerUnavailableError:
            self._metrics.failed.inc()
            raise
        self._metrics.published.inc()

    async def _send(self, entry: Entry) -> None:
        if self._clients is None:
            raise BrokerUnavailableError(self.problem)
        key, value, headers = encode(entry, self._settings.kafka_group_id)
        try:
            async with asyncio.timeout(self._settings.publish_timeout_s):
                await self._clients.producer.send_and_wait(
                    self._settings.kafka_topic, value, key=key, headers=headers
                )
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailableError(f"not acknowledged: {describe(error)}") from error

    def _spawn(self, loop: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(loop))

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.info("broker ready" if not problem else "broker not ready", reason=problem)
        self.problem = problem
        self._metrics.broker_ready.set(not problem)

    # --- the loops

    async def _connect(self) -> None:
        while self._clients is None:
            clients = self._make_clients()
            try:
                await asyncio.gather(clients.producer.start(), clients.nodes.bootstrap())
                await clients.consumer.start()
                await self._fix_positions(clients.consumer)
            except (KafkaError, OSError) as error:
                self._say(f"can't connect: {describe(error)}")
                await close(clients.producer.stop(), clients.consumer.stop(), clients.nodes.close())
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                self._clients = clients
        self._spawn(self._consume(self._clients.consumer))
        self._spawn(self._watch(self._clients))

    def _make_clients(self) -> Clients:
        servers = self._settings.kafka_bootstrap_servers
        return Clients(
            producer=AIOKafkaProducer(
                bootstrap_servers=servers, acks="all", enable_idempotence=True
            ),
            consumer=AIOKafkaConsumer(
                self._settings.kafka_topic,
                bootstrap_servers=servers,
                group_id=self._settings.kafka_group_id,
                auto_offset_reset="latest",
                auto_commit_interval_ms=1000,
                retry_backoff_ms=100,
            ),
            nodes=AIOKafkaClient(
                bootstrap_servers=servers,
                metadata_max_age_ms=NODES_AGE_MS,
                request_timeout_ms=NODES_AGE_MS,
            ),
        )

    async def _fix_positions(self, consumer: AIOKafkaConsumer) -> None:
        """Commit where reading begins.

        "latest" is decided when a partition is first read: without this, what is published
        between readiness and that moment, or before a rejoin, would never come back.
        """
        positions: dict[TopicPartition, int] = {
            partition: await consumer.position(partition) for partition in consumer.assignment()
        }
        await consumer.commit(positions)

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                record = await consumer.getone()
            except KafkaError as error:
                log.warning("can't consume", reason=describe(error))
                await asyncio.sleep(RETRY_PAUSE_S)
                continue
            except UnicodeDecodeError:  # whoever traces reads headers, and strangers write any
                self._metrics.foreign.inc()
                continue
            self._inbox.take(record.value, record.headers)

    async def _watch(self, clients: Clients) -> None:
        """Ask the broker for the topic, twice an interval, with half of one to answer."""
        half_s = self._settings.ready_interval_s / 2
        while True:
            self._say(await self._ask(clients, half_s))
            await asyncio.sleep(half_s)

    async def _ask(self, clients: Clients, within_s: float) -> str:
        """What is wrong with the topic, by every node's word; empty where one says nothing is.

        One node that doesn't answer is no reason to be unready: the others take its place.
        """
        nodes = [each.nodeId for each in clients.nodes.cluster.brokers()]
        problems = await asyncio.gather(
            *(self._ask_node(clients.nodes, node, within_s) for node in nodes)
        )
        if "" in problems:
            return "" if clients.consumer.assignment() else "the consumer has no partitions yet"
        return problems[0] if problems else "no node is known"

    async def _ask_node(self, client: AIOKafkaClient, node: int, within_s: float) -> str:
        """What is wrong with the topic by a node's word; empty where nothing is."""
        topic = self._settings.kafka_topic
        try:
            async with asyncio.timeout(within_s):
                answer = await client.send(node, MetadataRequest([topic]))
        except (KafkaError, OSError, TimeoutError) as error:
            return f"no answer: {describe(error)}"
        (told,) = answer.to_object()["topics"]
        if told["error_code"]:
            return f"topic {topic}: Kafka error {told['error_code']}"
        leaderless = [p["partition"] for p in told["partitions"] if p["leader"] < 0]
        return f"topic {topic}: no leader for partitions {leaderless}" if leaderless else ""


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and await them; again where one has lost that it was told to end.

    Whoever waits within a time of its own may: ``asyncio.wait_for`` does before Python 3.12 where
    what it waits for is there in the same moment.
    """
    running = set(tasks)
    for _ in range(CANCELS):
        if not running:
            return
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=STOP_TIMEOUT_S / CANCELS)
        await asyncio.gather(*ended, return_exceptions=True)  # whatever they ended by
    log.warning("what was told to end goes on", tasks=len(running))


async def close(*goodbyes: Coroutine[Any, Any, None]) -> None:
    """Await goodbyes together, within the time that each is given."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await asyncio.gather(*goodbyes, return_exceptions=True)


def describe(error: BaseException) -> str:
    """An error in a few words; many of Kafka's have no text."""
    return f"{type(error).__name__} {error}".strip()
