"""The topic of a load: one of its own, made and removed; or one that exists, and stays as it is.

Into one that exists others may write meanwhile, and what is there goes by its policy: so only what
lies between the ends that it had before and after is looked at, and of that what has our mark.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # they are there
    AdminClient,
    ConfigResource,
    ResourceType,
)

from fixtures.scratch import ADMIN_TIMEOUT_S, ScratchTopic, watermarks_of
from groundwork.base.errors import GroundworkError, UsageError
from load.market import TOPICS
from load.settings import OF_SERVICE, LoadSettings
from load.watch import Watch

__all__ = ["LoadTopic", "made", "opened", "told_by", "topics_of"]

# Kafka's own topics begin so; nobody's records belong there.
INTERNAL = "__"


@dataclass(frozen=True)
class LoadTopic:
    """A topic, as it was before the load.

    Attributes:
        settings: Of the load, with where its records begin.
        compacted: Whether older records of a key are removed.
    """

    settings: LoadSettings
    compacted: bool = False

    @classmethod
    def found(cls, settings: LoadSettings, cancel: threading.Event) -> LoadTopic:
        """One that exists.

        Raises:
            GroundworkError: The broker doesn't tell how it is, or ``cancel`` was set meanwhile.
        """
        name, numbers = settings.topic, range(settings.partitions)
        marks = watermarks_of(settings.bootstrap, name, numbers, committed=False, cancel=cancel)
        begins = {number: high for number, (_, high) in marks.items()}
        policy = policy_of(settings.bootstrap, name)
        return cls(settings.model_copy(update={"begins": begins}), "compact" in policy)

    def watermarks(self, cancel: threading.Event) -> dict[int, tuple[int, int]]:
        """Where of each partition the load's own records may be: from where, up to where.

        Raises:
            WaitTimeoutError: The broker doesn't tell.
            CancelledError: ``cancel`` was set meanwhile.
        """
        own = self.settings
        # Whoever hasn't ended a transaction holds back nobody but who reads what is committed.
        marks = watermarks_of(
            own.bootstrap, own.topic, range(own.partitions), committed=False, cancel=cancel
        )
        return {
            number: (max(low, own.begins.get(number, 0)), high)
            for number, (low, high) in marks.items()
        }

    def notes(self, watermarks: Mapping[int, tuple[int, int]], others: int) -> Iterator[str]:
        """What else is to be said, where it isn't a topic of the load's own.

        Args:
            watermarks: Where its records may be.
            others: How many records there weren't its own.
        """
        if not self.settings.existing:
            return
        yield f"{others} records of others came to {self.settings.topic} meanwhile"
        begins = self.settings.begins
        gone = sum(low - begins[number] for number, (low, _) in watermarks.items())
        if gone:
            yield f"{gone} records were gone by its retention already; nothing is said of them"
        if self.compacted:
            yield "it is compacted: whether an older record of a key is there still isn't looked at"


@contextmanager
def made(topic: ScratchTopic, watch: Watch) -> Iterator[None]:
    """Have a topic for as long as the block runs."""
    topic.make(watch.gone)
    try:
        yield
    finally:
        if not watch.gone.is_set():  # of a broker that is gone it goes with that
            with suppress(GroundworkError):
                topic.remove(watch.gone)


@contextmanager
def opened(
    settings: LoadSettings, placement: Sequence[Sequence[int]], watch: Watch
) -> Iterator[LoadTopic]:
    """Have a load's topic for as long as the block runs.

    Args:
        settings: Of the load.
        placement: Of each partition the nodes that have a copy, where it has to be made.
        watch: Tells when there is no broker any more.

    Raises:
        GroundworkError: It can't be made, or found.
    """
    if settings.existing:
        yield LoadTopic.found(settings, watch.gone)
        return
    config = settings.topic_config()
    with made(ScratchTopic(settings.bootstrap, settings.topic, placement, config), watch):
        yield LoadTopic(settings)


def told_by(given: Mapping[str, object], known: Mapping[str, int]) -> dict[str, object]:
    """What is asked for, with what follows from the topic; the same where none is asked for.

    Args:
        given: By the names of settings.
        known: The topics that exist, and how many partitions each has.

    Raises:
        UsageError: There is no such topic, or it can't be had so.
    """
    if "topic" not in given:
        return dict(given)
    name = str(given["topic"])
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise UsageError(f"topic {name}: there is none of that name; there are: {there}")
    if given.get("operation") in OF_SERVICE:
        raise UsageError(f"topic {name}: {given['operation']} asks the service, which has its own")
    if "partitions" in given:
        raise UsageError(
            f"partitions: topic {name} has {known[name]}, and keeps them; ask for none"
        )
    follows: dict[str, object] = {"partitions": known[name], "existing": True}
    if name in TOPICS and "records" not in given:
        # As long as they come, unless told: the size of a trade is too small for others.
        follows |= {"records": TOPICS[name], "size_bytes": 0}
    return follows | dict(given)


def topics_of(bootstrap: str) -> dict[str, int]:
    """The topics that a broker has, and how many partitions each has.

    Raises:
        GroundworkError: It can't be asked.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        found = admin.list_topics(timeout=ADMIN_TIMEOUT_S).topics
    except KafkaException as error:
        raise GroundworkError(f"the broker doesn't tell its topics: {error}") from error
    return {
        name: len(each.partitions) for name, each in found.items() if not name.startswith(INTERNAL)
    }


def policy_of(bootstrap: str, name: str) -> str:
    """How a topic is cleaned up.

    Raises:
        GroundworkError: The broker doesn't tell.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        (told,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        return str(told.result(ADMIN_TIMEOUT_S)["cleanup.policy"].value)
    except (KafkaException, TimeoutError) as error:
        raise GroundworkError(f"the broker doesn't tell of topic {name}: {error}") from error
