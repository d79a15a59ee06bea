"""The workload: all clients together, on topics of their own; what comes of it is a history."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.consumers import ReaderSettings, join_group, read, read_to_end
from chaos.producers import ProducerSettings, produce, produce_transactions
from chaos.recorder import Recorder
from chaos.topics import Topic
from groundwork.base.errors import GroundworkError
from groundwork.checkers.history import History, Partition, Phase

__all__ = ["Workload", "WorkloadSettings", "history_of"]

# Producers give up what is under way after half a minute; transactions twice that.
END_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class WorkloadSettings:
    """What clients there are, and what they do.

    Attributes:
        bootstrap: Where they find the broker.
        copies: Of every record: as many as there are nodes, up to three.
        copies_min: That an acknowledgement waits for, at the least.
        partitions: Of each topic.
        rate: Records a second, of all producers together.
        acks: ``all`` or ``1``, of the producers without transactions.
        seed: Of what is left to chance.
    """

    bootstrap: str
    copies: int = 1
    copies_min: int = 1
    partitions: int = 3
    rate: float = 1_000.0
    acks: str = "all"
    seed: int = 0


class Workload:
    """Clients that run from :meth:`start` to :meth:`stop`.

    An idempotent producer, a plain one and one of transactions, on one topic; two members of a
    group, whose partitions move all the time; a reader of all partitions that goes back at times,
    and one that reads what isn't committed, too.
    """

    def __init__(self, settings: WorkloadSettings) -> None:
        self.settings = settings
        self.recorder = Recorder()
        self.topic = Topic(
            settings.bootstrap,
            f"groundwork-chaos-{uuid.uuid4().hex[:8]}",
            settings.copies,
            settings.partitions,
            {"min.insync.replicas": str(settings.copies_min)},
        )
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self) -> None:
        """Make the topic, and begin.

        Raises:
            GroundworkError: The topic can't be made.
        """
        own = self.settings
        self.topic.make()
        sender = ProducerSettings(
            own.bootstrap, self.topic.name, own.partitions, own.rate / 3, acks=own.acks
        )
        plain = ProducerSettings(
            own.bootstrap,
            self.topic.name,
            own.partitions,
            own.rate / 3,
            idempotent=False,
            acks=own.acks,
        )
        safe = ProducerSettings(own.bootstrap, self.topic.name, own.partitions, own.rate / 3)
        reader = ReaderSettings(own.bootstrap, self.topic.name, own.partitions)
        raw = ReaderSettings(own.bootstrap, self.topic.name, own.partitions, committed=False)
        chance = random.Random(own.seed)  # noqa: S311 - to be repeated, not to be secret
        self._begin("idempotent", lambda: produce(sender, self.recorder, self._stop))
        self._begin("plain", lambda: produce(plain, self.recorder, self._stop))
        self._begin(
            "transactions",
            lambda: produce_transactions(safe, self.topic.name, self.recorder, self._stop),
        )
        self._begin("reader", lambda: read(reader, self.recorder, self._stop, chance))
        self._begin("raw", lambda: read(raw, self.recorder, self._stop, random.Random(own.seed)))  # noqa: S311
        self._begin("group", lambda: asyncio.run(self._group()))

    def _begin(self, name: str, work: object) -> None:
        def run() -> None:
            try:
                work()  # type: ignore[operator]
            except BaseException as error:  # noqa: BLE001 - told by whoever stops it
                self._failures.append(error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    async def _group(self) -> None:
        """The members of the group, until it is time to stop."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        member = ReaderSettings(
            self.settings.bootstrap,
            self.topic.name,
            self.settings.partitions,
            group=self.topic.name,
        )

        def pass_on() -> None:
            self._stop.wait()
            with contextlib.suppress(RuntimeError):  # the members have failed: the loop is closed
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=pass_on, daemon=True).start()
        members = (join_group(member, self.recorder, stop, late_s=late_s) for late_s in (0.0, 2.0))
        await asyncio.gather(*members)

    def stop(self, phases: Sequence[Phase] = ()) -> History:
        """End, read all that there is, and tell what was done and seen.

        Raises:
            GroundworkError: A client has failed in a way that isn't an outcome, or doesn't end.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(END_TIMEOUT_S)
            if thread.is_alive():
                raise GroundworkError(f"the workload's {thread.name} doesn't end")
        if self._failures:
            first = self._failures[0]
            raise GroundworkError(f"the workload: {type(first).__name__}: {first}") from first
        return history_of(self.topic, self.recorder, phases)


def history_of(topic: Topic, recorder: Recorder, phases: Sequence[Phase] = ()) -> History:
    """What was recorded of a topic, with a last read of all that is there; once all is healed."""
    # The watermarks come first: what is read up to them can't have come later.
    marks = topic.watermarks()
    last = ReaderSettings(topic.bootstrap, topic.name, len(marks))
    read_to = read_to_end(last, recorder)
    partitions = [
        Partition(topic.name, number, start, watermark, read_to[number])
        for number, (start, watermark) in marks.items()
    ]
    return recorder.history(partitions, phases)
