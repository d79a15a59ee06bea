"""Tests of the pond; what they do besides is chosen by environment variables."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
import requests

from groundwork.use.client import Handle


@pytest.mark.parametrize("number", range(4))
def test_mill(mill: Handle, number: int) -> None:
    """The mill answers."""
    assert requests.get(mill.endpoint(), timeout=5).text == "pond 1.0", number


def test_spring(spring: Handle) -> None:
    """The spring answers, and what a test records is on the timeline."""
    assert requests.get(spring.endpoint(), timeout=5).text == "pond 1.0"
    spring.client.record("splash", height_m=2)


def test_plan(spring: Handle) -> None:
    """Whatever the outer test wants to see."""
    plan = os.environ.get("POND_PLAN", "")
    if plan == "fail":
        raise AssertionError("wanted")
    if plan == "crash" and os.environ["PYTEST_XDIST_WORKER"] in {"gw0", "gw1"}:
        os.kill(os.getpid(), signal.SIGKILL)
    if plan == "wait":
        (Path(os.environ["POND"]) / "waiting").touch()
        threading.Event().wait(60)
    if plan.startswith("ledger "):
        (ledger,) = Path(os.environ["GROUNDWORK_STATE_DIR"]).glob("envs/*/ledger.jsonl")
        vandalise(ledger, plan.removeprefix("ledger "))
    if plan == "exit":
        requests.get(spring.endpoint() + "/exit", timeout=5)


def vandalise(ledger: Path, how: str) -> None:
    """Do to a ledger what a careless user does."""
    if how == "removed":
        ledger.unlink()
    elif how == "removed with its folder":
        shutil.rmtree(ledger.parent)
    elif how == "replaced":
        copy = ledger.with_name("copy")
        copy.write_bytes(ledger.read_bytes())
        copy.replace(ledger)
    elif how == "written to":
        with ledger.open("a") as file:
            file.write("{}\n")
    elif how == "cut short":
        os.truncate(ledger, 10)


@pytest.mark.disturbs("spring")
def test_kill(spring: Handle) -> None:
    """A killed spring refuses; it is revived and healthy before others may use it."""
    with spring.fault("kill"), pytest.raises(requests.ConnectionError):
        requests.get(spring.endpoint(), timeout=5)


def test_spring_after_that(spring: Handle) -> None:
    """Whoever comes after a disturbance meets a healthy spring, or is told that it isn't.

    Its description is what it was.
    """
    assert requests.get(spring.endpoint(), timeout=5).text == "pond 1.0"
    assert spring.client.status().resources[0] == spring.description
