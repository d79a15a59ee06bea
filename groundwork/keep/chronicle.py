"""The chronicle: what happens in an environment, for the run that uses it and those who watch."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from groundwork.keep.events import EVENTS, Event, line_of
from groundwork.keep.server import Connection
from groundwork.keep.timeline import Timeline

__all__ = ["Chronicle"]

# What a timeline is called in the folder of a run, a job or a client.
FILE = "timeline.jsonl"

# Whose timeline that of the run is.
RUN = "the run"

# As much of the past as tells what led to something; a line is some hundred characters at most.
STORY_EVENTS = 25
STORY_WIDTH = 200


class Chronicle:
    """Passes every event on: to the timelines that are kept at the moment, and to watchers."""

    def __init__(self) -> None:
        self.fault = ""  # why not all of a run's output could be written; stays past its end
        self._timelines: dict[object, Timeline] = {}  # of the run, clients and jobs, by whose
        self._watchers: list[Connection] = []
        self._recent: deque[tuple[float, Event]] = deque(maxlen=STORY_EVENTS)
        self._lock = threading.Lock()

    def begin(self, out_dir: Path) -> None:
        """From now on events are a run's, whose output goes there."""
        self.fault = ""
        self._keep(RUN, out_dir)

    def blame(self, error: OSError) -> None:
        """Something of the run's output can't be written: the first that is tells why."""
        where = error.filename2 or error.filename
        self.fault = self.fault or f"can't write {where}: {error.strerror}"

    def end(self) -> None:
        """The run is over: its timeline is complete."""
        self._drop(RUN)

    @contextlib.contextmanager
    def follow(self, out_dir: Path) -> Iterator[None]:
        """Write what happens meanwhile into a timeline in this folder, too."""
        whose = object()
        self._keep(whose, out_dir)
        try:
            yield
        finally:
            self._drop(whose)

    def accompany(self, peer: Connection, out_dir: Path) -> None:
        """Write what happens into a timeline in this folder, too, as long as a connection lives."""
        self._keep(peer, out_dir)

    def _keep(self, whose: object, out_dir: Path) -> None:
        timeline = Timeline(out_dir / FILE)
        with self._lock:
            self._timelines[whose] = timeline

    def _drop(self, whose: object) -> None:
        with self._lock:
            timeline = self._timelines.pop(whose, None)
        if timeline is not None:
            self.fault = self.fault or timeline.fault
            timeline.close()

    def watch(self, peer: Connection) -> None:
        """A connection wants to hear events."""
        self._watchers.append(peer)

    def forget(self, peer: Connection) -> None:
        """A connection has ended, whether it has watched or not."""
        self._drop(peer)
        if peer in self._watchers:
            self._watchers.remove(peer)

    def note(self, event: Event) -> None:
        """Put an event on the timelines and tell those who watch."""
        with self._lock:
            self._recent.append((time.monotonic(), event))
            timelines = tuple(self._timelines.values())
        for timeline in timelines:
            timeline.record(event)
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Tell those who watch, and nobody else."""
        message = EVENTS.pack(event)
        for watcher in tuple(self._watchers):
            with contextlib.suppress(OSError):  # it is gone; its own thread will notice
                watcher.wire.send(message)

    def story(self) -> tuple[str, ...]:
        """What has happened last, a line for each event: how long ago, what, and its facts."""
        now_s = time.monotonic()
        with self._lock:
            recent = tuple(self._recent)
        return tuple(f"{now_s - at_s:6.1f} s ago  {facts_of(event)}" for at_s, event in recent)


def facts_of(event: Event) -> str:
    """An event in one line."""
    name, fields = line_of(event)
    facts = ", ".join(f"{key}={value}" for key, value in fields.items() if value not in ("", {}))
    return " ".join(f"{name}: {facts}".split())[:STORY_WIDTH]
