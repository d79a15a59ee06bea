"""Stages: what a resource starts is on record, and nothing starts once it is being stopped."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundwork.base import process
from groundwork.base.errors import CancelledError
from groundwork.base.ledger import Ledger, Record
from groundwork.declare.stage import Stage
from suites.support.pond import stage_of

# A stop that doesn't wait for a start under way is over long before.
HEAD_START_S = 0.5


class Watched(Ledger):
    """A ledger that calls ``on_append`` after each transition."""

    on_append: Callable[[Record], None] | None = None

    def append(self, record: Record) -> None:
        """Write it, and tell."""
        super().append(record)
        if self.on_append is not None:
            self.on_append(record)


@pytest.fixture
def ledger(tmp_path: Path) -> Watched:
    """The ledger of an environment of the test's own."""
    return Watched.create(tmp_path / f"env-{os.getpid()}")


@pytest.fixture
def stage(ledger: Watched) -> Iterator[Stage]:
    """The stage of a resource of that environment; what a failed test leaves of it is ended."""
    made = stage_of(ledger, "pump")
    yield made
    process.end(process.find_by_token(f"{made.token}:"), grace_s=0)


SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_start_under_way_is_waited_for_by_a_stop(stage: Stage, ledger: Watched) -> None:
    """A fault is being healed in the moment in which its run dies: the process would stay."""
    stage.spawn(SLEEP)
    stage.kill()
    stopping = threading.Thread(target=stage.stop, args=(0,))

    def stop_meanwhile(record: Record) -> None:
        if record.step == "intent":
            stopping.start()
            stopping.join(timeout=HEAD_START_S)

    ledger.on_append = stop_meanwhile
    stage.revive()
    stopping.join()
    assert process.find_by_token(f"{stage.token}:") == ()
    assert stage.identities() == ()


def test_nothing_starts_after_a_stop(stage: Stage) -> None:
    """Whoever heals too late is told so, and the ledger has no intent of it."""
    stage.spawn(SLEEP)
    stage.stop(grace_s=0)
    with pytest.raises(CancelledError, match="pump is being stopped"):
        stage.revive()
    assert process.find_by_token(f"{stage.token}:") == ()
