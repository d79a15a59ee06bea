"""Clients that know no broker any more: seen by what they tell of themselves, and by no less."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Producer

from chaos.oblivion import TOLD_MAX, Oblivion
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
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
