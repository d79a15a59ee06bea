"""Loss: what Kafka loses where it is asked to, the checker names, record by record.

Nothing is planted: the records were acknowledged, and are gone.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from chaos.producers import ProducerSettings, produce
from chaos.recorder import Recorder
from chaos.workload import history_of
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers import archive
from groundwork.checkers.delivery import check
from groundwork.checkers.history import History, Kind, Outcome
from groundwork.use.client import Handle
from suites.support.seen import attach_seen

# Records a second, and how many must be acknowledged by whoever is about to lose them.
RATE = 400.0
AT_RISK_MIN = 500

# A node is out of the in-sync set some seconds after it was last heard of; the session of one that
# is dead ends after three.
TURN_TIMEOUT_S = 90.0

LIMIT_S = 400.0


class Sending:
    """A producer at work on a topic, and what becomes of it."""

    def __init__(self, topic: ScratchTopic, acks: str) -> None:
        self.topic = topic
        self.recorder = Recorder()
        self._settings = ProducerSettings(
            topic.bootstrap, topic.name, 1, RATE, idempotent=False, acks=acks
        )

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """It sends meanwhile; afterwards the outcome of everything is known."""
        stop = threading.Event()
        thread = threading.Thread(target=produce, args=(self._settings, self.recorder, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def await_acknowledged(self, many: int) -> None:
        """Wait until so many more are."""
        goal = self.recorder.acknowledged() + many

        def look() -> None:
            if (now := self.recorder.acknowledged()) < goal:
                raise NotYetError(f"{now} of {goal}")

        wait_for(look, deadline=Deadline.after(TURN_TIMEOUT_S), what="acknowledgements")

    def history(self) -> History:
        """All of it, with a last read of all that is there."""
        return history_of(self.topic, self.recorder)


def await_so(topic: ScratchTopic, condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so of the topic."""

    def look() -> None:
        if not condition():
            raise NotYetError(f"leaders {topic.leaders()}, in sync {topic.in_sync()}")

    wait_for(look, deadline=Deadline.after(TURN_TIMEOUT_S), what=what)


def missing(history: History) -> set[int]:
    """What was acknowledged and isn't read, by sets of numbers and nothing else."""
    columns = history.columns
    sent = (columns["kind"] == Kind.SEND) & (columns["outcome"] == Outcome.OK)
    read = columns["kind"] == Kind.POLL
    return set(columns["value"][sent].tolist()) - set(columns["value"][read].tolist())


def expect_named(history: History, broker: Handle, name: str) -> None:
    """The checker names exactly what is missing, and there is enough of it."""
    gone = missing(history)
    assert len(gone) >= AT_RISK_MIN
    verdict = check(history)
    out_dir = broker.client.status().out_dir
    assert out_dir is not None
    folder = out_dir / "losses" / name
    folder.mkdir(parents=True)
    archive.write(history, folder)
    attach_seen(history, verdict, None, f"{len(gone)} records are lost", folder)
    assert verdict.judgement == "invalid"
    named = {
        value
        for anomaly in ("lost write", "lost tail", "unseen")
        if (found := verdict.found(anomaly)) is not None
        for value in found.values.tolist()
    }
    assert named == gone


@pytest.fixture
def name() -> str:
    """A topic's name that nobody else has."""
    return f"groundwork-loss-{uuid.uuid4().hex[:8]}"


@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_what_the_leader_alone_had_acknowledged_is_named(broker: Handle, name: str) -> None:
    """acks=1: both followers are stopped, the leader acknowledges, and is killed."""
    topic = ScratchTopic(
        broker.endpoint("kafka"), name, [[1, 2, 3]], config={"min.insync.replicas": "1"}
    )
    topic.make()
    sending = Sending(topic, acks="1")
    with sending.under_way():
        sending.await_acknowledged(AT_RISK_MIN)
        with contextlib.ExitStack() as followers:
            for node in ("broker-2", "broker-3"):
                followers.enter_context(broker.fault("pause", node, limit_s=120))
            sending.await_acknowledged(2 * AT_RISK_MIN)
            with broker.fault("kill", "broker-1", limit_s=200):
                followers.close()
                await_so(topic, lambda: topic.leaders()[0] in {2, 3}, "another leader")
                sending.await_acknowledged(AT_RISK_MIN)
    expect_named(sending.history(), broker, name)
    topic.remove()


@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_what_an_unclean_election_loses_is_named(broker: Handle, name: str) -> None:
    """acks=all: the one copy in sync acknowledges alone, and is killed; the other one leads on."""
    config = {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
    topic = ScratchTopic(broker.endpoint("kafka"), name, [[1, 2]], config=config)
    topic.make()
    sending = Sending(topic, acks="all")
    with sending.under_way():
        sending.await_acknowledged(AT_RISK_MIN)
        with contextlib.ExitStack() as follower:
            follower.enter_context(broker.fault("pause", "broker-2", limit_s=120))
            await_so(topic, lambda: topic.in_sync()[0] == {1}, "one copy alone to be in sync")
            sending.await_acknowledged(2 * AT_RISK_MIN)
            with broker.fault("kill", "broker-1", limit_s=200):
                follower.close()
                await_so(topic, lambda: topic.leaders()[0] == 2, "the other copy to lead")
                sending.await_acknowledged(AT_RISK_MIN)
    expect_named(sending.history(), broker, name)
    topic.remove()
