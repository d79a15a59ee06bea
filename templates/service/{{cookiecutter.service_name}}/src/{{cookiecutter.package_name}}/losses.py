"""Losses: what couldn't be exported is told once a minute, and not line by line.

A store that is away makes the SDK write a line for each batch, for each try of it, and for a queue
that is full. All of them mean one thing, so they are counted here instead.
"""

import logging
import threading
import time

import structlog
from opentelemetry.sdk import _shared_internal as queues

__all__ = ["Losses"]

# Often enough to be seen, and nothing that fills a disk while a store is away for a night.
PERIOD_S = 60.0

log = structlog.get_logger(__name__)


class Losses(logging.Filter):
    """Keeps the lines of one signal's exporter and queue to itself, and tells what they come to."""

    def __init__(self, signal: str, exporter: str, items: str) -> None:
        """Watch a signal.

        Args:
            signal: What is lost, in words.
            exporter: The logger of its exporter.
            items: What its queue calls what it holds; the queues of all signals share a logger.
        """
        super().__init__()
        self._signal = signal
        self._items = items
        self._loggers = [logging.getLogger(name) for name in (exporter, queues.__name__)]
        self._lock = threading.Lock()  # whoever fills the queue and the exporter are threads
        self._due_s = 0.0
        self._batches = 0
        self._queue_full = False
        self._reason = ""
        for logger in self._loggers:
            logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let no line of this signal pass; an error is a batch that is lost."""
        if record.name == queues.__name__:
            if record.args != (self._items,):
                return True
            with self._lock:
                self._queue_full = True
        if record.levelno >= logging.ERROR:
            self.count(record.getMessage())
        elif record.name != queues.__name__:
            with self._lock:
                self._reason = record.getMessage()  # why it is tried again
        return False

    def count(self, reason: str) -> None:
        """Count a batch that is lost, and say so unless that was said a moment ago."""
        with self._lock:
            self._batches += 1
            # Why it was tried again says more than that it was given up.
            self._reason = self._reason or reason
        if time.monotonic() >= self._due_s:
            self.tell()

    def tell(self) -> None:
        """Say what was lost since that was said last, if anything was."""
        with self._lock:
            batches, queue_full, reason = self._batches, self._queue_full, self._reason
            self._batches, self._queue_full, self._reason = 0, False, ""
            self._due_s = time.monotonic() + PERIOD_S
        if batches:
            log.warning(
                "telemetry was lost",
                signal=self._signal,
                batches=batches,
                queue_full=queue_full,
                reason=reason,
            )

    def end(self) -> None:
        """Tell the rest, and let lines pass again."""
        for logger in self._loggers:
            logger.removeFilter(self)
        self.tell()
