"""The watch of a load: who is gone for good, who isn't, and that nobody waits for the dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from fixtures.scratch import ScratchTopic
from groundwork.base.errors import (
    CancelledError,
    GroundworkError,
    NotYetError,
    ResourceDiedError,
    UsageError,
)
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client
from groundwork.use.kept import kept_environments
from load.desk import GONE
from load.reader import read_back
from load.settings import LoadSettings
from load.watch import LOOK_INTERVAL_S, Watch, watched
from suites.support.pond import Pond
from suites.support.ports import free_port

# A look comes twice a second.
SEEN_TIMEOUT_S = 20.0

# Of what would be waited for for twenty seconds or more: two are the longest look, and a busy
# machine has its time.
HEARD_WITHIN_S = 15.0

DEAD = "spring: process spring ended with exit code 3 during the run"


@pytest.fixture
def client(pond: Pond) -> Iterator[Client]:
    """One of the keeper of a spring and a mill, which needs it."""
    up = pond.groundwork("up")
    assert up.returncode == 0, up.output
    (kept,) = kept_environments(pond.state_dir)
    with closing(Client(kept.socket, ClientHello())) as made:
        yield made
    pond.groundwork("down")
    assert pond.leftovers() == []


def end_spring(address: str) -> None:
    """Have it end by itself."""
    with suppress(requests.ConnectionError):
        requests.get(f"{address}/exit", timeout=5)


def await_gone(watch: Watch) -> None:
    """Wait until it is seen."""

    def look() -> None:
        if not watch.gone.is_set():
            raise NotYetError("nobody has seen it")

    wait_for(look, deadline=Deadline.after(SEEN_TIMEOUT_S), what="a death to be seen")


def told_by(block: Callable[[], None]) -> tuple[type[GroundworkError], str, str]:
    """The class of what a block raises, its text and its cause's.

    Nothing else is kept of it: its frames have the client, whose end would come late.
    """
    try:
        block()
    except GroundworkError as error:
        return type(error), str(error), str(error.__cause__)
    raise AssertionError("it raises nothing")


def test_who_ends_by_itself_is_gone_and_who_is_broken_isnt(client: Client, tmp_path: Path) -> None:
    """A fault's victim is healed. What dies without one is told in a line, also of a need."""
    with watched(client, ["mill"], tmp_path) as watch:
        with client.fault("spring", "kill"):
            assert not watch.gone.wait(3 * LOOK_INTERVAL_S), watch.error
        assert not watch.gone.wait(2 * LOOK_INTERVAL_S), watch.error
        assert not (tmp_path / GONE).exists()
        end_spring(client.await_ready("spring").endpoint())
        await_gone(watch)
    assert f"{watch.error}" == DEAD
    assert (tmp_path / GONE).read_text() == f"{DEAD}\n"

    def begin() -> None:
        with watched(client, ["mill"], tmp_path):
            pytest.fail("nothing begins without it")

    assert told_by(begin) == (ResourceDiedError, DEAD, "None")


def test_what_fails_for_it_is_told_by_it_and_what_fails_otherwise_isnt(
    client: Client, tmp_path: Path
) -> None:
    """Whoever notices may be sooner than the next look; what was left of a load before is none."""
    (tmp_path / GONE).write_text("somebody, yesterday\n")

    def mistype() -> None:
        with watched(client, ["spring"], tmp_path):
            assert not (tmp_path / GONE).exists()
            raise UsageError("a typo")

    def ask_the_dead() -> None:
        with watched(client, ["spring"], tmp_path):
            end_spring(client.await_ready("spring").endpoint())
            raise GroundworkError("nobody has answered")

    assert told_by(mistype) == (UsageError, "a typo", "None")
    assert told_by(ask_the_dead) == (ResourceDiedError, DEAD, "nobody has answered")


WAITS: tuple[Callable[[str, threading.Event], object], ...] = (
    lambda at, cancel: ScratchTopic(at, "t", [[1]]).make(cancel),
    lambda at, cancel: ScratchTopic(at, "t", [[1]]).remove(cancel),
    lambda at, cancel: ScratchTopic(at, "t", [[1]]).watermarks(cancel),
    lambda at, cancel: read_back(
        LoadSettings.of({"bootstrap": at, "topic": "t"}), {0: (0, 10)}, cancel
    ),
)


@pytest.mark.parametrize("wait", WAITS, ids=["make", "remove", "watermarks", "read back"])
def test_nobody_waits_for_a_broker_that_is_gone(
    wait: Callable[[str, threading.Event], object],
) -> None:
    """Where nobody listens any more; it is told soon after waiting has begun."""
    cancel = threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    began_s = time.monotonic()
    with pytest.raises(CancelledError):
        wait(f"127.0.0.1:{free_port()}", cancel)
    assert 0.4 < time.monotonic() - began_s < HEARD_WITHIN_S
    timer.join()
