"""Delivery: what was acknowledged is there, once and in order, whatever was done to the broker."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import allure
import pytest

from chaos.workload import Workload, WorkloadSettings
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.archive import write
from groundwork.checkers.delivery import check
from groundwork.checkers.history import History, Phase
from groundwork.checkers.verdict import Verdict
from groundwork.use.client import Handle
from reports.pictures import draw
from reports.verdict import told

# A phase that promises progress lasts until so many more records are acknowledged, and so long.
PROGRESS = 3_000
STEADY_S = 6.0
FAULT_S = 5.0
RECOVERY_S = 12.0
PROGRESS_TIMEOUT_S = 90.0

RATE = 1_500.0


class Course:
    """A workload under way, and the phases that it has gone through."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.phases: list[Phase] = []
        self._pause = threading.Event()

    @contextlib.contextmanager
    def phase(self, name: str, *, progress: bool = True, network: bool = False) -> Iterator[None]:
        """One of them."""
        begin_ns = time.monotonic_ns()
        with allure.step(name):
            yield
        self.phases.append(Phase(name, begin_ns, time.monotonic_ns(), progress, network))

    def get_on(self, seconds: float) -> None:
        """Let it go on for so long, and until it has got on."""
        goal = self.workload.recorder.acknowledged() + PROGRESS
        self.wait(seconds)

        def look() -> None:
            if (now := self.workload.recorder.acknowledged()) < goal:
                raise NotYetError(f"{now} of {goal}")

        wait_for(look, deadline=Deadline.after(PROGRESS_TIMEOUT_S), what="acknowledgements")

    def wait(self, seconds: float) -> None:
        """Let it go on for so long."""
        self._pause.wait(seconds)


def run(broken: Handle, fault: str, bootstrap: str) -> History:
    """Have clients at work, and break something under them; what they saw."""
    nodes = len(bootstrap.split(","))
    settings = WorkloadSettings(bootstrap, copies=nodes, copies_min=min(nodes, 2), rate=RATE)
    workload = Workload(settings)
    course = Course(workload)
    workload.start()
    try:
        with course.phase("steady"):
            course.get_on(STEADY_S)
        with (
            broken.fault(fault, limit_s=60),
            course.phase(fault, progress=False, network=fault == "isolate"),
        ):
            course.wait(FAULT_S)
        with course.phase("recovery"):
            course.get_on(RECOVERY_S)
    finally:
        history = workload.stop(course.phases)
    workload.topic.remove()
    return history


def folder_of(handle: Handle, name: str) -> Path:
    """A folder in the run's output, beside its timeline."""
    out_dir = handle.client.status().out_dir
    assert out_dir is not None
    folder = out_dir / "histories" / name
    folder.mkdir(parents=True)
    return folder


def report(history: History, verdict: Verdict, title: str, folder: Path) -> None:
    """Put into the report what a reviewer decides from: verdict, recovery, picture."""
    write(history, folder)
    allure.attach("\n".join(told(history, verdict)), "verdict")
    for found in verdict.findings:
        text = "\n".join(example.text for example in found.examples)
        allure.attach(text, f"{found.anomaly}: {found.count}")
    png, svg = draw(history, title, folder)
    allure.attach.file(str(png), "what clients saw", allure.attachment_type.PNG)
    allure.attach.file(str(svg), "what clients saw, as SVG", allure.attachment_type.SVG)


@pytest.mark.parametrize(
    ("fault", "through"),
    [
        pytest.param("kill", "broker", marks=pytest.mark.disturbs("broker", limit_s=300)),
        pytest.param("pause", "broker", marks=pytest.mark.disturbs("broker", limit_s=300)),
        pytest.param("isolate", "relay", marks=pytest.mark.disturbs("relay", limit_s=300)),
    ],
)
def test_nothing_acknowledged_is_lost(
    broker: Handle, relay: Handle, fault: str, through: str
) -> None:
    """Under load, while the broker is killed, stopped, or cut off from its clients."""
    broken = relay if through == "relay" else broker
    history = run(broken, fault, broken.endpoint("kafka"))
    verdict = check(history)
    folder = folder_of(broker, f"{fault}-{through}")
    report(history, verdict, f"{fault} of the {through}: {verdict.judgement}", folder)
    assert [(each.anomaly, each.count) for each in verdict.findings] == []
    assert verdict.doubts == ()
    assert verdict.judgement == "valid"
