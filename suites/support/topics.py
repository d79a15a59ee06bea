"""What a broker tells of its topics and of itself, with the names that Kafka has for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

__all__ = ["Entry", "Source", "TopicState", "admin_of", "broker_config", "describe_topics"]


class Source(IntEnum):
    """Whose word a value of a configuration is, by Kafka's numbers."""

    TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    DYNAMIC_BROKER_LOGGER = 6


@dataclass(frozen=True)
class Entry:
    """One value of a configuration; None where it is a secret."""

    value: str | None
    source: int


@dataclass(frozen=True)
class TopicState:
    """A topic, as the broker has it.

    Attributes:
        replicas: Of each partition, the nodes that have a copy.
        in_sync: Of each partition, those whose copy is up to date.
        config: By name.
    """

    replicas: dict[int, tuple[int, ...]]
    in_sync: dict[int, tuple[int, ...]]
    config: dict[str, Entry]


@asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connection for questions about topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def entries(answer: object) -> dict[str, Entry]:
    """The configuration in an answer to DescribeConfigs."""
    ((code, message, *_, found),) = answer.resources  # type: ignore[attr-defined]
    assert code == 0, f"{for_code(code).__name__}: {message}"
    return {each[0]: Entry(each[1], each[3]) for each in found}


async def describe_topics(
    admin: AIOKafkaAdminClient, names: list[str] | None = None
) -> dict[str, TopicState]:
    """Topics by name; all but the broker's own where none is named."""
    described = await admin.describe_topics(names)
    found = {}
    for each in described:
        assert each["error_code"] == 0, for_code(each["error_code"]).__name__
        if each["is_internal"]:
            continue
        resource = ConfigResource(ConfigResourceType.TOPIC, each["topic"])
        (answer,) = await admin.describe_configs([resource])
        parts = each["partitions"]
        found[each["topic"]] = TopicState(
            {p["partition"]: tuple(sorted(p["replicas"])) for p in parts},
            {p["partition"]: tuple(sorted(p["isr"])) for p in parts},
            entries(answer),
        )
    return found


async def broker_config(admin: AIOKafkaAdminClient, node: int) -> dict[str, Entry]:
    """The configuration that a node runs with, by name."""
    resource = ConfigResource(ConfigResourceType.BROKER, str(node))
    (answer,) = await admin.describe_configs([resource])
    return entries(answer)
