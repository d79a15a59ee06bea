"""The sender of records that are only counted: what becomes of each is counted all the same."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import KafkaError, Message

from load.account import Account
from load.counted_sender import CountedSender
from load.destination import Destination
from load.kafka_sender import configuration
from load.settings import LoadSettings
from load.tally import Tally

# A port of this machine on which nobody listens.
NOBODY = "127.0.0.1:1"

MESSAGE = cast("Message", None)  # nothing of it is looked at


def sender_to_nobody(tally: Tally, *, keyed: bool = True, room: int = 100) -> CountedSender:
    """One whose records are its client's until that is told to give them up."""
    settings = LoadSettings.of({"bootstrap": NOBODY, "topic": "t", "keep": False})
    told = configuration(NOBODY, **(settings.client() | {"queue.buffering.max.messages": room}))
    destination = Destination.of(settings, 0)
    return CountedSender(told, destination, settings.market().record, tally, keyed=keyed)


@pytest.mark.parametrize("keyed", [True, False])
def test_where_nobody_is_nothing_is_acknowledged(*, keyed: bool) -> None:
    """What is given up is unknown: it may have been sent before."""
    tally = Tally(keep=False)
    sender = sender_to_nobody(tally, keyed=keyed)
    sender.send_all(0, [1, 2, 3])
    sender.send(3, 4)
    sender.poll()
    assert sender.waiting() == 4
    sender.give_up()
    assert tally.account() == Account(scheduled=4, sent=4, unknown=4)


def test_what_there_is_no_room_for_is_dropped() -> None:
    """From the first on that finds none."""
    tally = Tally(keep=False)
    sender = sender_to_nobody(tally, room=3)
    sender.send_all(0, [1, 2])
    sender.send_all(2, [3, 4, 5])
    tally.fold()
    assert (tally.sent, tally.dropped) == (3, 2)
    assert tally.end_second(1.0).lateness.total == 3
    sender.give_up()


def test_what_is_answered_is_counted_when_it_is_polled() -> None:
    """An acknowledgement, what never left, and what nobody knows of; latency is of the first."""
    tally = Tally(keep=False)
    sender = sender_to_nobody(tally)
    answered = sender._answered  # what the client calls  # noqa: SLF001
    tally.sending_all([0, 0, 0], 1, 3)
    answered(0, None, MESSAGE)
    answered(0, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), MESSAGE)
    answered(0, KafkaError(KafkaError._MSG_TIMED_OUT), MESSAGE)  # noqa: SLF001 - codes begin so
    sender.poll()
    sender.poll()
    account = Account(scheduled=3, sent=3, acknowledged=1, failed=1, unknown=1)
    assert tally.account() == account
    assert tally.end_second(1.0).latency.total == 1
