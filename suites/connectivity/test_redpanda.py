"""What Redpanda offers besides Kafka's protocol: a schema registry, an HTTP proxy, a console."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from uuid import uuid4

import requests
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from fixtures.declared.topics import Topic
from groundwork.use.client import Handle

# The first request makes the registry create its topic.
TIMEOUT_S = 20.0

REGISTRY = "application/vnd.schemaregistry.v1+json"
BINARY = "application/vnd.kafka.binary.v2+json"

SCHEMA = {
    "type": "record",
    "name": "Trade",
    "namespace": "groundwork",
    "fields": [{"name": "symbol", "type": "string"}, {"name": "price", "type": "double"}],
}


def get(url: str, accept: str = "*/*") -> Any:
    """What is found there, in a format."""
    answer = requests.get(url, headers={"Accept": accept}, timeout=TIMEOUT_S)
    assert answer.status_code == requests.codes.ok, answer.text
    return answer.json()


def post(url: str, kind: str, body: object, status: int = requests.codes.ok) -> Any:
    """The answer to something in a format."""
    headers = {"Content-Type": kind}
    answer = requests.post(url, data=json.dumps(body), headers=headers, timeout=TIMEOUT_S)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_registered_schema_is_read_back(broker: Handle) -> None:
    """An Avro schema is registered under a new subject, and found by subject and by its id."""
    registry = broker.endpoint("schema-registry")
    versions = f"{registry}/subjects/trades-{uuid4().hex}/versions"
    registered = post(versions, REGISTRY, {"schema": json.dumps(SCHEMA)})
    by_id = get(f"{registry}/schemas/ids/{registered['id']}")
    by_subject = get(f"{versions}/1")
    assert json.loads(by_id["schema"]) == SCHEMA
    assert json.loads(by_subject["schema"]) == SCHEMA
    assert by_subject["id"] == registered["id"]


def test_an_incompatible_schema_is_refused(broker: Handle) -> None:
    """A version that old readers couldn't read is refused: the registry checks what it keeps."""
    versions = f"{broker.endpoint('schema-registry')}/subjects/trades-{uuid4().hex}/versions"
    post(versions, REGISTRY, {"schema": json.dumps(SCHEMA)})
    other = SCHEMA | {"fields": [{"name": "price", "type": "string"}]}
    post(versions, REGISTRY, {"schema": json.dumps(other)}, requests.codes.conflict)


async def test_what_came_by_http_is_read_by_kafka(
    broker: Handle, topics: tuple[Topic, ...]
) -> None:
    """A record produced through the HTTP proxy is consumed by Kafka's protocol, where it says."""
    key, value = uuid4().bytes, uuid4().bytes
    record = {"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()}
    url = f"{broker.endpoint('http-proxy')}/topics/{topics[0].name}"
    produced = await asyncio.to_thread(post, url, BINARY, {"records": [record]})
    (place,) = produced["offsets"]
    partition = TopicPartition(topics[0].name, place["partition"])
    async with AIOKafkaConsumer(bootstrap_servers=broker.endpoint("kafka")) as consumer:
        consumer.assign([partition])
        consumer.seek(partition, place["offset"])
        async with asyncio.timeout(TIMEOUT_S):
            found = await consumer.getone()
    assert (found.offset, found.key, found.value) == (place["offset"], key, value)


async def test_what_came_by_kafka_is_read_by_http(
    broker: Handle, topics: tuple[Topic, ...]
) -> None:
    """A record produced by Kafka's protocol is fetched through the HTTP proxy."""
    value = uuid4().bytes
    async with AIOKafkaProducer(bootstrap_servers=broker.endpoint("kafka")) as producer:
        done = await producer.send_and_wait(topics[0].name, value, partition=0)
    url = f"{broker.endpoint('http-proxy')}/topics/{topics[0].name}/partitions/0/records"
    span = f"offset={done.offset}&timeout=1000&max_bytes=65536"
    found = await asyncio.to_thread(get, f"{url}?{span}", BINARY)
    assert base64.b64decode(found[0]["value"]) == value
    assert found[0]["offset"] == done.offset


def test_the_console_shows_brokers_topics_and_schemas(
    broker: Handle, console: Handle, topics: tuple[Topic, ...]
) -> None:
    """The console knows as many nodes as there are, every declared topic, and the registry."""
    url = f"{console.endpoint('http')}/api"
    cluster = get(f"{url}/cluster")["clusterInfo"]
    assert len(cluster["brokers"]) == len(broker.endpoint("kafka").split(","))
    shown = get(f"{url}/topics")["topics"]
    assert {topic.name for topic in topics} <= {each["topicName"] for each in shown}
    assert get(f"{url}/schema-registry/mode")["mode"] == "READWRITE"
