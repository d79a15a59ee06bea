"""The course of an experiment: its clients at work, what is done to them, and what is seen of it.

A process runs one experiment: the control begins its course, actions and probes find it here.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaoslib.exit import exit_gracefully

from chaos.answers import Answer, Asker, Promised
from chaos.clusterwitness import OF_NODES, broker_on, kube_of
from chaos.deeds import NOTHING, Deed, Injection
from chaos.handling import Handled, Handling, Loss
from chaos.leaders import Leadership, moved
from chaos.podwitness import part_of
from chaos.recorder import Acknowledged, Recorder
from chaos.schedule import Step, moments_of
from chaos.sightings import Evidence, Witness
from chaos.standing import STANDING, node_on
from chaos.warmup import await_steady, on_their_way, take_baseline
from chaos.watch import Tally, Watch
from chaos.witnesses import calm_witness_of, witness_of
from chaos.workload import Workload, WorkloadSettings
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import SECOND_NS, History, Phase
from groundwork.checkers.objective import Objective
from groundwork.declare.variables import CLAIM
from groundwork.use.client import Client

__all__ = ["BROKER", "Course", "Plan", "begin", "begun", "current", "platform"]

# A phase that promises progress lasts until so many more records are acknowledged.
PROGRESS = 2_500
PROGRESS_TIMEOUT_S = 90.0

# Of the rate: three brokers, their clients and three nodes of a cluster took all of two cores, and
# 99 of 100 up to half a second before anything was broken.
CLUSTER_SHARE = 0.6

# Beyond the objective: seconds that are as before, in which it is seen to be met.
SEEN_S = 6.0

# What delays requests, and may have them arrive late.
OF_NETWORKS = frozenset({"isolate", "blackhole", "slow"})

# What is behind every way of clients.
BROKER = "broker"

# For whoever runs an experiment by hand, and holds no claim: what the longest one takes.
CLAIM_LIMIT_S = 500.0


@dataclass(frozen=True)
class Plan:
    """What an experiment is to do.

    Attributes:
        name: The experiment's.
        platform: Where it is done.
        objective: What it is held to.
        seed: Of what is left to chance.
        clients_at: The resource by which the workload reaches the broker.
        handled: Whether there is a consumer, too, that commits after it has handled.
        rate: Records a second, of all copies together.
        breaks: The resources that it breaks.
        asked: What services are to say meanwhile.
        folder: Where what it leaves goes.
    """

    name: str
    platform: str
    objective: Objective
    seed: int
    clients_at: str
    handled: bool
    rate: float
    breaks: tuple[str, ...]
    asked: tuple[Promised, ...]
    folder: Path


@dataclass(frozen=True)
class Broken:
    """What is done and not undone yet.

    Attributes:
        deed: What it is, and who looks at it.
        begin_ns: When it had landed.
    """

    deed: Deed
    begin_ns: int


class Look:
    """Sees what is acknowledged, each record once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._row = 0

    def fresh(self) -> list[Acknowledged]:
        """What was since the last look."""
        self._row, sends = self._recorder.sends_from(self._row)
        return sends


class Course:
    """One experiment under way.

    Args:
        plan: What is to be done.

    Raises:
        GroundworkError: There is no environment, it can't be held, or has no such resource.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chance = random.Random(plan.seed)  # noqa: S311 - to be repeated, not to be secret
        self.phases: list[Phase] = []
        self.evidence: list[Evidence] = []
        self.stopped = ""
        self._last = contextlib.ExitStack()
        self._faults = contextlib.ExitStack()
        self._broken: Broken | None = None
        self._idle = threading.Event()
        # By hand there is no other timeline; a job's is the keeper's to write.
        by_hand = CLAIM not in os.environ
        self.client = Client.from_environment(plan.folder if by_hand else None)
        self._last.callback(self.client.close)
        try:
            if by_hand:
                self._take_claim()
            at = self.client.await_ready(plan.clients_at)
        except BaseException:
            self._last.close()
            raise
        nodes = tuple(range(1, len(at.endpoint("kafka").split(",")) + 1))
        rate = plan.rate / len(nodes)
        if len(nodes) > 1 and plan.platform != "local":
            rate *= CLUSTER_SHARE
        settings = WorkloadSettings(at.endpoint("kafka"), nodes=nodes, rate=rate, seed=plan.seed)
        self.workload = Workload(settings)
        self._tally = Tally(plan.objective)
        look = Look(self.workload.recorder)
        self._watch = Watch(self._tally, look.fresh, self._stop)
        self._last.callback(self._watch.end)
        services = (each.service for each in plan.asked)
        self.began_ns = self.steady_ns = 0
        self.handled: Handled | None = None
        self._handling = Handling(self.workload.topic, plan.folder) if plan.handled else None
        if self._handling is not None:
            self._last.callback(self._handling.close)
        self._asker = Asker({each: self._url_of(each) for each in services})
        self._last.callback(self._asker.end)

    def _url_of(self, service: str) -> str:
        return self.client.await_ready(service).endpoint("http")

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What services have said, as it changed."""
        return tuple(self._asker.answers)

    def _take_claim(self) -> None:
        status = self.client.status()
        names = {each.name for each in status.resources}
        self.client.claim(
            self.plan.breaks,
            names - set(self.plan.breaks),
            holder=f"experiment {self.plan.name}",
            limit_s=CLAIM_LIMIT_S,
        )
        self._last.callback(self.client.release)

    def _stop(self, why: str) -> None:
        self.stopped = why
        exit_gracefully()  # in the main thread: what it does ends, and rollbacks are played

    def begin(self) -> None:
        """Have clients at work, and wait until they get on as they will: a cold broker is slow.

        Raises:
            GroundworkError: They don't.
        """
        self.workload.start()
        self._watch.start()
        self._asker.start()
        self.await_progress(1)
        if self._handling is not None:
            self._handling.start()
        look = Look(self.workload.recorder)
        prometheus = Prometheus.of(self.client.await_ready("prometheus"))
        self.steady_ns = await_steady(
            self.plan.platform, look.fresh, lambda: on_their_way(prometheus), self._idle.wait
        )

    # --- what an experiment consists of

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A part of it that promises progress."""
        begin_ns = time.monotonic_ns()
        self.client.record("phase", phase=name)
        yield
        self.phases.append(Phase(name, begin_ns, time.monotonic_ns()))

    def see_steady(self, seconds: float) -> None:
        """Let clients go on for so long as they do, which is what a fault is compared with."""

        def take() -> None:
            with self.phase("steady"):
                self._get_on(seconds)

        take_baseline(take, Look(self.workload.recorder).fresh)

    def _get_on(self, seconds: float) -> None:
        goal = self.workload.recorder.acknowledged() + PROGRESS
        self._idle.wait(seconds)
        self.await_progress(goal)

    def see_recovery(self) -> None:
        """Let clients go on until the objective can be seen to be met, or missed.

        Raises:
            GroundworkError: Nothing was broken.
        """
        own = self.plan.objective
        fault = next((each for each in self.phases if not each.progress), None)
        if fault is None:
            raise GroundworkError("nothing was broken that could recover")
        since_ns = fault.begin_ns if own.since == "fault" else fault.end_ns
        passed_s = (time.monotonic_ns() - since_ns) / SECOND_NS
        with self.phase("recovery"):
            self._get_on(own.within_s + SEEN_S - passed_s)

    def await_progress(self, goal: int, timeout_s: float = PROGRESS_TIMEOUT_S) -> None:
        """Wait until so many records are acknowledged.

        Raises:
            WaitTimeoutError: They aren't in time.
        """

        def look() -> None:
            if (now := self.workload.recorder.acknowledged()) < goal:
                raise NotYetError(f"{now} of {goal}")

        wait_for(look, deadline=Deadline.after(timeout_s), what="acknowledgements")

    def inject(self, asked: Injection) -> None:
        """Break something, and look whether it is broken.

        Raises:
            GroundworkError: It can't be.
        """
        fault, resource, target = asked.fault, asked.resource, asked.target
        part = part_of(resource, target, self.plan.platform)
        struck = resource, target
        if fault in OF_NODES:
            struck = BROKER, broker_on(target, kube_of(self.client.status()))
        self._do(
            Deed(
                fault,
                resource,
                target,
                self._witness_of(fault, resource, target),
                self._spared_by(*struck),
                lambda: self.client.fault(
                    resource, fault, part, limit_s=asked.limit_s, **asked.parameters
                ),
            )
        )

    def _witness_of(self, fault: str, resource: str, target: str) -> Witness:
        return witness_of(fault, resource, target, self.client.status(), self.workload.topic)

    def leave_alone(self) -> None:
        """Do nothing, and look whether nothing happens."""
        witness = calm_witness_of(BROKER, self.client.status())
        spared = self._spared_by("", "")
        self._do(Deed(NOTHING, BROKER, "", witness, spared, contextlib.nullcontext))

    def move_leaders(self) -> None:
        """Have each partition of the workload led by another node, as an operator does."""
        topic = self.workload.topic
        self._do(Deed("move", BROKER, "", Leadership(topic), (), lambda: moved(topic)))

    def kill_handler(self) -> None:
        """Kill the consumer that commits after it has handled, in the middle of a batch.

        Raises:
            GroundworkError: There is none.
        """
        if self._handling is None:
            raise GroundworkError("there is no consumer that handles: the control has to say so")
        spared = self._spared_by("", "")
        deed = Deed("kill", "consumer", "", Loss(self._handling), spared, self._handling.killed)
        self._do(deed)

    def combine(self, steps: Sequence[Step]) -> None:
        """Break and heal by a schedule, with a witness of each; at its end all of it is healed.

        Raises:
            GroundworkError: Something can't be broken or healed, or nothing was to be.
        """
        if not steps:
            raise GroundworkError("nothing is to be broken: the schedule is too short for a fault")
        begin_ns = self.began_ns = time.monotonic_ns()
        under_way: dict[int, tuple[contextlib.ExitStack, Witness]] = {}
        for moment in moments_of(steps):
            passed_s = (time.monotonic_ns() - begin_ns) / SECOND_NS
            self._idle.wait(max(0.0, moment.at_s - passed_s))
            kind = steps[moment.number].kind
            if moment.begins:
                witness = self._witness_of(kind.fault, kind.resource, "")
                stack = self._faults.enter_context(contextlib.ExitStack())
                under_way[moment.number] = stack, witness
                witness.look_before()
                fault = self.client.fault(kind.resource, kind.fault, "", **kind.parameters)
                stack.enter_context(fault)
                witness.look_during()
            else:
                stack, witness = under_way.pop(moment.number)
                stack.close()
                witness.look_after()
                self._believe(kind.fault, kind.resource, "", witness)
        healed_ns = time.monotonic_ns()
        self._tally.healed(healed_ns)
        self.phases.append(Phase("faults", begin_ns, healed_ns, progress=False, network=True))

    def _do(self, deed: Deed) -> None:
        if self._broken is not None:
            raise GroundworkError("something is broken already: heal it first")
        deed.witness.look_before()
        self.began_ns = time.monotonic_ns()
        self._faults.enter_context(deed.done())
        begin_ns = time.monotonic_ns()
        self._broken = Broken(deed, begin_ns)
        self._tally.landed(begin_ns, deed.spared)
        deed.witness.look_during()

    def let_last(self, seconds: float) -> None:
        """Wait until what is broken has been for so long."""
        if self._broken is not None:
            passed_s = (time.monotonic_ns() - self._broken.begin_ns) / SECOND_NS
            self._idle.wait(max(0.0, seconds - passed_s))

    def _spared_by(self, resource: str, target: str) -> tuple[int, ...]:
        """The partitions whose leader isn't the node that a fault is of; none, of all nodes.

        What isn't on the way of the clients leaves all of them alone.
        """
        target = node_on(resource, target)
        if resource not in {BROKER, self.plan.clients_at, *STANDING}:
            return tuple(self.workload.topic.numbers)
        if not target:
            return ()
        node = int(target.rpartition("-")[2])
        leaders = self.workload.topic.leaders()
        return tuple(sorted(number for number, leader in leaders.items() if leader != node))

    def heal(self) -> None:
        """Undo what is broken, and look whether it is whole; nothing to be done where it is."""
        broken = self._broken
        if broken is None:
            self._faults.close()  # a schedule that was broken off has left some
            return
        deed = broken.deed
        try:
            self._faults.close()
        finally:
            self._broken = None
            healed_ns = time.monotonic_ns()
            self._tally.healed(healed_ns)
            self.phases.append(
                Phase(
                    deed.name,
                    broken.begin_ns,
                    healed_ns,
                    progress=False,
                    network=deed.name in OF_NETWORKS,
                    spared=deed.spared,
                )
            )
        deed.witness.look_after()
        self._believe(deed.name, deed.resource, deed.target, deed.witness)

    def _believe(self, name: str, resource: str, target: str, witness: Witness) -> None:
        found = witness.sightings
        evidence = Evidence(name, resource, target, tuple(found.seen), tuple(found.doubts))
        self.evidence.append(evidence)

    # --- the end

    def end(self) -> History:
        """End the clients, and tell what they have seen.

        Raises:
            GroundworkError: One has failed in a way that isn't an outcome, or doesn't end.
        """
        self._watch.end()
        history = self.workload.stop(self.phases)
        if self._handling is not None:
            self.handled = self._handling.finish(history)
        self.workload.topic.remove()
        return history

    def close(self) -> None:
        """Heal what is broken, and let go of the environment."""
        with self._last:
            self._faults.close()


_COURSES: list[Course] = []  # one at the most


def platform() -> str:
    """Where the environment is that an experiment would be of.

    Raises:
        GroundworkError: There is none.
    """
    with contextlib.closing(Client.from_environment()) as client:
        return client.status().platform


def begin(plan: Plan) -> None:
    """Begin the course of this process's experiment.

    Raises:
        GroundworkError: It can't be.
    """
    course = Course(plan)
    _COURSES.append(course)
    course.begin()


def begun() -> Course | None:
    """The course of this process's experiment; None where it has none yet."""
    return _COURSES[0] if _COURSES else None


def current() -> Course:
    """The course of this process's experiment.

    Raises:
        GroundworkError: There is none.
    """
    course = begun()
    if course is None:
        raise GroundworkError("no experiment is under way: it needs the control chaos.control")
    return course
