"""Experiments whose fault is none: a hook of the keeper does nothing, or somebody else breaks it.

Whatever the keeper says it has done, the experiment is invalid, for no witness has seen it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import allure
import pytest

from chaos.conclusion import Conclusion, read
from groundwork.base.errors import ExitCode
from groundwork.keep import timeline
from groundwork.keep.events import FaultHealed, FaultLanded
from suites.sabotage.injection import Edit
from suites.sabotage.meddler import Meddler
from suites.sabotage.saboteur import Saboteur, sabotaged

SECOND_NS = 1_000_000_000

BROKER = "fixtures/resources/kafka.py"
RELAY = "fixtures/resources/relay.py"
SMALL = "fixtures/resources/smallvolume.py"
LEADERS = "chaos/leaders.py"
HANDLING = "chaos/handling.py"

IDLE = '''    def {hook}(self, stage: Stage, target: str) -> None:
        """Do nothing."""

'''

# In front of what each of the two has, and nothing else in its file.
IN_BROKER = "    def _java(self, stage: Stage)"


def emptied(*hooks: str) -> Edit:
    """The broker, with hooks that do nothing."""
    return Edit(BROKER, IN_BROKER, "".join(IDLE.format(hook=each) for each in hooks) + IN_BROKER)


UNCUT = Edit(RELAY, 'tell(stage, "isolate", target)', "del stage, target")
UNSLOWED = Edit(RELAY, 'tell(stage, "slow", target, delay_ms)', "del stage, target, delay_ms")
UNFILLED = Edit(SMALL, "volumes.fill(str(mounted(stage)), share)", "del stage, share")
UNSTRUCK = Edit("groundwork/declare/capability.py", "stage.kill(target)", "del stage, target")
UNMOVED = Edit(LEADERS, "[[*each[1:], each[0]] for each in before]", "before")
UNEXHAUSTED = Edit(
    "groundwork/declare/capability.py", "stage.exhaust(target, spare=spare)", "del stage, spare"
)
UNSILENCED = Edit(RELAY, 'tell(stage, "blackhole", target)', "del stage, target")
UNLIMITED = Edit(
    RELAY, 'tell(stage, "limit", target, bytes_per_s)', "del stage, target, bytes_per_s"
)
UNSPOILED = Edit(
    "fixtures/resources/prometheus.py",
    "expect_job(target)\n        self._reload(stage, target)",
    "expect_job(target)\n        del stage",
)
SPARED = Edit(HANDLING, "        self.current.kill()\n        try:", "        try:")


@dataclass(frozen=True)
class NoOp:
    """A fault that doesn't happen, as the keeper says it does.

    Attributes:
        name: In a few words.
        experiment: Which one.
        edit: What makes it none.
        doubt: What is said of it.
        meddling: When somebody else restarts the broker: after what, and how many seconds later.
        brokers: How many nodes the broker has.
        options: What else it takes.
        instead: What the experiment does instead of what it is for: no other has that fault.
    """

    name: str
    experiment: str
    edit: Edit
    doubt: str
    meddling: tuple[str, float] | None = None
    brokers: int = 1
    options: tuple[str, ...] = ()
    instead: Edit | None = None


def instead(experiment: str, old: str, new: str) -> Edit:
    """An experiment that breaks something in another way."""
    return Edit(f"chaos/experiments/{experiment}.yaml", old, new)


UNKILLED = emptied("kill", "revive")

NO_OPS = (
    NoOp("nothing is killed", "broker-killed", emptied("kill"), "was to end, and lives"),
    NoOp("nothing is paused", "broker-paused", emptied("pause"), "was to be stopped, and is"),
    NoOp("nothing is cut off", "broker-cut-off", UNCUT, "was to come to nothing, and was answered"),
    NoOp("nothing ends", "dependency-gone", emptied("terminate"), "was to end, and lives"),
    NoOp("no service is killed", "service-killed", UNSTRUCK, "was to end, and lives"),
    NoOp("nothing is slow", "network-slow", UNSLOWED, "was to be slow, and takes"),
    NoOp(
        "nothing is exhausted",
        "service-killed",
        UNEXHAUSTED,
        "was to have fewer descriptors than",
        instead=instead("service-killed", "fault: kill", "fault: exhaust"),
    ),
    NoOp(
        "nothing is swallowed",
        "broker-cut-off",
        UNSILENCED,
        "was to come to nothing, and was answered",
        instead=instead("broker-cut-off", "fault: isolate", "fault: blackhole"),
    ),
    NoOp(
        "nothing is narrow",
        "network-slow",
        UNLIMITED,
        "was to be slow, and takes",
        instead=instead(
            "network-slow",
            "fault: slow, parameters: {delay_ms: 300}",
            "fault: limit, parameters: {bytes_per_s: 1000}",
        ),
    ),
    NoOp(
        "nothing is left out",
        "prometheus-down",
        UNSPOILED,
        "job receiver alone to be missing",
        instead=instead(
            "prometheus-down", "fault: kill", "fault: misconfigure\n        target: receiver"
        ),
    ),
    NoOp("nobody is killed", "consumer-killed", SPARED, "was to end, and lives"),
    NoOp("nobody moves", "leaders-moved", UNMOVED, "another leader of each partition", brokers=3),
    NoOp(
        "nothing is filled",
        "broker-volume-full",
        UNFILLED,
        "was to be full",
        options=("--broker-volume", "small"),
    ),
    NoOp(
        "no leader is cut off",
        "leader-cut-off",
        UNCUT,
        "alone in what it leads",
        brokers=3,
        options=("--links", "relayed"),
    ),
    NoOp("restarted before", "broker-killed", UNKILLED, "", ("phase", 1.0)),
    NoOp("restarted at once", "broker-killed", UNKILLED, "not by the keeper", ("landed", 0.0)),
    NoOp("restarted meanwhile", "broker-killed", UNKILLED, "not by the keeper", ("landed", 1.0)),
    NoOp("restarted late", "broker-killed", UNKILLED, "and lives", ("landed", 1.8)),
    NoOp("restarted afterwards", "broker-killed", UNKILLED, "and lives", ("healed", 1.0)),
)


@pytest.fixture
def copy() -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    with sabotaged("local") as made:
        yield made


def conclusion_of(copy: Saboteur, experiment: str) -> Conclusion:
    """What an experiment has come to in the only run."""
    return read(copy.base / "out" / "latest" / "experiments" / experiment)


@pytest.mark.parametrize("no_op", NO_OPS, ids=[each.name for each in NO_OPS])
def test_a_fault_that_is_none_proves_nothing(copy: Saboteur, no_op: NoOp) -> None:
    """The experiment is invalid, and the run fails."""
    with contextlib.ExitStack() as meanwhile:
        meanwhile.enter_context(no_op.edit.done(copy.root))
        if no_op.instead is not None:
            meanwhile.enter_context(no_op.instead.done(copy.root))
        meddler = None
        if no_op.meddling is not None:
            meddler = Meddler(copy.base, *no_op.meddling)
            meddler.start()
            meanwhile.callback(meddler.end)
        nodes = ("--brokers", str(no_op.brokers), *no_op.options)
        own = ("--experiment", no_op.experiment, *nodes)
        words = ("suites/resilience", *own, "--seed", "1")
        done = copy.call("pytest", *words, "--tb=short", "-q", "-p", "no:cacheprovider")
    allure.attach(done.output, "output")
    assert meddler is None or meddler.done, "nobody has restarted it"
    found = conclusion_of(copy, no_op.experiment)
    said = "\n".join(found.lines())
    assert found.outcome == "invalid", said
    assert any("isn't shown" in each and no_op.doubt in each for each in found.reasons), said
    assert done.returncode in {ExitCode.TESTS_FAILED, ExitCode.INFRASTRUCTURE}, done.output


HASTE = Edit(
    "manifests/objectives.yaml",
    "    since: fault\n    within_s: 20\n",
    "    since: fault\n    within_s: 0.1\n",
)


def test_what_is_missed_tenfold_ends_and_heals_by_itself(copy: Saboteur) -> None:
    """The broker is to be dead for two seconds, and clients may be interrupted for a tenth."""
    words = ("suites/resilience", "--experiment", "broker-killed", "--seed", "1")
    with HASTE.done(copy.root):
        done = copy.call("pytest", *words, "--tb=short", "-q", "-p", "no:cacheprovider")
    allure.attach(done.output, "output")
    found = conclusion_of(copy, "broker-killed")
    said = "\n".join(found.lines())
    assert found.outcome == "broken", said
    assert any("for 1 s, ten times what an interruption may take" in each for each in found.reasons)
    folder = copy.base / "out" / "latest" / "experiments" / "broker-killed"
    told = {type(each.event): each.t_ns for each in timeline.read(folder / "timeline.jsonl")}
    assert 1.0 <= (told[FaultHealed] - told[FaultLanded]) / SECOND_NS < 2.0
    assert done.returncode == ExitCode.TESTS_FAILED, done.output
