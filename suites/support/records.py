"""What lies on topics and what groups have read of it, seen by the suites' own clients."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

__all__ = ["GroupState", "find_record", "group_state"]


@dataclass(frozen=True)
class GroupState:
    """A group of consumers, as the broker has it.

    Attributes:
        state: ``Stable`` once every member knows what it reads.
        members: The ids of its members.
        committed: How far it has read, by partition.
    """

    state: str
    members: tuple[str, ...]
    committed: dict[TopicPartition, int]


async def group_state(admin: AIOKafkaAdminClient, group: str) -> GroupState:
    """How a group is now."""
    (answer,) = await admin.describe_consumer_groups([group])
    ((code, _, state, _, _, members, *_),) = answer.groups
    assert code == 0, for_code(code).__name__
    offsets = await admin.list_consumer_group_offsets(group)
    committed = {partition: each.offset for partition, each in offsets.items()}
    return GroupState(state, tuple(member[0] for member in members), committed)


async def find_record(bootstrap: str, topic: str, key: bytes, timeout_s: float) -> ConsumerRecord:
    """A record with this key, which nobody else uses.

    Raises:
        TimeoutError: There is none.
    """
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    ) as consumer:
        async with asyncio.timeout(timeout_s):
            async for record in consumer:
                if record.key == key:
                    return record
    raise AssertionError("a consumer that ends by itself")
