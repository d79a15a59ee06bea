"""The course of a load: a topic of its own, Locust's processes, and what is read back."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from fixtures.paths import ROOT
from fixtures.scratch import ScratchTopic
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.checkers.history import History
from load.backlog import fill, others_of
from load.closed import ClosedLoop
from load.histories import history_of, history_of_reading
from load.latency import Latencies
from load.offer import ANSWERS_TIMEOUT_S
from load.reader import read_back
from load.remote import Remote
from load.result import FAILED, Result
from load.settings import VARIABLE, LoadSettings
from load.tally import Tally
from load.topic import LoadTopic, made, opened
from load.watch import Watch

__all__ = ["Course", "locust", "show"]

# Locust's processes start, find each other and the broker, and write down what they have.
START_TIMEOUT_S = 60.0

# Whoever looks at a UI goes home at some time.
UI_TIMEOUT_S = 43_200.0

LOCUSTFILE = ROOT / "load" / "locustfile.py"


def locust(settings: LoadSettings, *options: str) -> list[str]:
    """The command that runs Locust for a load."""
    users, many = str(settings.workers), []
    if settings.workers > 1:
        many = ["--processes", users, *meeting_point()]
    words = ["--users", users, "--spawn-rate", users, *many, *options]
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *words]


def meeting_point() -> list[str]:
    """Where master and workers find each other: by default on all addresses, and every load's."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    own = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    return [*own, "--master-host", "127.0.0.1", "--master-port", port]


@dataclass(frozen=True)
class Course:
    """What a load has come to.

    Attributes:
        settings: What was offered.
        results: Of each worker.
        history: All operations; None where they weren't kept.
        corrupt: What was read that isn't what was sent; the first few, in words.
        corrupt_count: How many there are.
        closed: What messages took in a closed loop beside it; None where there was none.
        unread: Why what was acknowledged couldn't be read back; empty where it could.
        lost: Who was gone for good before all was over; empty where nobody was.
        notes: What else is to be said, where it wasn't on a topic of its own.
        there: How many records came to its topic, where only that was looked at; else None.
    """

    settings: LoadSettings
    results: tuple[Result, ...]
    history: History | None
    corrupt: tuple[str, ...]
    corrupt_count: int
    closed: Latencies | None = None
    unread: str = ""
    lost: str = ""
    notes: tuple[str, ...] = ()
    there: int | None = None

    @property
    def scheduled(self) -> int:
        """How many messages were to be sent, those before what is measured among them."""
        return self.settings.warming().count + self.settings.schedule().count

    @classmethod
    def run(cls, settings: LoadSettings, nodes: Sequence[int], watch: Watch) -> Course:
        """Offer a load, and read back what has come of it.

        Args:
            settings: Of the load.
            nodes: The numbers of the broker's nodes; each has a copy, and leads its share.
            watch: Tells when there is nobody left to offer it to.

        Raises:
            GroundworkError: It couldn't be offered.
        """
        if settings.of_service:
            results = offered(settings, watch)
            return cls(settings, results, None, (), 0, lost=lost_in(watch))
        placement = placement_of(settings, nodes)
        with (
            opened(settings, placement, watch) as topic,
            beside(settings, placement, watch) as loop,
        ):
            settings = topic.settings
            filled = fill(settings, watch.gone) if settings.consumes else ()
            results = offered(settings, watch)
            closed = loop.end(give_up=watch.gone.is_set()) if loop is not None else None
            course = cls(settings, results, None, (), 0, closed, lost=lost_in(watch))
            if watch.gone.is_set():
                return course
            try:
                with watch.explaining():
                    look = course.seen if settings.keep else course.counted
                    return look(topic, filled, watch.gone)
            except GroundworkError as error:
                lost = lost_in(watch)
                unread = "" if lost else str(error).partition("\n")[0]
                return replace(course, unread=unread, lost=lost)

    def seen(self, topic: LoadTopic, filled: Sequence[Tally], cancel: threading.Event) -> Course:
        """With what is on the topic, and was read of it.

        Args:
            topic: Of the load.
            filled: What was written before the load, by worker.
            cancel: Set where nobody answers any more.

        Raises:
            GroundworkError: The broker doesn't tell.
        """
        own, compacted = self.settings, topic.compacted
        watermarks = topic.watermarks(cancel)
        if own.consumes:
            history = history_of_reading(own, self.results, filled, watermarks, compacted=compacted)
            notes = tuple(topic.notes(watermarks, others_of(filled, watermarks)))
            return replace(self, history=history, notes=notes)
        read = read_back(own, watermarks, cancel)
        return replace(
            self,
            history=history_of(own, self.results, read, watermarks, compacted=compacted),
            corrupt=tuple(read.corrupt),
            corrupt_count=read.corrupt_count,
            notes=tuple(topic.notes(watermarks, read.foreign_count)),
        )

    def counted(self, topic: LoadTopic, filled: Sequence[Tally], cancel: threading.Event) -> Course:
        """With how many records came to the topic: nobody has kept which they should be.

        Args:
            topic: Of the load.
            filled: What was written before the load, by worker.
            cancel: Set where nobody answers any more.

        Raises:
            GroundworkError: The broker doesn't tell.
        """
        watermarks = topic.watermarks(cancel)
        begins = self.settings.begins  # what has gone by retention meanwhile was there
        there = sum(high - begins.get(number, 0) for number, (_, high) in watermarks.items())
        return replace(self, there=there - sum(each.acknowledged for each in filled))


def lost_in(watch: Watch) -> str:
    """Who is gone for good, and of what; empty where nobody is."""
    return "" if watch.error is None else str(watch.error)


@contextmanager
def beside(
    settings: LoadSettings, placement: Sequence[Sequence[int]], watch: Watch
) -> Iterator[ClosedLoop | None]:
    """Have a closed loop beside a load, on another topic, where it is asked for."""
    if not settings.closed:
        yield None
        return
    topic = ScratchTopic(settings.bootstrap, f"{settings.topic}-closed", placement)
    with made(topic, watch):
        loop = ClosedLoop(settings, topic.name, settings.market().record)
        loop.start()
        try:
            yield loop
        finally:
            loop.end(give_up=watch.gone.is_set())


def offered(settings: LoadSettings, watch: Watch) -> tuple[Result, ...]:
    """Have it offered by Locust; what its workers tell, also where nobody is left meanwhile.

    Raises:
        GroundworkError: Locust has failed, or a worker told nothing.
    """
    timeout_s = settings.warm_up_s + settings.duration_s + ANSWERS_TIMEOUT_S + START_TIMEOUT_S
    if settings.place == "inside":
        told = "its master's log is the resource's"
        Remote(settings.master).offer(settings.inside(), settings.folder, timeout_s, watch)
    else:
        told = started(settings, timeout_s, watch)
    if (settings.folder / FAILED).is_file():
        raise GroundworkError((settings.folder / FAILED).read_text())
    files = sorted(settings.folder.glob("worker-*.json"))
    if len(files) != settings.workers:
        raise GroundworkError(
            f"{len(files)} of {settings.workers} workers told what they have done; {told}"
        )
    return tuple(Result.from_json(file.read_bytes()) for file in files)


def started(settings: LoadSettings, timeout_s: float, watch: Watch) -> str:
    """Start Locust's processes here, until all is offered; how they ended.

    Raises:
        ProcessFailedError: They take too long.
    """
    done = process.run(
        locust(settings, "--headless", "--only-summary"),
        timeout_s=timeout_s,
        cwd=settings.folder,
        env=os.environ | {VARIABLE: settings.model_dump_json()},
        cancel=watch.overdue,
        check=False,
    )
    (settings.folder / "locust.log").write_text(done.output)
    last = "\n".join(done.output.splitlines()[-15:])
    return f"Locust ended with {done.returncode} and said:\n{last}"


def show(settings: LoadSettings, nodes: Sequence[int], port: int, watch: Watch) -> None:
    """Have Locust's own web UI start and end it, until somebody ends that.

    Args:
        settings: Of the load; each start offers it again.
        nodes: The numbers of the broker's nodes.
        port: Of the UI, on loopback.
        watch: Tells when there is nobody left to offer it to.

    Raises:
        GroundworkError: Locust can't be started.
    """
    with opened(settings, placement_of(settings, nodes), watch) as topic:
        settings = topic.settings
        if settings.consumes:
            fill(settings, watch.gone)  # each start reads it again
        process.run(
            locust(settings, "--web-host", "127.0.0.1", "--web-port", str(port)),
            timeout_s=UI_TIMEOUT_S,
            cwd=settings.folder,
            env=os.environ | {VARIABLE: settings.model_dump_json()},
            cancel=watch.overdue,
        )


def placement_of(settings: LoadSettings, nodes: Sequence[int]) -> list[list[int]]:
    """The nodes of each partition, its leader first; the next one's leads the next one."""
    many = len(nodes)
    return [[nodes[(p + n) % many] for n in range(many)] for p in range(settings.partitions)]
