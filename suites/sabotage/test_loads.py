"""Loads whose broker dies for good: they end at once, and nobody takes them for a measurement."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import allure
import pytest

from groundwork.base import process
from groundwork.base.errors import ExitCode
from groundwork.base.process import Completed
from groundwork.keep import timeline
from groundwork.keep.events import Died, JobEnded, JobStarted
from load.conclusion import Conclusion, read
from load.desk import PROGRESS
from suites.sabotage.saboteur import Saboteur, sabotaged
from suites.support.exposure import processes_of
from suites.support.meanwhile import await_told, meanwhile

SECOND_NS = 1_000_000_000

# Until a load has come to its second second: its environment starts first.
MOMENT_TIMEOUT_S = 120.0

# From the broker's death to the end of the job. It was seen to take three; deliveries alone would
# be waited for for sixty.
OVER_WITHIN_S = 15.0

# Far longer than it lives.
ASKED = ("--load-duration-s", "60", "--load-rate-per-s", "500", "--load-workers", "2")

GONE = "broker: process broker-1 ended with exit code -9 during the run"


@pytest.fixture
def copy() -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    with sabotaged("local") as made:
        yield made


def offered(copy: Saboteur) -> Completed:
    """What the suite of load says in a copy, which keeps its environment."""
    words = ("suites/load/test_load.py", "-p", "no:cacheprovider", "--tb=short", "--keep-env")
    done = copy.call("pytest", *words, *ASKED)
    allure.attach(done.output, "output")
    return done


def environment_of(copy: Saboteur) -> str:
    """The name of the only environment."""
    (folder,) = (copy.base / "state" / "envs").iterdir()
    return folder.name


def kill_broker(copy: Saboteur, over: threading.Event) -> None:
    """Once a load has been measured for two seconds."""
    out = copy.base / "out"
    files = f"*/load/offered/{PROGRESS}"
    await_told(lambda: out.glob(files), "load: 2 s:", over, MOMENT_TIMEOUT_S)
    for resource, each in processes_of(environment_of(copy)):
        if resource == "broker":
            each.send_signal(signal.SIGKILL)


def expect_invalid(found: Conclusion) -> None:
    """Its conclusion blames nobody else, and its account has every message."""
    said = "\n".join(found.lines())
    assert found.outcome == "invalid", said
    assert found.reasons[0] == f"{GONE}: it is gone, and the load ended with it", said
    assert "bottleneck" not in said
    found.account.expect_balanced()
    assert found.account.acknowledged, said
    assert found.account.unknown, said
    assert not found.account.failed, "what nobody has answered may be there"


def expect_over_soon(run: Path) -> None:
    """The job has ended soon after the broker."""
    (died_ns,) = (
        e.t_ns for e in timeline.read(run / "timeline.jsonl") if isinstance(e.event, Died)
    )
    (ended_ns,) = (
        e.t_ns for e in timeline.read(run / "timeline.jsonl") if isinstance(e.event, JobEnded)
    )
    assert 0 < (ended_ns - died_ns) / SECOND_NS < OVER_WITHIN_S


def expect_told(copy: Saboteur, done: Completed) -> None:
    """It is the infrastructure's failure, in one line that names the broker; nothing goes on."""
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert done.output.count(f"\n{GONE}\n") == 1, done.output
    assert f"infrastructure failure: {GONE}" in done.output
    assert not process.find_by_token(f"{environment_of(copy)}:job:"), "a part of the load runs"


def test_a_load_ends_with_its_broker_and_without_one_none_begins(copy: Saboteur) -> None:
    """Two workers are in the middle of one; the next run adopts what is left of it."""
    with meanwhile(lambda over: kill_broker(copy, over)):
        done = offered(copy)
    copy.begun.append(environment_of(copy))
    expect_told(copy, done)
    run = (copy.base / "out" / "latest").resolve()
    expect_invalid(read(run / "load" / "offered"))
    expect_over_soon(run)
    again = offered(copy)
    expect_told(copy, again)
    assert "adopted environment" in again.output
    events = timeline.read((copy.base / "out" / "latest").resolve() / "timeline.jsonl")
    assert not any(isinstance(each.event, JobStarted) for each in events), again.output
