"""The chronicle: what happens in an environment, for the run that uses it and those who watch."""

from __future__ import annotations

import contextlib

from groundwork.keep.events import EVENTS, Event
from groundwork.keep.server import Connection
from groundwork.keep.timeline import Timeline

__all__ = ["Chronicle"]


class Chronicle:
    """Passes every event on: to the timeline of the run, while there is one, and to watchers."""

    def __init__(self) -> None:
        self.fault = ""  # why not all of a run's output could be written; stays past its end
        self._timeline: Timeline | None = None
        self._watchers: list[Connection] = []

    def begin(self, timeline: Timeline) -> None:
        """From now on events are a run's."""
        self.fault = ""
        self._timeline = timeline

    def blame(self, error: OSError) -> None:
        """Something of the run's output can't be written: the first that is tells why."""
        where = error.filename2 or error.filename
        self.fault = self.fault or f"can't write {where}: {error.strerror}"

    def end(self) -> None:
        """The run is over: its timeline is complete."""
        timeline, self._timeline = self._timeline, None
        if timeline is not None:
            self.fault = self.fault or timeline.fault
            timeline.close()

    def watch(self, peer: Connection) -> None:
        """A connection wants to hear events."""
        self._watchers.append(peer)

    def forget(self, peer: Connection) -> None:
        """A connection has ended, whether it has watched or not."""
        if peer in self._watchers:
            self._watchers.remove(peer)

    def note(self, event: Event) -> None:
        """Put an event on the run's timeline and tell those who watch."""
        timeline = self._timeline
        if timeline is not None:
            timeline.record(event)
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Tell those who watch, and nobody else."""
        message = EVENTS.pack(event)
        for watcher in tuple(self._watchers):
            with contextlib.suppress(OSError):  # it is gone; its own thread will notice
                watcher.wire.send(message)
