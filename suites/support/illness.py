"""Illness: what makes an alert fire is done, and undone, and when is written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from fixtures.resources.patient import Patient
from groundwork.keep import timeline
from groundwork.keep.events import FaultHealed, FaultLanded
from groundwork.use.client import Handle
from suites.support.causes import Ailing, Broken, Case

__all__ = ["Illness", "ill", "visited"]

# The longest alert takes a quarter of a minute; a cause that nobody ends is over after that.
LIMIT_S = 120.0

# Visitors of the patient, each with so long between two requests: enough for a rate, also where
# each of them waits for an answer.
VISITORS = 8
VISIT_INTERVAL_S = 0.25
VISIT_TIMEOUT_S = 10.0


@dataclass
class Illness:
    """When a cause was there, and when it was gone, on the machine's monotonic clock."""

    caused_ns: int = 0
    healed_ns: int = 0


@contextmanager
def ill(
    case: Case, handles: Mapping[str, Handle], patient: Patient, timeline_file: Path
) -> Iterator[Illness]:
    """Make something ill for as long as the block runs.

    Args:
        case: What, and how.
        handles: The resources, by name.
        patient: Who may ail.
        timeline_file: Where the keeper writes down when a fault has landed, and was healed.
    """
    found = Illness()
    cause = case.cause
    if isinstance(cause, Broken):
        broken = handles[cause.resource].fault(
            cause.fault, cause.target, limit_s=LIMIT_S, **cause.parameters
        )
        with broken as opened:
            fault = opened.told.id
            found.caused_ns = moment_of(timeline_file, FaultLanded, fault)
            yield found
        found.healed_ns = moment_of(timeline_file, FaultHealed, fault)
        return
    with ailing(patient, cause):
        found.caused_ns = time.monotonic_ns()
        yield found
    found.healed_ns = time.monotonic_ns()


@contextmanager
def ailing(patient: Patient, cause: Ailing) -> Iterator[None]:
    """Have the patient suffer."""
    doors = {"fail": patient.failing, "slow": patient.slow, "eat": patient.eating}
    with doors[cause.ailment](cause.amount, LIMIT_S):
        yield


def moment_of(file: Path, kind: type[FaultLanded | FaultHealed], fault: str) -> int:
    """When a fault has landed, or was healed, by the keeper's own stamp."""
    for each in timeline.read(file):
        event = each.event
        named = isinstance(event, FaultLanded | FaultHealed) and event.id == fault
        if named and isinstance(event, kind):
            return each.t_ns
    raise LookupError(f"{fault} isn't on {file}")


@contextmanager
def visited(url: str) -> Iterator[None]:
    """Have somebody ask a service all the time, whatever it answers."""
    over = threading.Event()

    def visit() -> None:
        with requests.Session() as session:
            while not over.wait(VISIT_INTERVAL_S):
                try:
                    session.get(url, timeout=VISIT_TIMEOUT_S)
                except requests.RequestException:
                    continue  # it is ill

    visitors = [threading.Thread(target=visit, daemon=True) for _ in range(VISITORS)]
    for each in visitors:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in visitors:
            each.join(VISIT_TIMEOUT_S)
