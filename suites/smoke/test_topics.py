"""Topics: there as declared, and every record that was acknowledged can be read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from uuid import uuid4

import allure
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewTopic
from pydantic import ValidationError

from fixtures.declared.topics import Topic, load_topics
from fixtures.resources.kafka import create_topics
from groundwork.base.errors import GroundworkError
from groundwork.use.client import Handle
from suites.support.topics import admin_of, describe_topics

RECORDS = 60  # and one for each partition, where there are more
READ_TIMEOUT_S = 15.0

NAMES_OF_TOPICS = (
    *("a", "_", "-", "a.b.c", "...", "A-1_2.3", "a" * 249, "0"),
    *(".", "..", "a" * 250, "a b", "a/b", "ä", "a,b", "a:b", "a\n", ""),
)

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
    async with admin_of(broker.endpoint("kafka")) as admin:
        found = (await describe_topics(admin, [topic.name]))[topic.name]
    assert len(found.replicas) == topic.partitions
    brokers = len(broker.endpoint("kafka").split(","))
    assert {len(nodes) for nodes in found.replicas.values()} == {brokers}
    assert found.config["retention.ms"].value == str(topic.retention_ms)
    policy = found.config["cleanup.policy"].value or ""
    assert policy.split(",") == topic.cleanup_policy.split(",")


async def test_there_are_no_undeclared_topics(
    broker: Handle, topics: tuple[Topic, ...], broker_kind: str
) -> None:
    """Beside the declared topics there are only the broker's own, which it says are internal.

    Of Redpanda's own some are not said to be; their names begin with an underscore.
    """
    declared = {topic.name for topic in topics}
    async with admin_of(broker.endpoint("kafka")) as admin:
        found = {each["topic"]: each["is_internal"] for each in await admin.describe_topics()}
    if broker_kind == "redpanda":
        found = {n: own or (n.startswith("_") and n not in declared) for n, own in found.items()}
    assert {name for name, internal in found.items() if not internal} == declared


async def test_names_are_judged_as_kafka_judges_them(broker: Handle) -> None:
    """What is refused before anything starts is what the broker would refuse, and nothing else."""
    wanted = [NewTopic(name, num_partitions=1, replication_factor=1) for name in NAMES_OF_TOPICS]
    async with admin_of(broker.endpoint("kafka")) as admin:
        answer = await admin.create_topics(wanted, validate_only=True)
    taken = {name for name, code, *_ in answer.topic_errors if code == 0}
    assert taken == set(filter(fits, NAMES_OF_TOPICS))
    assert 0 < len(taken) < len(NAMES_OF_TOPICS)


def fits(name: str) -> bool:
    """Whether a topic may be declared by this name."""
    try:
        Topic(name=name, partitions=1, retention_ms=-1, cleanup_policy="delete")
    except ValidationError:
        return False
    return True


def test_a_topic_that_kafka_refuses_is_told_by_name(broker: Handle) -> None:
    """Its error as the protocol calls it, and the broker's own words."""
    refused = Topic.model_construct(
        name="a/b", partitions=1, retention_ms=-1, cleanup_policy="delete"
    )
    with pytest.raises(GroundworkError, match=r"^can't create topic a/b: INVALID_TOPIC: ."):
        create_topics(broker.endpoint("kafka"), 1, [refused])


@each_topic
async def test_acknowledged_records_are_read_exactly_once(broker: Handle, topic: Topic) -> None:
    """Every offset from the first to the last acknowledged one is read exactly once, in order.

    What was sent comes back unchanged: key, value and headers. Records of others may lie between.
    """
    servers = broker.endpoint("kafka")
    count = max(RECORDS, topic.partitions)
    with allure.step(f"produce {count} records"):
        acknowledged = await produce(servers, topic, count)
    assert len(acknowledged) == topic.partitions, "some partition got no record"
    async with AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False) as consumer:
        for partition, sent in acknowledged.items():
            with allure.step(f"read partition {partition.partition} back"):
                records = await read(consumer, partition, min(sent), max(sent))
            assert [r.offset for r in records] == list(range(min(sent), max(sent) + 1))
            found = {r.offset: Sent(r.key, r.value, r.headers) for r in records if r.offset in sent}
            assert found == sent


async def produce(servers: str, topic: Topic, count: int) -> dict[TopicPartition, dict[int, Sent]]:
    """Send records to all partitions in turn; what was acknowledged, by partition and offset."""
    acknowledged: dict[TopicPartition, dict[int, Sent]] = defaultdict(dict)
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for number in range(count):
            key, value = uuid4().bytes, f"record {number}".encode()
            sent = Sent(key, value, (("number", str(number).encode()), ("empty", b"")))
            partition = number % topic.partitions
            done = await producer.send_and_wait(
                topic.name, value, key=key, partition=partition, headers=list(sent.headers)
            )
            acknowledged[TopicPartition(topic.name, done.partition)][done.offset] = sent
    return acknowledged


async def read(
    consumer: AIOKafkaConsumer, partition: TopicPartition, first: int, last: int
) -> list[ConsumerRecord]:
    """All records of a partition from one offset to another, as they come."""
    records: list[ConsumerRecord] = []
    consumer.assign([partition])
    consumer.seek(partition, first)
    async with asyncio.timeout(READ_TIMEOUT_S):
        while not records or records[-1].offset < last:
            records.append(await consumer.getone())
    return [record for record in records if record.offset <= last]
