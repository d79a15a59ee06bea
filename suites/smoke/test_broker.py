"""The broker: the version that was asked for, and metrics that move."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from fixtures.declared.images import declared_version
from fixtures.declared.topics import Topic
from fixtures.packages.programs import KAFKA
from fixtures.resources import redpanda
from groundwork.declare.endpoint import METRICS
from groundwork.use.client import Handle
from suites.support.metrics import samples_of

MESSAGES = 25

# What each kind of broker calls the count of records that it has taken.
RECORDS_TAKEN = {
    "kafka": "kafka_server_brokertopicmetrics_messagesin_total",
    "redpanda": "redpanda_kafka_records_produced_total",
}


def records_taken(broker: Handle, metric: str) -> float:
    """Records that the broker's nodes have taken, by their own count."""
    urls = [at.address for at in broker.description.endpoints.values() if at.kind == METRICS]
    return sum(sample.value for url in urls for sample in samples_of(url, metric))


def test_the_broker_has_the_declared_version(broker: Handle, broker_kind: str) -> None:
    """The version that the broker reports itself is that of the lock file, or of the manifests."""
    declared = {
        "kafka": f"Apache Kafka {KAFKA.locked[0].coordinate.version}",
        "redpanda": f"Redpanda {declared_version(redpanda.MANIFESTS, redpanda.IMAGE)}",
    }
    assert broker.version == declared[broker_kind]


async def test_the_brokers_metrics_count_what_it_takes(
    broker: Handle, broker_kind: str, topics: tuple[Topic, ...]
) -> None:
    """Its counter of incoming records grows by at least what is sent (others may send too)."""
    metric = RECORDS_TAKEN[broker_kind]
    before = records_taken(broker, metric)
    async with AIOKafkaProducer(bootstrap_servers=broker.endpoint("kafka")) as producer:
        for number in range(MESSAGES):
            await producer.send_and_wait(topics[0].name, str(number).encode())
    assert records_taken(broker, metric) >= before + MESSAGES
