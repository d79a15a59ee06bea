"""The timeline of a run: an append-only JSONL of what happened when, on one clock."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Timeline"]


class Timeline:
    """Appends events to ``path``.

    Each line holds ``at`` (UTC, ISO 8601), ``t_s`` (seconds on the machine's monotonic clock,
    the same in every process of this boot), ``event`` and the event's own fields.

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

    def record(self, event: str, **fields: Any) -> None:
        """Append one event, unless the run is over."""
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "t_s": round(time.monotonic(), 4),
            "event": event,
            **fields,
        }
        with self._lock:
            if self._file is not None and not self.fault:
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
