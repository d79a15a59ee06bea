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
from groundwork.checkers.archive import write
from groundwork.checkers.delivery import check
from groundwork.checkers.history import Phase
from groundwork.checkers.verdict import Verdict
from groundwork.use.client import Handle

# Long enough for some thousand records at the rate of the workload.
STEADY_S = 6.0
FAULT_S = 5.0
RECOVERY_S = 15.0

RATE = 1_500.0


class Phases:
    """The phases of a run, as they follow each other."""

    def __init__(self) -> None:
        self.all: list[Phase] = []

    @contextlib.contextmanager
    def phase(self, name: str, *, progress: bool = True, network: bool = False) -> Iterator[None]:
        """One of them."""
        begin_ns = time.monotonic_ns()
        with allure.step(name):
            yield
        self.all.append(Phase(name, begin_ns, time.monotonic_ns(), progress, network))


def run(broken: Handle, fault: str, bootstrap: str, out_dir: Path) -> Verdict:
    """Have clients at work, break something under them, and judge what they saw."""
    nodes = len(bootstrap.split(","))
    settings = WorkloadSettings(bootstrap, copies=nodes, copies_min=min(nodes, 2), rate=RATE)
    workload = Workload(settings)
    phases, pause = Phases(), threading.Event()
    workload.start()
    try:
        with phases.phase("steady"):
            pause.wait(STEADY_S)
        with (
            phases.phase("fault", progress=False, network=fault == "isolate"),
            broken.fault(fault, limit_s=60),
        ):
            pause.wait(FAULT_S)
        with phases.phase("recovery"):
            pause.wait(RECOVERY_S)
    finally:
        history = workload.stop(phases.all)
    write(history, out_dir)
    workload.topic.remove()
    return check(history)


@pytest.mark.parametrize(
    ("fault", "through"),
    [
        pytest.param("kill", "broker", marks=pytest.mark.disturbs("broker", limit_s=300)),
        pytest.param("pause", "broker", marks=pytest.mark.disturbs("broker", limit_s=300)),
        pytest.param("isolate", "relay", marks=pytest.mark.disturbs("relay", limit_s=300)),
    ],
)
def test_nothing_acknowledged_is_lost(
    broker: Handle, relay: Handle, fault: str, through: str, tmp_path: Path
) -> None:
    """Under load, while the broker is killed, stopped, or cut off from its clients."""
    broken = relay if through == "relay" else broker
    verdict = run(broken, fault, broken.endpoint("kafka"), tmp_path)
    for found in verdict.findings:
        text = "\n".join(example.text for example in found.examples)
        allure.attach(text, f"{found.anomaly}: {found.count}")
    assert [(each.anomaly, each.count) for each in verdict.findings] == []
    assert verdict.doubts == ()
    assert verdict.judgement == "valid"
