"""What somebody does to servers that run: each as a context, at whose end they are as they were."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from groundwork.base import process
from groundwork.base.errors import CancelledError, NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.sabotage.living import Alteration, Living
from suites.support.records import group_state
from suites.support.topics import Source, admin_of, describe_topics

__all__ = [
    "alertmanager_configured",
    "joined",
    "ledger_touched",
    "more_partitions",
    "node_configured",
    "paused",
    "prometheus_configured",
    "rule_rewritten",
    "silenced",
    "stray_topic",
    "topic_configured",
    "topic_gone",
]

TIMEOUT_S = 20.0

# For a run to begin, on a busy machine.
RUN_TIMEOUT_S = 60.0
ASK_TIMEOUT_S = 5.0

JOIN = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer

async def main():
    server, topic, group = sys.argv[1:]
    async with AIOKafkaConsumer(topic, bootstrap_servers=server, group_id=group) as consumer:
        async for record in consumer:
            pass

asyncio.run(main())
"""


# --- the broker


def topic_configured(topic: str, **settings: str) -> Alteration:
    """Give a topic other settings; of names with dots, underscores stand for these."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        own = asyncio.run(own_config(bootstrap, topic))
        changed = own | {name.replace("_", "."): value for name, value in settings.items()}
        asyncio.run(configure(bootstrap, ConfigResourceType.TOPIC, topic, changed))
        try:
            yield
        finally:
            asyncio.run(configure(bootstrap, ConfigResourceType.TOPIC, topic, own))

    return altered


def node_configured(**settings: str) -> Alteration:
    """Give a node other settings, while it runs."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        changed = {name.replace("_", "."): value for name, value in settings.items()}
        asyncio.run(configure(bootstrap, ConfigResourceType.BROKER, "1", changed))
        try:
            yield
        finally:
            asyncio.run(configure(bootstrap, ConfigResourceType.BROKER, "1", {}))

    return altered


def stray_topic(name: str) -> Alteration:
    """Make a topic that nobody declared."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        asyncio.run(create(bootstrap, name, 1, {}))
        try:
            yield
        finally:
            asyncio.run(delete(bootstrap, name))

    return altered


def topic_gone(name: str) -> Alteration:
    """Delete a declared topic."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        own = asyncio.run(own_config(bootstrap, name))
        partitions = asyncio.run(count(bootstrap, name))
        asyncio.run(delete(bootstrap, name))
        try:
            yield
        finally:
            asyncio.run(create(bootstrap, name, partitions, own))

    return altered


def more_partitions(name: str, number: int) -> Alteration:
    """Give a topic more partitions than were declared; there is no way back but a new one."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        own = asyncio.run(own_config(bootstrap, name))
        partitions = asyncio.run(count(bootstrap, name))
        asyncio.run(widen(bootstrap, name, number))
        try:
            yield
        finally:
            asyncio.run(delete(bootstrap, name))
            asyncio.run(create(bootstrap, name, partitions, own))

    return altered


def joined(group: str, topic: str) -> Alteration:
    """Join somebody else's group of consumers, who loses half of the records by that."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        bootstrap = living.endpoint("broker")
        log = living.status.folder.parent.parent / "joined.log"
        child = process.spawn(
            [sys.executable, "-c", JOIN, bootstrap, topic, group],
            env=process.plain_environment({}),
            log=log,
            cwd=Path.cwd(),
        )
        try:
            await_members(bootstrap, group, 2)
            yield
        finally:
            child.kill()
            await_members(bootstrap, group, 1)

    return altered


def await_members(bootstrap: str, group: str, number: int) -> None:
    """Wait until a group has so many members, and each knows what it reads."""

    async def look() -> None:
        async with admin_of(bootstrap) as admin:
            found = await group_state(admin, group)
        if len(found.members) != number or found.state != "Stable":
            raise NotYetError(f"{len(found.members)} members, {found.state}")

    wait_for(
        lambda: asyncio.run(look()),
        deadline=Deadline.after(TIMEOUT_S),
        what=f"{number} members of {group}",
    )


async def own_config(bootstrap: str, topic: str) -> dict[str, str]:
    """What a topic was given."""
    async with admin_of(bootstrap) as admin:
        found = (await describe_topics(admin))[topic]
    return {n: e.value or "" for n, e in found.config.items() if e.source == Source.TOPIC}


async def count(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has."""
    async with admin_of(bootstrap) as admin:
        return len((await describe_topics(admin))[topic].replicas)


async def configure(bootstrap: str, kind: int, name: str, settings: dict[str, str]) -> None:
    """Give a topic, or a node, these settings and no others."""
    async with admin_of(bootstrap) as admin:
        answers = await admin.alter_configs([ConfigResource(kind, name, settings)])
    for answer in answers:
        for code, message, *_ in answer.resources:
            assert code == 0, message


async def create(bootstrap: str, name: str, partitions: int, settings: dict[str, str]) -> None:
    """Make a topic, and wait until it is there."""
    async with admin_of(bootstrap) as admin:
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
        assert {code for _, code, *_ in answer.topic_errors} == {0}, answer
        await settled(admin, name, there=True)


async def delete(bootstrap: str, name: str) -> None:
    """Delete a topic, and wait until it is gone."""
    async with admin_of(bootstrap) as admin:
        await admin.delete_topics([name])
        await settled(admin, name, there=False)


async def widen(bootstrap: str, name: str, number: int) -> None:
    """Give a topic more partitions, and wait until they are there."""
    async with admin_of(bootstrap) as admin:
        await admin.create_partitions({name: NewPartitions(number)})


async def settled(admin: AIOKafkaAdminClient, name: str, *, there: bool) -> None:
    """Wait until every node knows whether there is a topic."""
    async with asyncio.timeout(TIMEOUT_S):
        while (name in await admin.list_topics()) != there:  # noqa: ASYNC110 - a server changes
            await asyncio.sleep(0.1)


# --- Prometheus and Alertmanager


def alertmanager_configured(change: Callable[[Any], None]) -> Alteration:
    """Change the configuration that Alertmanager runs with."""
    return lambda living: living.configured("alertmanager", change)


def prometheus_configured(change: Callable[[Any], None]) -> Alteration:
    """Change the configuration that Prometheus runs with."""
    return lambda living: living.configured("prometheus", change)


def rule_rewritten(file: str, change: Callable[[Any], None]) -> Alteration:
    """Change a file of rules that Prometheus has loaded."""

    def altered(living: Living) -> AbstractContextManager[None]:
        return living.rewritten(living.folder("prometheus") / "rules" / file, change, "prometheus")

    return altered


def silenced(**labels: str) -> Alteration:
    """Silence alerts, as one does for a moment and forgets."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        url = f"{living.endpoint('alertmanager')}/api/v2"
        now = datetime.now(UTC)
        body = {
            "matchers": [
                {"name": n, "value": v, "isRegex": True, "isEqual": True} for n, v in labels.items()
            ],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "operator",
            "comment": "while we deploy",
        }
        answer = requests.post(f"{url}/silences", json=body, timeout=ASK_TIMEOUT_S)
        answer.raise_for_status()
        try:
            yield
        finally:
            own = f"{url}/silence/{answer.json()['silenceID']}"
            requests.delete(own, timeout=ASK_TIMEOUT_S).raise_for_status()

    return altered


# --- processes and files


def paused(resource: str) -> Alteration:
    """Have a server hang."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        each = living.process(resource)
        each.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            each.send_signal(signal.SIGCONT)

    return altered


def ledger_touched(change: Callable[[Path], object]) -> Alteration:
    """Do something to the keeper's ledger, as soon as a run uses the environment.

    The environment is of no use afterwards.
    """

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            with suppress(CancelledError):
                deadline = Deadline.after(RUN_TIMEOUT_S)
                wait_for(living.expect_use, deadline=deadline, what="a run", cancel=over)
                change(living.status.folder / "ledger.jsonl")

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    return altered
