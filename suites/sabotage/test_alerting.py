"""Alerts that are got wrong: the suite of alerting fails, and names each of them.

The five that the platform's design asks for, each deleted, waiting for too long, reading a series
that isn't there, with a threshold that nothing crosses. And an Alertmanager that dies meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import allure
import pytest

from groundwork.base import process
from groundwork.base.errors import ExitCode, NotYetError
from groundwork.base.process import Completed
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.events import FaultLanded
from groundwork.keep.timeline import read
from suites.sabotage.injection import Edit
from suites.sabotage.saboteur import Saboteur, sabotaged
from suites.support.exposure import processes_of

FILE = "manifests/observability/rules/alerts.yaml"

# What each of the five reads, and its threshold; and one that nothing crosses that is done to it.
THRESHOLDS = {
    "ServiceDown": ("platform:up:state == 0", "platform:up:state == 10"),
    "HighErrorRate": ("service:http_errors:ratio > 0.05", "service:http_errors:ratio > 0.5"),
    "HighLatencyP95": ("_seconds:p95 > 0.5", "_seconds:p95 > 5"),
    "DiskAlmostFull": ("platform:disk_used:ratio > 0.8", "platform:disk_used:ratio > 8"),
    "MemoryAlmostFull": ("platform:memory_used:ratio > 0.9", "platform:memory_used:ratio > 9"),
}

# Until a run has come to its first cause.
MOMENT_TIMEOUT_S = 120.0


@pytest.fixture
def copy() -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    with sabotaged("local") as made:
        yield made


def alerting(copy: Saboteur, *words: str) -> Completed:
    """What the suite of alerting says in a copy."""
    done = copy.call("pytest", "suites/alerting", "-p", "no:cacheprovider", "--tb=short", *words)
    allure.attach(done.output, "output")
    return done


def block_of(text: str, alert: str) -> str:
    """The lines of a rule."""
    (found,) = re.findall(rf"      - alert: {alert}\n(?:        .*\n)+", text)
    return str(found)


def deleted(block: str) -> str:
    """Nothing of a rule."""
    del block
    return ""


def patient(block: str) -> str:
    """A rule that waits sixty times as long."""
    return block.replace("for: 1m", "for: 60m")


@pytest.mark.parametrize("change", [deleted, patient], ids=["deleted", "waits for too long"])
@pytest.mark.parametrize("alert", THRESHOLDS)
def test_what_is_seen_without_servers_starts_nothing(
    copy: Saboteur, alert: str, change: Callable[[str], str]
) -> None:
    """The run ends before anything starts, in a line that names the rule."""
    block = block_of((copy.root / FILE).read_text(), alert)
    with Edit(FILE, block, change(block)).done(copy.root):
        done = alerting(copy)
    assert done.returncode == ExitCode.USAGE, done.output
    (line,) = (each for each in done.output.splitlines() if each.startswith("ERROR: "))
    assert alert in line
    assert " ready after " not in done.output


def expect_all_unheard(done: Completed) -> None:
    """Each of the five was caused, and nobody was told of any."""
    assert done.returncode == ExitCode.TESTS_FAILED, done.output
    for alert in THRESHOLDS:
        assert re.search(rf"^FAILED .*\[{alert}\]", done.output, re.MULTILINE), alert
        told = rf"for whoever is woken to be told that .*'{alert}'.* is firing"
        assert re.search(told, done.output), alert


def edited(copy: Saboteur, change: Callable[[str, str], tuple[str, str]]) -> Completed:
    """What is said of all five, each edited."""
    with contextlib.ExitStack() as edits:
        for alert, thresholds in THRESHOLDS.items():
            edits.enter_context(Edit(FILE, *change(alert, thresholds[0])).done(copy.root))
        return alerting(copy, "-k", " or ".join(THRESHOLDS))


def test_rules_whose_series_has_another_name_wake_nobody(copy: Saboteur) -> None:
    """As where a record is renamed and not those who read it."""

    def renamed(alert: str, old: str) -> tuple[str, str]:
        del alert
        return f"{old}\n", f"{old.replace(':', ':no_', 1)}\n"

    expect_all_unheard(edited(copy, renamed))


def test_rules_whose_threshold_is_never_crossed_wake_nobody(copy: Saboteur) -> None:
    """Each is ten times what it was."""

    def raised(alert: str, old: str) -> tuple[str, str]:
        return f"{old}\n", f"{THRESHOLDS[alert][1]}\n"

    expect_all_unheard(edited(copy, raised))


class Killer(threading.Thread):
    """Kills an environment's Alertmanager once something is broken there on purpose.

    Args:
        base: The folder of the runs' state and output.
    """

    def __init__(self, base: Path) -> None:
        super().__init__(name="killer", daemon=True)
        self._base = base
        self._over = threading.Event()
        self.done = False

    def run(self) -> None:
        """In a thread."""
        wait_for(
            self._look,
            deadline=Deadline.after(MOMENT_TIMEOUT_S),
            what="a fault to land",
            cancel=self._over,
        )
        (name,) = (folder.name for folder in (self._base / "state" / "envs").iterdir())
        for resource, each in processes_of(name):
            if resource == "alertmanager":
                each.send_signal(signal.SIGKILL)
                self.done = True

    def _look(self) -> None:
        lines = (self._base / "out").glob("*/timeline.jsonl")
        if not any(isinstance(e.event, FaultLanded) for line in lines for e in read(line)):
            raise NotYetError("none has")

    def end(self) -> None:
        """Wait no more."""
        self._over.set()
        self.join()


def test_an_alertmanager_that_dies_is_named_and_nothing_is_left(copy: Saboteur) -> None:
    """In the middle of a round: the infrastructure has failed, and no alert is blamed for it."""
    killer = Killer(copy.base)
    killer.start()
    try:
        done = alerting(copy, "-k", "ServiceDown")
    finally:
        killer.end()
    assert killer.done, done.output
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert re.search(r"^E .*alertmanager.* (died|ended)", done.output, re.MULTILINE), done.output
    assert not list((copy.base / "state" / "envs").iterdir())
    assert not process.find_by_token(str(copy.base))
