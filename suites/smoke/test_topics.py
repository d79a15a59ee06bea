"""Topics: there as declared, and every record that was acknowledged can be read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import allure
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from fixtures.declared.topics import Topic, load_topics
from groundwork.use.client import Handle

RECORDS = 60  # enough for every partition of the widest topic to get some
READ_TIMEOUT_S = 15.0

each_topic = pytest.mark.parametrize("topic", load_topics(), ids=lambda topic: topic.name)


@dataclass(frozen=True)
class Sent:
    """A record as it was sent."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@each_topic
async def test_a_topic_exists_as_declared(broker: Handle, topic: Topic) -> None:
    """Partitions, replicas, retention and clean-up policy are those of manifests/topics.yaml."""
    async with admin_of(broker) as admin:
        (described,) = await admin.describe_topics([topic.name])
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
        (answer,) = await admin.describe_configs([resource])
    assert described["error_code"] == 0
    assert len(described["partitions"]) == topic.partitions
    brokers = len(broker.endpoint("kafka").split(","))
    assert {len(each["replicas"]) for each in described["partitions"]} == {brokers}
    config = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert config["retention.ms"] == str(topic.retention_ms)
    assert config["cleanup.policy"] == topic.cleanup_policy


async def test_there_are_no_undeclared_topics(broker: Handle, topics: tuple[Topic, ...]) -> None:
    """Beside the declared topics there are only the broker's own."""
    async with admin_of(broker) as admin:
        found = set(await admin.list_topics())
    assert {name for name in found if not name.startswith("_")} == {t.name for t in topics}


@each_topic
async def test_acknowledged_records_are_read_exactly_once(broker: Handle, topic: Topic) -> None:
    """Every offset from the first to the last acknowledged one is read exactly once, in order.

    What was sent comes back unchanged: key, value and headers. Records of others may lie between.
    """
    servers = broker.endpoint("kafka")
    with allure.step(f"produce {RECORDS} records"):
        acknowledged = await produce(servers, topic)
    assert len(acknowledged) == topic.partitions, "some partition got no record"
    for partition, sent in acknowledged.items():
        with allure.step(f"read partition {partition.partition} back"):
            records = await read(servers, partition, min(sent), max(sent))
            assert [r.offset for r in records] == list(range(min(sent), max(sent) + 1))
            found = {r.offset: Sent(r.key, r.value, r.headers) for r in records if r.offset in sent}
            assert found == sent


@asynccontextmanager
async def admin_of(broker: Handle) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connection for questions about topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.endpoint("kafka"))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def produce(servers: str, topic: Topic) -> dict[TopicPartition, dict[int, Sent]]:
    """Send records to all partitions; what was acknowledged, by partition and offset."""
    acknowledged: dict[TopicPartition, dict[int, Sent]] = defaultdict(dict)
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for number in range(RECORDS):
            key, value = uuid4().bytes, f"record {number}".encode()
            sent = Sent(key, value, (("number", str(number).encode()), ("empty", b"")))
            partition = number % topic.partitions
            done = await producer.send_and_wait(
                topic.name, value, key=key, partition=partition, headers=list(sent.headers)
            )
            acknowledged[TopicPartition(topic.name, done.partition)][done.offset] = sent
    return acknowledged


async def read(
    servers: str, partition: TopicPartition, first: int, last: int
) -> list[ConsumerRecord]:
    """All records of a partition from one offset to another, as they come."""
    records: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, first)
        async with asyncio.timeout(READ_TIMEOUT_S):
            while not records or records[-1].offset < last:
                records.append(await consumer.getone())
    return [record for record in records if record.offset <= last]
