"""Leaving: a keeper that has ended its run may be gone before its answer is read."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from groundwork.declare.environment import Declared
from groundwork.declare.settings import Settings
from groundwork.keep.events import Event, Ready, RunEnded
from groundwork.use.client import Client
from groundwork.use.run import Lost, Run

RUN = "20260101-000000-0001"


class Told:
    """What a connection still holds when its other side is gone."""

    def __init__(self, *events: Event) -> None:
        self._events = list(events)

    def receive(self) -> Event | None:
        """The next event; None at the end."""
        return self._events.pop(0) if self._events else None


@pytest.mark.parametrize(
    ("last", "lost"),
    [(RunEnded(RUN), False), (RunEnded("another"), True), (Ready("mill", "1", 0.1), True)],
)
def test_whose_run_has_ended_is_not_missed(tmp_path: Path, last: Event, *, lost: bool) -> None:
    """The end of the connection is its death only where the run's own end wasn't told before."""
    heard: list[object] = []
    settings = Settings.load({"env": "local", "state_dir": str(tmp_path)}, tmp_path)
    # Nothing is asked of a declaration where only the end is followed.
    run = Run(cast("Declared", None), settings, RUN, tmp_path, heard.append)
    run.follow(cast("Client", Told(last)))
    assert heard[0] == last
    assert [type(each) for each in heard[1:]] == ([Lost] if lost else [])
    assert (run.lost is not None) is lost
