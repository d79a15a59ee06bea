"""The usage of processors: of a load's own threads, and of whom it is offered to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from groundwork.base.process import waited_for_s

__all__ = ["CLIENT", "GENERATOR", "Usage"]

# This process' first thread makes the messages; the client's library has threads of its own.
GENERATOR, CLIENT = "generator", "client"

MB = 1_000_000


class Usage:
    """Looks how much processor time was used since the last look.

    Args:
        others: Processes, by what they are called; what ends is counted no more.

    Attributes:
        waited: The share of a processor that the generator waited for, between the last two looks;
            0 where nobody tells.
    """

    def __init__(self, others: Mapping[str, Iterable[int]]) -> None:
        self._own = psutil.Process()
        self._main = threading.main_thread().native_id
        self._thread = Path(f"/proc/self/task/{self._main}")
        self._others = {name: [process_of(pid) for pid in pids] for name, pids in others.items()}
        self._at_s, self._used_s = time.monotonic(), self._cumulative_s()
        self.waited, self._waited_s = 0.0, waited_for_s(self._thread)

    def look(self) -> dict[str, float]:
        """The share of one processor that each used since the last look: 1.5 for one and a half."""
        now_s, used_s = time.monotonic(), self._cumulative_s()
        passed_s = max(now_s - self._at_s, 1e-9)
        found = {
            name: max(0.0, used_s[name] - self._used_s.get(name, 0.0)) / passed_s for name in used_s
        }
        self._at_s, self._used_s = now_s, used_s
        waited_s = waited_for_s(self._thread)
        self.waited, self._waited_s = (waited_s - self._waited_s) / passed_s, waited_s
        return found

    def resident_mb(self) -> float:
        """The resident memory of this process."""
        return float(self._own.memory_info().rss) / MB

    def _cumulative_s(self) -> dict[str, float]:
        found = {GENERATOR: 0.0, CLIENT: 0.0}
        for thread in self._own.threads():
            name = GENERATOR if thread.id == self._main else CLIENT
            found[name] += thread.user_time + thread.system_time
        for name, processes in self._others.items():
            found[name] = sum(cpu_s(each) for each in processes if each is not None)
        return found


def process_of(pid: int) -> psutil.Process | None:
    """A process; None where it has gone."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def cpu_s(process: psutil.Process) -> float:
    """What a process has used so far, in seconds; nothing where it has gone."""
    try:
        used = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(used.user + used.system)
