"""Illness: what makes an alert fire is done, and undone, and when is written down."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from fixtures.resources.patient import Patient
from fixtures.resources.receiver import Receiver
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import GroundworkError
from groundwork.keep.events import FaultHealed, FaultLanded
from groundwork.use.client import Client, Handle
from suites.support.causes import FOLLOWER, Ailing, Asked, Broken, Cause, Outdated
from suites.support.metrics import samples_of
from suites.support.otlp import send_line
from suites.support.stamps import stamp_of

__all__ = ["Illness", "Ward", "follower_of", "visited"]

# The longest alert takes a quarter of a minute, or is waited for a minute longer; a cause that
# nobody ends is over after that.
LIMIT_S = 150.0

# Visitors of the patient, each with so long between two requests: enough for a rate, also where
# each of them waits for an answer.
VISITORS = 8
VISIT_INTERVAL_S = 0.25
VISIT_TIMEOUT_S = 10.0

# Enough for a group to be 100 behind in a second.
POST_INTERVAL_S = 0.05

# What a node of the broker tells of itself: 1 for the one that leads the others.
CONTROLLER = "kafka_controller_kafkacontroller_activecontrollercount"


DAY_NS = 24 * 3600 * 1_000_000_000


@dataclass
class Illness:
    """When a cause was there, and when it was gone, on the machine's monotonic clock."""

    caused_ns: int = 0
    healed_ns: int = 0


@dataclass(frozen=True)
class Ward:
    """Where things are made ill.

    Attributes:
        client: Of the keeper.
        patient: Who may ail.
        receiver: Whom an alert is asked of that is of nothing wrong.
        timeline_file: Where the keeper writes down when a fault has landed, and was healed.
        first: What the first node of a broker is counted from: 1 for processes, 0 for pods.
    """

    client: Client
    patient: Patient
    receiver: Receiver
    timeline_file: Path
    first: int

    @contextmanager
    def ill(self, cause: Cause) -> Iterator[Illness]:
        """Have something ill for as long as the block runs."""
        found = Illness()
        if isinstance(cause, Broken):
            handle = self.client.await_ready(cause.resource)
            node = follower_of(handle) if cause.target == FOLLOWER else 0
            target = f"{handle.name}-{node - 1 + self.first}" if node else cause.target
            fault = handle.fault(cause.fault, target, limit_s=LIMIT_S, **cause.parameters)
            with self._surroundings(cause, handle, node):
                with fault as opened:
                    found.caused_ns = stamp_of(self.timeline_file, FaultLanded, opened.told.id)
                    yield found
                found.healed_ns = stamp_of(self.timeline_file, FaultHealed, opened.told.id)
            return
        with self._asked(cause):
            found.caused_ns = time.monotonic_ns()
            yield found
        found.healed_ns = time.monotonic_ns()

    @contextmanager
    def _surroundings(self, cause: Broken, broker: Handle, node: int) -> Iterator[None]:
        """Have what there is to be beside a fault, from before it until after it."""
        with ExitStack() as stack:
            if cause.single_copy:
                stack.enter_context(single_copy(broker.endpoint("kafka"), node))
            if cause.posts:
                stack.enter_context(visited(f"{self.patient.url}/messages", post=True))
            yield

    @contextmanager
    def _asked(self, cause: Ailing | Asked | Outdated) -> Iterator[None]:
        """Have the patient suffer, lines arrive late, or an alert raised of nothing."""
        if isinstance(cause, Outdated):
            otlp = self.client.await_ready(cause.disturbed).endpoint("otlp")
            age_ns = round(cause.outdated_days * DAY_NS)

            def send() -> None:
                send_line(otlp, "late", time.time_ns() - age_ns, uuid.uuid4().hex)

            with repeated(send):
                yield
            return
        if isinstance(cause, Asked):
            with self.receiver.prove(uuid.uuid4().hex, [cause.level]):
                yield
            return
        patient = self.patient
        doors = {"fail": patient.failing, "slow": patient.slow, "eat": patient.eating}
        with doors[cause.ailment](cause.amount, LIMIT_S):
            yield


@contextmanager
def repeated(act: Callable[[], object]) -> Iterator[None]:
    """Have something done again and again, begun with once."""
    over = threading.Event()
    act()

    def go_on() -> None:
        while not over.wait(POST_INTERVAL_S):
            act()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(VISIT_TIMEOUT_S)


def follower_of(broker: Handle) -> int:
    """The number of the last node, from 1, that doesn't lead the others."""
    found = 0
    for name in sorted(broker.description.endpoints):
        if name.startswith("metrics-"):
            leads = any(each.value for each in samples_of(broker.endpoint(name), CONTROLLER))
            found = found if leads else int(name.removeprefix("metrics-"))
    if not found:
        raise GroundworkError(f"{broker.name} has no node that follows another")
    return found


@contextmanager
def single_copy(bootstrap: str, node: int) -> Iterator[None]:
    """Have a topic whose one copy is on a node."""
    topic = ScratchTopic(bootstrap, f"single-{uuid.uuid4()}", [[node]])
    topic.make()
    try:
        yield
    finally:
        topic.remove()


@contextmanager
def visited(url: str, *, post: bool = False) -> Iterator[None]:
    """Have a service asked all the time, whatever it answers.

    Args:
        url: What is asked for.
        post: Whether it is asked to publish a message.
    """
    over = threading.Event()

    def visit() -> None:
        with requests.Session() as session:
            while not over.wait(POST_INTERVAL_S if post else VISIT_INTERVAL_S):
                try:
                    if post:
                        session.post(url, json={"text": "hello"}, timeout=VISIT_TIMEOUT_S)
                    else:
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
