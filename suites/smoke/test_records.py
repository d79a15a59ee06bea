"""What a service does behind its own words: the broker is asked, not the service."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest
import requests
from aiokafka import AIOKafkaConsumer, TopicPartition

from fixtures.declared.promises import Promises, ServicePromise
from fixtures.plugin import ReadLog
from fixtures.resources.hello_world import TEMPLATE
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from suites.support.records import GroupState, find_record, group_state
from suites.support.topics import admin_of

TIMEOUT_S = 10.0

# A group commits once a second.
COMMIT_TIMEOUT_S = 15.0

FORMATS = jsonschema.FormatChecker()
FORMATS.checks("date-time", ValueError)(lambda text: bool(datetime.fromisoformat(text).tzinfo))


@pytest.fixture
def promise(hello_world: Handle, promises: Promises) -> ServicePromise:
    """What hello-world puts where."""
    (found,) = (each for each in promises.services if each.name == hello_world.name)
    return found


def schema(name: str) -> dict[str, Any]:
    """What the template declares of a record's value."""
    (file,) = TEMPLATE.glob(f"*/schemas/{name}.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def post(service: Handle, path: str = "messages", **body: object) -> dict[str, Any]:
    """Have a message published, or what else there is; what the service has accepted."""
    url = f"{service.endpoint('http')}/{path}"
    answer = requests.post(url, json=body or {"text": f"smoke {uuid4()}"}, timeout=TIMEOUT_S)
    assert answer.status_code == requests.codes.accepted, answer.text
    accepted: dict[str, Any] = answer.json()
    return accepted


async def test_an_accepted_message_lies_on_the_promised_topic(
    hello_world: Handle, broker: Handle, promise: ServicePromise
) -> None:
    """The suite's own consumer reads it there: its key, its origin, and a value as declared."""
    headers = await lies_as_declared(post(hello_world), "message", broker, promise)
    assert "kind" not in headers


async def test_accepted_market_data_lies_on_the_promised_topic(
    hello_world: Handle, broker: Handle, promise: ServicePromise
) -> None:
    """It is told from a message by its header, and has a schema of its own."""
    accepted = post(hello_world, "market-data", symbol="SMOKE", price=150.25)
    headers = await lies_as_declared(accepted, "market-data", broker, promise)
    assert headers["kind"] == b"market-data"


async def lies_as_declared(
    accepted: dict[str, Any], name: str, broker: Handle, promise: ServicePromise
) -> dict[str, bytes]:
    """Read what was accepted, and hold it to its schema; its headers."""
    key = UUID(accepted["id"]).bytes
    try:
        record = await find_record(broker.endpoint("kafka"), promise.topic, key, TIMEOUT_S)
    except TimeoutError:
        pytest.fail(f"202 was answered, but there is no record of {accepted} on {promise.topic}")
    value = json.loads(record.value)
    jsonschema.validate(value, schema(name), format_checker=FORMATS)
    assert value == accepted
    headers = dict(record.headers)
    assert headers["origin"] == promise.group.encode()
    return headers


def test_its_group_reads_to_the_end(
    hello_world: Handle, broker: Handle, promise: ServicePromise
) -> None:
    """What was published is committed as read, by a group of as many members as promised."""
    post(hello_world)
    bootstrap = broker.endpoint("kafka")
    ends = asyncio.run(ends_of(bootstrap, promise.topic))

    def caught_up() -> GroupState:
        group = asyncio.run(state_of(bootstrap, promise.group))
        behind = lag(group, ends)
        if behind:
            raise NotYetError(f"not read: {behind}; members: {group.members}, {group.state}")
        return group

    group = wait_for(
        caught_up,
        deadline=Deadline.after(COMMIT_TIMEOUT_S),
        what=f"the group {promise.group} to commit what is on {promise.topic}",
    )
    assert group.state == "Stable"
    assert len(group.members) == promise.members, f"members of the group: {group.members}"


async def ends_of(bootstrap: str, topic: str) -> dict[TopicPartition, int]:
    """The end of each partition of a topic."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=None) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(consumer.assignment())
    return ends


async def state_of(bootstrap: str, group: str) -> GroupState:
    """How a group is now."""
    async with admin_of(bootstrap) as admin:
        return await group_state(admin, group)


def lag(group: GroupState, ends: dict[TopicPartition, int]) -> dict[str, int]:
    """How far behind a group is, by partition; what it has read leaves nothing."""
    return {
        f"{part.topic}-{part.partition}": end - group.committed.get(part, 0)
        for part, end in ends.items()
        if group.committed.get(part, 0) < end
    }


def test_every_line_of_its_log_is_json(hello_world: Handle, read_log: ReadLog) -> None:
    """Logs are read by machines: each line is an object with a level, an event and a time."""
    text = read_log(hello_world)
    broken = [line for line in text.splitlines() if line.strip() and not is_entry(line)]
    assert text.strip(), "it has logged nothing"
    assert broken[:3] == []


def is_entry(line: str) -> bool:
    """Whether a line is a log entry."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and {"level", "event", "timestamp"} <= entry.keys()
