"""The broker: the version that was asked for, and metrics that move."""

from __future__ import annotations

import requests
from aiokafka import AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from fixtures.programs import KAFKA
from fixtures.topics import Topic
from groundwork.client import Handle

TIMEOUT_S = 5.0
MESSAGES = 25


def messages_in(broker: Handle) -> float:
    """Records that the broker's nodes have taken, by their own count."""
    urls = [url for name, url in broker.description.endpoints.items() if name.startswith("metrics")]
    samples = (
        sample.value
        for url in urls
        for family in text_string_to_metric_families(requests.get(url, timeout=TIMEOUT_S).text)
        for sample in family.samples
        if sample.name == "kafka_server_brokertopicmetrics_messagesin_total"
    )
    return sum(samples)


def test_the_broker_has_the_locked_version(broker: Handle) -> None:
    """The version that the broker reports itself is that of the lock file."""
    assert broker.version == f"Apache Kafka {KAFKA.locked[0].coordinate.version}"


async def test_the_brokers_metrics_count_what_it_takes(
    broker: Handle, topics: tuple[Topic, ...]
) -> None:
    """Its counter of incoming records grows by at least what is sent (others may send too)."""
    before = messages_in(broker)
    async with AIOKafkaProducer(bootstrap_servers=broker.endpoint("kafka")) as producer:
        for number in range(MESSAGES):
            await producer.send_and_wait(topics[0].name, str(number).encode())
    assert messages_in(broker) >= before + MESSAGES
