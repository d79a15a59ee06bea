"""Greedy: processes that take what another one needs, on one processor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from groundwork.base import process
from groundwork.use.client import Client

__all__ = ["generator_of", "greedy", "kept_on"]

# What takes all of a processor that it gets.
GREEDY = "while True: pass"

# So many leave a thirteenth of it to whom they take it from.
GREEDY_COUNT = 12


def generator_of(client: Client) -> int:
    """The process that makes a load's messages."""
    environment = client.status().folder.name
    for identity in process.find_by_token(f"{environment}:"):
        if "locust" in process.argv_of(identity):
            return identity.pid
    raise AssertionError("there is no generator")


def threads_of(pid: int) -> list[int]:
    """The threads of a process, as the kernel numbers them."""
    return [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]


@contextmanager
def kept_on(pid: int, processors: set[int], *, whole: bool = True) -> Iterator[None]:
    """Keep a process on some processors for as long as the block runs.

    Args:
        pid: Which process.
        processors: By number.
        whole: All of its threads, or the first one alone.
    """
    before = os.sched_getaffinity(pid)

    def keep(numbers: set[int]) -> None:
        for each in threads_of(pid) if whole else [pid]:
            with contextlib.suppress(OSError):  # it has just ended
                os.sched_setaffinity(each, numbers)

    keep(processors)
    try:
        yield
    finally:
        if psutil.pid_exists(pid):
            keep(before)


@contextmanager
def greedy(pid: int, *, whole: bool, many: int = GREEDY_COUNT) -> Iterator[int]:
    """Have others want the one processor that a process is kept on, for as long as the block runs.

    Args:
        pid: Which process.
        whole: Whether all of its threads are kept there; or the first one, which makes messages.
        many: How many others.

    Yields:
        The processor.
    """
    processor = min(os.sched_getaffinity(pid))
    with kept_on(pid, {processor}, whole=whole):
        children = [
            process.spawn(
                ["python3", "-c", GREEDY],
                env=dict(os.environ),
                cwd=Path.cwd(),
                log=Path(os.devnull),
            )
            for _ in range(many)
        ]
        try:
            for child in children:
                psutil.Process(child.pid).cpu_affinity([processor])
            yield processor
        finally:
            for child in children:
                child.kill()
                child.wait()
