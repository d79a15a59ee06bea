"""The midst of a fault: a run that has adopted what is kept is brought there, to be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from groundwork.base import ledger
from groundwork.base.errors import NotYetError
from groundwork.base.process import Identity
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client
from suites.support.middles import KINDS, MARK
from suites.support.scene import Scene, options_of, scene_of

__all__ = ["START_TIMEOUT_S", "begin", "folder_of", "keeper_of", "kept_scene"]

# Several times what a start takes, on a machine under load.
START_TIMEOUT_S = 300.0


@contextmanager
def kept_scene(config: pytest.Config, *, engine: bool) -> Iterator[Scene]:
    """A kept environment, to be broken in one way after the other; gone at the end.

    Args:
        config: The run's, whose options it has.
        engine: Whether it is made by a container engine.
    """
    with scene_of(options_of(config), engine=engine) as made:
        made.call("groundwork", "up", timeout_s=START_TIMEOUT_S)
        yield made
        made.call("groundwork", "down", timeout_s=START_TIMEOUT_S)


def begin(scene: Scene, monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    """Begin a run that breaks what it is told, and stays so; it is in the middle then."""
    mark = scene.base / "middle"
    mark.unlink(missing_ok=True)
    monkeypatch.setenv(KINDS, ",".join(kinds))
    monkeypatch.setenv(MARK, str(mark))
    run = scene.start("pytest", "suites/crash/middle.py", "-p", "no:cacheprovider")

    def look() -> None:
        assert run.poll() is None, scene.log()
        if not mark.exists():
            raise NotYetError(scene.log())

    wait_for(look, deadline=Deadline.after(START_TIMEOUT_S), what="the middle of a fault")


def folder_of(scene: Scene) -> Path:
    """The environment that there is."""
    (folder,) = ledger.environments(scene.scope.state_dir)
    return folder


def keeper_of(folder: Path) -> Identity:
    """The keeper of an environment."""
    opened = next(record for record in ledger.read(folder) if record.step == "open")
    with closing(Client(Path(opened.data["socket"]), ClientHello())) as client:
        return client.status().keeper
