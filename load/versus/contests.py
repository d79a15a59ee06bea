"""Contests: what a native tool and our own side do, each told the same."""

from __future__ import annotations

import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar, Literal, Self

from fixtures.packages.programs import JRE, KAFKA, WRK
from fixtures.scratch import ScratchTopic
from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.declare.settings import Settings
from load.course import Course, placement_of
from load.drain import drain
from load.reader import reading
from load.result import borne_per_s, together
from load.settings import LoadSettings
from load.topic import made
from load.versus.native import (
    Java,
    packaged,
    rate_consumed,
    rate_produced,
    requests_of,
    wrk,
)
from load.watch import Watch

__all__ = ["CONTESTS", "Contest", "Done", "What"]

# What both sides do: records are produced, or read; the service is asked for a greeting.
What = Literal["produce", "consume", "get"]

# A tool that does a hundredth of what it should is stuck.
TOOL_TIMEOUT_S = 300.0

# More than any client here takes: what is due waits, and is sent as fast as it goes.
RECORDS_PER_S, REQUESTS_PER_S = 1_000_000.0, 20_000.0

# So much of a partition at once: what Java's client sends by default is too little for either side.
BATCH_BYTES = 131_072

# The shortest that there is: the native side gets none.
WARM_UP_S = 0.1

# As long as requests are made; and by so many connections at a time, on the native side.
REQUESTS_S = 3.0
CONNECTIONS = 64

# What was on the topic of a side goes before the next one's turn, as far as the broker lets it.
GONE_AT_ONCE = {"file.delete.delay.ms": "0"}


@dataclass(frozen=True)
class Done:
    """What a side has done.

    Attributes:
        rate_per_s: How much in a second.
        count: How much in all.
    """

    rate_per_s: float
    count: int


@dataclass(frozen=True)
class Contest(ABC):
    """Something that both sides can do.

    Attributes:
        settings: What both are told.
        records: How many, where it is records.
        watch: Tells when there is nobody left.
    """

    settings: LoadSettings
    records: int
    watch: Watch

    unit: ClassVar[str] = "records"

    @classmethod
    @abstractmethod
    def asked(cls, records: int, size_bytes: int) -> Mapping[str, object]:
        """What our own side is told, by the names of a load's settings."""

    @contextmanager
    def begun(self) -> Iterator[Self]:
        """With what is needed before the first turn, for as long as the block runs."""
        yield self

    @abstractmethod
    def native(self) -> Done:
        """Have the native side do it."""

    @abstractmethod
    def own(self) -> Done:
        """Have our own side do it."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command of the native side."""

    @abstractmethod
    def told(self) -> Mapping[str, object]:
        """What our own side's client is told."""

    def run(self, command: list[str]) -> str:
        """Run a native tool to its end; what it said."""
        gone = self.watch.gone
        return process.run(command, timeout_s=TOOL_TIMEOUT_S, cancel=gone).output

    def offered(self) -> Done:
        """Have Locust offer what our own side is told: more than it can."""
        settings = self.settings.model_copy(update={"topic": f"versus-{uuid.uuid4()}"})
        course = Course.run(settings, settings.nodes, self.watch)
        self.watch.expect_there()
        count = sum(each.account.acknowledged for each in course.results)
        if course.there not in {None, count}:
            raise GroundworkError(f"{count} were acknowledged, and {course.there} are there")
        moments = together([each.moments for each in course.results])
        return Done(borne_per_s(moments, settings.warm_up_s), count)

    @contextmanager
    def on_a_topic(self) -> Iterator[Self]:
        """The same with a topic of its own."""
        settings = self.settings.model_copy(update={"topic": f"versus-{uuid.uuid4()}"})
        placement = placement_of(settings, settings.nodes)
        topic = ScratchTopic(settings.bootstrap, settings.topic, placement, GONE_AT_ONCE)
        with made(topic, self.watch):
            yield replace(self, settings=settings)


@dataclass(frozen=True)
class Produce(Contest):
    """Records without keys are produced, each side to topics of its own."""

    @classmethod
    def asked(cls, records: int, size_bytes: int) -> Mapping[str, object]:
        """A flood of as many."""
        return {
            "keep": False,
            "keyed": False,
            "size_bytes": size_bytes,
            "batch_bytes": BATCH_BYTES,
            "rate_per_s": RECORDS_PER_S,
            "duration_s": records / RECORDS_PER_S,
            "warm_up_s": WARM_UP_S,
        }

    def native(self) -> Done:
        """By Kafka's ProducerPerformance."""
        with self.on_a_topic() as own:
            return Done(rate_produced(self.run(own.command()), self.records), self.records)

    def own(self) -> Done:
        """By Locust."""
        return self.offered()

    def command(self) -> list[str]:
        """That of the producer."""
        return java().producing(self.settings, self.records)

    def told(self) -> Mapping[str, object]:
        """What its producer is told."""
        return self.settings.client()


@dataclass(frozen=True)
class Consume(Produce):
    """The records of one topic are read, by both sides the same."""

    @contextmanager
    def begun(self) -> Iterator[Self]:
        """With records that the native producer has written."""
        with self.on_a_topic() as own:
            self.run(java().producing(own.settings, self.records))
            yield own

    def native(self) -> Done:
        """By Kafka's ConsumerPerformance."""
        return Done(rate_consumed(self.run(self.command()), self.records), self.records)

    def own(self) -> Done:
        """By a client of ours that counts them."""
        settings = self.settings
        topic = ScratchTopic(
            settings.bootstrap, settings.topic, placement_of(settings, settings.nodes)
        )
        spans = topic.watermarks(self.watch.gone)
        drained = drain(settings.bootstrap, settings.topic, spans, self.watch.gone)
        return Done(drained.rate_per_s, drained.count)

    def command(self) -> list[str]:
        """That of the consumer."""
        return java().consuming(self.settings, self.records)

    def told(self) -> Mapping[str, object]:
        """What its consumer is told."""
        return reading(self.settings.bootstrap)


@dataclass(frozen=True)
class Get(Contest):
    """The service is asked for a greeting, as often as it answers."""

    unit: ClassVar[str] = "requests"

    @classmethod
    def asked(cls, records: int, size_bytes: int) -> Mapping[str, object]:
        """A flood of requests."""
        del records, size_bytes
        return {
            "operation": "get",
            "rate_per_s": REQUESTS_PER_S,
            "duration_s": REQUESTS_S,
            "warm_up_s": WARM_UP_S,
        }

    def native(self) -> Done:
        """By wrk, in one thread."""
        return Done(*requests_of(self.run(self.command())))

    def own(self) -> Done:
        """By Locust."""
        return self.offered()

    def command(self) -> list[str]:
        """That of wrk."""
        return wrk(wrk_program(), f"{self.settings.url}/hello/you", CONNECTIONS, REQUESTS_S)

    def told(self) -> Mapping[str, object]:
        """Whom it asks."""
        return {"url": self.settings.url}


CONTESTS: Mapping[What, type[Contest]] = {"produce": Produce, "consume": Consume, "get": Get}


@cache
def wrk_program() -> tuple[str, ...]:
    """What runs wrk: the machine's, or Debian's."""
    found = shutil.which("wrk")
    return (found,) if found else tuple(packaged(WRK.resolve(workshop()).path, "wrk"))


# Once: each time all of it is checked against its sums, which isn't the tool's own time.
@cache
def java() -> Java:
    """Java and Kafka's libraries, from the user's cache."""
    return Java(JRE.resolve(workshop()).program("bin/java"), KAFKA.resolve(workshop()).path)


def workshop() -> Workshop:
    """Where programs are found that a run has needed already, or are fetched."""
    return Workshop(Cache.open(Settings.from_json("{}").cache_dir))
