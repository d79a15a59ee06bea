"""The course of a load: a topic of its own, Locust's processes, and what is read back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
from load.result import FAILED, Result
from load.settings import VARIABLE, LoadSettings
from load.topic import made, opened

__all__ = ["Course", "locust", "show"]

# Locust's processes start, find each other and the broker, and write down what they have.
START_TIMEOUT_S = 60.0

# Whoever looks at a UI goes home at some time.
UI_TIMEOUT_S = 43_200.0

LOCUSTFILE = ROOT / "load" / "locustfile.py"


def locust(settings: LoadSettings, *options: str) -> list[str]:
    """The command that runs Locust for a load."""
    users = str(settings.workers)
    many = ["--processes", users] if settings.workers > 1 else []
    words = ["--users", users, "--spawn-rate", users, *many, *options]
    return [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *words]


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
        notes: What else is to be said, where it wasn't on a topic of its own.
    """

    settings: LoadSettings
    results: tuple[Result, ...]
    history: History | None
    corrupt: tuple[str, ...]
    corrupt_count: int
    closed: Latencies | None = None
    unread: str = ""
    notes: tuple[str, ...] = ()

    @property
    def scheduled(self) -> int:
        """How many messages were to be sent, those before what is measured among them."""
        return self.settings.warming().count + self.settings.schedule().count

    @classmethod
    def run(cls, settings: LoadSettings, nodes: Sequence[int]) -> Course:
        """Offer a load, and read back what has come of it.

        Args:
            settings: Of the load.
            nodes: The numbers of the broker's nodes; each has a copy, and leads its share.

        Raises:
            GroundworkError: It couldn't be offered.
        """
        if settings.of_service:
            return cls(settings, offered(settings), None, (), 0)
        placement = placement_of(settings, nodes)
        with opened(settings, placement) as topic, beside(settings, placement) as loop:
            settings = topic.settings
            filled = fill(settings) if settings.consumes else ()
            results = offered(settings)
            closed = loop.end() if loop is not None else None
            if not settings.keep:
                return cls(settings, results, None, (), 0, closed)
            try:
                watermarks = topic.watermarks()
                if settings.consumes:
                    history = history_of_reading(
                        settings, results, filled, watermarks, compacted=topic.compacted
                    )
                    notes = tuple(topic.notes(watermarks, others_of(filled, watermarks)))
                    return cls(settings, results, history, (), 0, closed, notes=notes)
                read = read_back(
                    *(settings.bootstrap, settings.topic, watermarks, settings.run),
                    shared=settings.existing,
                )
            except GroundworkError as error:
                return cls(settings, results, None, (), 0, closed, str(error).partition("\n")[0])
            history = history_of(settings, results, read, watermarks, compacted=topic.compacted)
            corrupt = tuple(read.corrupt), read.corrupt_count
            notes = tuple(topic.notes(watermarks, read.foreign_count))
            return cls(settings, results, history, *corrupt, closed, notes=notes)


@contextmanager
def beside(
    settings: LoadSettings, placement: Sequence[Sequence[int]]
) -> Iterator[ClosedLoop | None]:
    """Have a closed loop beside a load, on another topic, where it is asked for."""
    if not settings.closed:
        yield None
        return
    topic = ScratchTopic(settings.bootstrap, f"{settings.topic}-closed", placement)
    with made(topic):
        loop = ClosedLoop(settings, topic.name, settings.market().record)
        loop.start()
        try:
            yield loop
        finally:
            loop.end()


def offered(settings: LoadSettings) -> tuple[Result, ...]:
    """Have it offered by Locust; what its workers tell.

    Raises:
        GroundworkError: Locust has failed, or a worker told nothing.
    """
    done = process.run(
        locust(settings, "--headless", "--only-summary"),
        timeout_s=settings.warm_up_s + settings.duration_s + ANSWERS_TIMEOUT_S + START_TIMEOUT_S,
        cwd=settings.folder,
        env=os.environ | {VARIABLE: settings.model_dump_json()},
        check=False,
    )
    (settings.folder / "locust.log").write_text(done.output)
    if (settings.folder / FAILED).is_file():
        raise GroundworkError((settings.folder / FAILED).read_text())
    files = sorted(settings.folder.glob("worker-*.json"))
    if len(files) != settings.workers:
        last = "\n".join(done.output.splitlines()[-15:])
        raise GroundworkError(
            f"{len(files)} of {settings.workers} workers told what they have done; Locust ended "
            f"with {done.returncode} and said:\n{last}"
        )
    return tuple(Result.from_json(file.read_bytes()) for file in files)


def show(settings: LoadSettings, nodes: Sequence[int], port: int) -> None:
    """Have Locust's own web UI start and end it, until somebody ends that.

    Args:
        settings: Of the load; each start offers it again.
        nodes: The numbers of the broker's nodes.
        port: Of the UI, on loopback.

    Raises:
        GroundworkError: Locust can't be started.
    """
    with opened(settings, placement_of(settings, nodes)) as topic:
        settings = topic.settings
        if settings.consumes:
            fill(settings)  # each start reads it again
        process.run(
            locust(settings, "--web-host", "127.0.0.1", "--web-port", str(port)),
            timeout_s=UI_TIMEOUT_S,
            cwd=settings.folder,
            env=os.environ | {VARIABLE: settings.model_dump_json()},
        )


def placement_of(settings: LoadSettings, nodes: Sequence[int]) -> list[list[int]]:
    """The nodes of each partition, its leader first; the next one's leads the next one."""
    many = len(nodes)
    return [[nodes[(p + n) % many] for n in range(many)] for p in range(settings.partitions)]
