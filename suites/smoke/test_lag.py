"""Lag: how far a group of consumers is behind is told of it, whether anybody consumes or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from suites.support.metrics import samples_of
from suites.support.topics import admin_of

LAG = "groundwork_consumer_lag"

RECORDS, READ = 10, 3

# It is read once a second, and scraped every 15 s in production's profile; the rest is patience.
TOLD_TIMEOUT_S = 10.0
SCRAPED_TIMEOUT_S = 40.0


@pytest.fixture
async def topic(broker: Handle) -> AsyncIterator[str]:
    """A topic of the test's own, for nobody else's records are to count."""
    name = f"lag-{uuid4()}"
    async with admin_of(broker.endpoint("kafka")) as admin:
        made = await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
        assert [code for _, code, *_ in made.topic_errors] == [0]
        yield name
        if name in await admin.list_topics():
            await remove(admin, name)


async def remove(admin: AIOKafkaAdminClient, name: str) -> None:
    """Remove a topic, with what groups have committed of it."""
    gone = await admin.delete_topics([name])
    assert [for_code(code) for _, code, *_ in gone.topic_error_codes] == [for_code(0)]


async def fall_behind(bootstrap: str, topic: str, group: str) -> None:
    """Write ten records, have a group read three and say so, and let it go."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for number in range(RECORDS):
            await producer.send_and_wait(topic, f"record {number}".encode())
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    ) as consumer:
        for _ in range(READ):
            await consumer.getone()
        await consumer.commit()


def lags(exporter: Handle, group: str) -> dict[tuple[str, str], float]:
    """How far the exporter says that a group is behind, by topic and partition."""
    return {
        (each.labels["topic"], each.labels["partition"]): each.value
        for each in samples_of(exporter.endpoint("metrics"), LAG)
        if each.labels["group"] == group
    }


def expect(found: object, wanted: object) -> None:
    """Raise NotYetError where it is something else."""
    if found != wanted:
        raise NotYetError(f"{found}, expected {wanted}")


# There is a topic more than is declared meanwhile: nobody else may look at them.
@pytest.mark.disturbs("broker")
async def test_a_group_that_nobody_is_in_has_its_lag_told(
    broker: Handle, exporter: Handle, prometheus: Prometheus, topic: str
) -> None:
    """Of ten records it has committed three: seven, by the exporter and by Prometheus.

    Its consumer has gone by then. What goes with its topic is told no more.
    """
    group, told = str(uuid4()), {(topic, "0"): RECORDS - READ}
    await fall_behind(broker.endpoint("kafka"), topic, group)
    wait_for(
        lambda: expect(lags(exporter, group), told),
        deadline=Deadline.after(TOLD_TIMEOUT_S),
        what=f"the exporter to say that {group} is {RECORDS - READ} behind",
    )

    def scraped() -> None:
        series = prometheus.query(f'{LAG}{{job="{exporter.name}",group="{group}"}}')
        found = {
            (each["metric"]["topic"], each["metric"]["partition"]): float(each["value"][1])
            for each in series
        }
        expect(found, told)

    wait_for(scraped, deadline=Deadline.after(SCRAPED_TIMEOUT_S), what="Prometheus to have it")
    async with admin_of(broker.endpoint("kafka")) as admin:
        await remove(admin, topic)
    wait_for(
        lambda: expect(lags(exporter, group), {}),
        deadline=Deadline.after(TOLD_TIMEOUT_S),
        what=f"the exporter to forget {group}",
    )


def test_what_it_says_is_complete(exporter: Handle) -> None:
    """All of a healthy broker can be read, and is told as read."""
    (success,) = samples_of(exporter.endpoint("metrics"), f"{LAG}_read_success")
    assert success.value == 1
