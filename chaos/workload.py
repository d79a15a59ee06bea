"""The workload: all clients together, on a topic of their own; what comes of it is a history."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.consumers import ReaderSettings, join_group, read, read_to_end
from chaos.producers import ProducerSettings, produce, produce_async, produce_transactions
from chaos.recorder import Recorder
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import GroundworkError
from groundwork.checkers.history import History, Partition, Phase

__all__ = ["Workload", "WorkloadSettings", "history_of"]

# Producers give up what is under way after a minute; transactions after half of one, and end twice.
END_TIMEOUT_S = 120.0

PRODUCERS = 4


@dataclass(frozen=True)
class WorkloadSettings:
    """What clients there are, and what they do.

    Attributes:
        bootstrap: Where they find the broker.
        nodes: The numbers of its nodes; each has a copy of every record, and leads a partition.
        partitions: Of the topic.
        rate: Records a second, of all producers together.
        seed: Of what is left to chance.
    """

    bootstrap: str
    nodes: tuple[int, ...] = (1,)
    partitions: int = 3
    rate: float = 1_000.0
    seed: int = 0

    @property
    def placement(self) -> list[list[int]]:
        """The nodes of each partition, its leader first; the next one's leads the next one."""
        many = len(self.nodes)
        return [
            [self.nodes[(number + step) % many] for step in range(many)]
            for number in range(self.partitions)
        ]


class Workload:
    """Clients that run from :meth:`start` to :meth:`stop`.

    An idempotent producer of either library, a plain one and one of transactions, on one topic; two
    members of a group, whose partitions move all the time; a reader of all partitions that goes
    back at times, and one that reads what isn't committed, too. All acknowledgements are those of
    all copies in sync.
    """

    def __init__(self, settings: WorkloadSettings) -> None:
        self.settings = settings
        self.recorder = Recorder()
        self.topic = ScratchTopic(
            settings.bootstrap,
            f"groundwork-chaos-{uuid.uuid4().hex[:8]}",
            settings.placement,
            config={"min.insync.replicas": str(min(len(settings.nodes), 2))},
        )
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self) -> None:
        """Make the topic, and begin.

        Raises:
            GroundworkError: The topic can't be made.
        """
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # broken connections are the point
        own, name, recorder, stop = self.settings, self.topic.name, self.recorder, self._stop
        self.topic.make()
        safe = self._sender()
        plain = self._sender(idempotent=False)
        reader = ReaderSettings(own.bootstrap, name, own.partitions)
        raw = ReaderSettings(own.bootstrap, name, own.partitions, committed=False)
        chances = [random.Random(own.seed + number) for number in range(2)]  # noqa: S311 - to be repeated
        self._begin("idempotent", lambda: produce(safe, recorder, stop))
        self._begin("plain", lambda: produce(plain, recorder, stop))
        self._begin("transactions", lambda: produce_transactions(safe, name, recorder, stop))
        self._begin("reader", lambda: read(reader, recorder, stop, chances[0]))
        self._begin("raw", lambda: read(raw, recorder, stop, chances[1]))
        self._begin("aiokafka", lambda: asyncio.run(self._asynchronous()))

    def _sender(self, *, idempotent: bool = True) -> ProducerSettings:
        own = self.settings
        rate = own.rate / PRODUCERS
        return ProducerSettings(
            own.bootstrap, self.topic.name, own.partitions, rate, idempotent=idempotent
        )

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told by whoever stops it
                self._failures.append(error)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    async def _asynchronous(self) -> None:
        """The producer and the members of the group, until it is time to stop."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        name, recorder = self.topic.name, self.recorder
        own = self.settings
        member = ReaderSettings(own.bootstrap, name, own.partitions, group=name)

        def pass_on() -> None:
            self._stop.wait()
            with contextlib.suppress(RuntimeError):  # the clients have failed: the loop is closed
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=pass_on, daemon=True).start()
        members = (join_group(member, recorder, stop, late_s=late_s) for late_s in (0.0, 2.0))
        await asyncio.gather(produce_async(self._sender(), recorder, stop), *members)

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


def history_of(topic: ScratchTopic, recorder: Recorder, phases: Sequence[Phase] = ()) -> History:
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
