"""The timeline of a run: an append-only JSONL of what happened when, on one clock."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from groundwork.base.errors import GroundworkError, UsageError
from groundwork.keep.events import Event, event_of, line_of

__all__ = ["OWN", "Entry", "Timeline", "read"]

# What each line has besides its event's own fields, which can't be called so.
OWN = frozenset({"at", "t_ns", "event"})


class Timeline:
    """Appends events to ``path``, in the order of the clock.

    Each line holds ``at`` (UTC, ISO 8601), ``t_ns`` (nanoseconds of the machine's monotonic clock,
    the same in every process and container of this boot), ``event`` and the event's own fields.

    A disk that is full breaks nothing else: what can't be written is lost, and told.

    Attributes:
        fault: Why not all of it could be written; empty where it could.
    """

    def __init__(self, path: Path) -> None:
        self.fault = ""
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            self._blame(error)

    def record(self, event: Event) -> None:
        """Append one event, unless the run is over."""
        name, fields = line_of(event)
        with self._lock:
            if self._file is None or self.fault:
                return
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = {"at": at, "t_ns": time.monotonic_ns(), "event": name, **fields}
            try:
                os.write(self._file, (json.dumps(entry) + "\n").encode())
            except OSError as error:
                self._blame(error)

    def _blame(self, error: OSError) -> None:
        self.fault = f"can't write {self._path}: {error.strerror}"

    def close(self) -> None:
        """Let go of the file; closed twice, its number would be that of another file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None


@dataclass(frozen=True)
class Entry:
    """An event of a timeline.

    Attributes:
        at: When, by the calendar.
        t_ns: When, on the machine's monotonic clock.
        event: What happened; what isn't the engine's is a ``Recorded``.
    """

    at: datetime
    t_ns: int
    event: Event


def read(path: Path) -> tuple[Entry, ...]:
    """The events of a timeline in their order; a last line cut short by a crash is left out.

    Raises:
        UsageError: It isn't there, or a line isn't one of a timeline; says which.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from error
    complete = text[: text.rfind("\n") + 1]
    return tuple(
        _entry_of(line, f"{path}:{number}") for number, line in enumerate(complete.splitlines(), 1)
    )


def _entry_of(line: str, where: str) -> Entry:
    try:
        told = dict(**json.loads(line))
        at, t_ns, name = (told.pop(key) for key in ("at", "t_ns", "event"))
        return Entry(datetime.fromisoformat(at), int(t_ns), event_of(name, told))
    except (ValueError, TypeError, KeyError, GroundworkError) as error:
        raise UsageError(f"{where}: no line of a timeline: {error}") from error
