"""Whoever is killed in the middle of a fault, of every kind that processes bear: it is healed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from groundwork.base import ledger, process
from groundwork.base.errors import NotYetError
from groundwork.base.process import Child, Identity
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.capability import FAULTS, ProcessFaults
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client
from suites.selftest.conftest import dug
from suites.support.pond import RUN_TIMEOUT_S, Pond
from suites.support.wellness import HEALTHY_TIMEOUT_S, open_faults, well

BEARING = ProcessFaults()
KINDS = tuple(
    each.name
    for each in FAULTS
    if isinstance(BEARING, each.capability) and BEARING.bears(each.name)
)

CHECK = '''
"""A test that breaks the spring, and stays in the middle of that."""

import os
import threading
from pathlib import Path

import pytest


@pytest.mark.disturbs("spring")
def test_middle(spring):
    """It tells that it has come so far."""
    with spring.fault(os.environ["POND_FAULT"]):
        (Path(os.environ["POND"]) / "middle").touch()
        threading.Event().wait(60)
'''


@pytest.fixture(scope="module")
def broken() -> Iterator[Pond]:
    """A kept environment that is broken in one way after the other."""
    with dug() as project:
        up = project.groundwork("up")
        assert up.returncode == 0, up.output
        yield project
        down = project.groundwork("down")
        assert down.returncode == 0, down.output
        assert project.leftovers() == []


def in_the_middle(pond: Pond, fault: str) -> Child:
    """A run that adopts what is kept, and has broken it."""
    (pond.root / "check_middle.py").write_text(CHECK)
    middle = pond.root / "middle"
    middle.unlink(missing_ok=True)
    child = process.spawn(
        [sys.executable, "-m", "pytest", "check_middle.py", "-q"],
        env=pond.environment({"POND_FAULT": fault}),
        log=pond.root / "run.log",
        cwd=pond.root,
    )

    def look() -> None:
        if not middle.exists():
            raise NotYetError((pond.root / "run.log").read_text())

    wait_for(look, deadline=Deadline.after(RUN_TIMEOUT_S), what="the middle of a fault")
    return child


def keeper_of(pond: Pond) -> Identity:
    """The keeper of an environment that is in the middle of a fault, by its own record."""
    (folder,) = ledger.environments(pond.state_dir)
    assert len(open_faults(folder)) == 1
    opened = next(record for record in ledger.read(folder) if record.step == "open")
    with closing(Client(Path(opened.data["socket"]), ClientHello())) as client:
        return client.status().keeper


def expect_well(pond: Pond) -> None:
    """All is healthy in time, and answers."""
    with well(pond.state_dir) as (client, deadline):
        for each in client.status().resources:
            answer = requests.get(each.endpoint(), timeout=max(deadline.left_s(), 0.1))
            assert answer.text == "pond 1.0"


@pytest.mark.parametrize("fault", KINDS)
def test_the_run_is_killed_in_the_middle(broken: Pond, fault: str) -> None:
    """The keeper heals what it has broken: who comes next finds all of it well, within seconds."""
    run = in_the_middle(broken, fault)
    keeper = keeper_of(broken)
    run.kill()
    expect_well(broken)
    assert keeper.alive()


@pytest.mark.parametrize("kept", [False, True], ids=["its own", "kept"])
@pytest.mark.parametrize("fault", KINDS)
def test_the_run_and_the_keeper_are_killed_in_the_middle(
    pond: Pond, fault: str, *, kept: bool
) -> None:
    """Nobody is left who could heal: the next start removes what is broken, and is well.

    What was to be kept waits for whoever ends it.
    """
    if kept:
        assert pond.groundwork("up").returncode == 0
    run = in_the_middle(pond, fault)
    keeper = keeper_of(pond)
    process.send(keeper, signal.SIGKILL)
    run.kill()
    process.await_end([keeper], timeout_s=HEALTHY_TIMEOUT_S, what="the keeper to be dead")
    left = pond.leftovers()
    following = pond.groundwork("down") if kept else pond.pytest("-k", "spring")
    assert left != []
    assert following.returncode == 0, following.output
    assert "removed " in following.output
    pond.await_nothing_left(HEALTHY_TIMEOUT_S)
