"""Clients that know no broker any more: seen by what they tell of themselves, and by no less."""

from __future__ import annotations

import json
import random
import threading
from typing import Any, ClassVar

import pytest
from confluent_kafka import Message, Producer

from chaos import consumers, producers
from chaos.oblivion import TOLD_MAX, Oblivion
from chaos.recorder import Recorder
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import Outcome, Partition
from suites.support.ports import free_port

HEAR_TIMEOUT_S = 20.0

KNOWING = ("configured", "internal")
LEARNED = ("learned", "logical")
NOBODY = ("internal", "logical")


def heard(*told: tuple[str, ...]) -> bool:
    """Whether a client that tells so, second by second, has forgotten all."""
    oblivion = Oblivion()
    for sources in told:
        brokers = {str(number): {"source": each} for number, each in enumerate(sources)}
        oblivion.hear(json.dumps({"brokers": brokers}))
    return oblivion.complete


@pytest.mark.parametrize(
    ("told", "complete"),
    [
        pytest.param([KNOWING, LEARNED], False, id="it knows some"),
        pytest.param([KNOWING, *[NOBODY] * TOLD_MAX], True, id="it knows none"),
        pytest.param([KNOWING, *[()] * TOLD_MAX], True, id="none at all"),
        pytest.param([KNOWING, *[NOBODY] * (TOLD_MAX - 1)], False, id="for a moment"),
        pytest.param([NOBODY, NOBODY, LEARNED, NOBODY, NOBODY], False, id="begun again"),
    ],
)
def test_a_client_is_given_up_once_it_has_known_nobody_for_a_while(
    told: list[tuple[str, ...]], *, complete: bool
) -> None:
    """Whoever begins again at its bootstrap servers knows nobody for a moment."""
    assert heard(*told) == complete


def test_a_client_knows_a_broker_that_is_away() -> None:
    """By librdkafka's own statistics, whose names for brokers these are."""
    oblivion = Oblivion()
    told: list[str] = []
    own = oblivion.configuration() | {"stats_cb": told.append, "statistics.interval.ms": 10}
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{free_port()}", "log_level": 0} | own)

    def look() -> None:
        producer.poll(0.05)
        if len(told) <= TOLD_MAX:
            raise NotYetError(f"it has told {len(told)} times")

    wait_for(look, deadline=Deadline.after(HEAR_TIMEOUT_S), what="statistics")
    for each in told:
        oblivion.hear(each)
    assert not oblivion.complete


class Forgetful:
    """What a workload has of librdkafka, where each client but the last has forgotten everybody.

    Attributes:
        begun: All of them so far.
    """

    begun: ClassVar[list[Forgetful]] = []
    stop: ClassVar[threading.Event]

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.begun.append(self)
        self._hear = configuration["stats_cb"]
        self.sent = self.polls = 0

    def poll(self, *_: object) -> None:
        """Tells that it knows nobody; the third one ends the test instead."""
        self.polls += 1
        assert self.polls < 10 * TOLD_MAX, "nobody gives it up"
        if len(self.begun) > 2:
            self.stop.set()
        else:
            self._hear('{"brokers": {}}')

    def produce(self, *_: object, **__: object) -> None:
        """It takes what it is given."""
        self.sent += 1

    def consume(self, *_: object) -> list[Message]:
        """Nothing is there to be read."""
        self.poll()
        return []

    def assign(self, *_: object) -> None:
        """It takes what it is given."""

    def purge(self) -> None:
        """It has nothing that it could give back."""

    def flush(self, *_: object) -> None:
        """It has nothing to wait for."""

    def close(self) -> None:
        """It is given up."""


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """When it is time; all clients are forgetful."""
    monkeypatch.setattr(producers, "Producer", Forgetful)
    monkeypatch.setattr(consumers, "Consumer", Forgetful)
    Forgetful.begun, Forgetful.stop = [], threading.Event()
    return Forgetful.stop


def test_a_producer_that_has_forgotten_all_is_given_up(stop: threading.Event) -> None:
    """Another one begins, a client of its own in the history; what the first had is unknown."""
    recorder = Recorder()
    settings = producers.ProducerSettings("nowhere:1", "topic", 1, rate=1_000)
    producers.produce(settings, recorder, stop)
    assert [each.sent for each in Forgetful.begun] == [TOLD_MAX, TOLD_MAX, 1]
    history = recorder.history((Partition("topic", 0, 0, 0, 0),))
    assert sorted(history.clients) == [0, 1, 2]
    assert set(history.columns["outcome"].tolist()) == {Outcome.INFO}


def test_a_reader_that_has_forgotten_all_is_given_up(stop: threading.Event) -> None:
    """Another one begins, from the beginning."""
    recorder = Recorder()
    settings = consumers.ReaderSettings("nowhere:1", "topic", 1)
    chance = random.Random(0)  # noqa: S311 - to be repeated, not to be secret
    consumers.read(settings, recorder, stop, chance)
    assert len(Forgetful.begun) == 3
