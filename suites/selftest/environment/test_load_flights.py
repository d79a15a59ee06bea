"""Flights and hands: what is under way is told once, when it is there, by what it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Message

from groundwork.checkers.history import NONE, Kind, Outcome
from load.account import Account
from load.destination import Destination
from load.end_to_end_sender import EndToEndSender, at_once
from load.flights import Flights
from load.hands import Hands
from load.kafka_sender import configuration
from load.records import HEADER, seal, value_of
from load.settings import LoadSettings
from load.tally import Tally
from suites.support.stored import Stored

RUN, WORKER = 7, 3
NOBODY = "127.0.0.1:1"

DESTINATION = Destination("t", 4, (1, 3), RUN)


def came(number: int, at: int = 40, worker: int = WORKER, run: int = RUN) -> Message:
    """A message as it comes back."""
    key, value = b"S01", b"value %d" % number
    header = seal(worker, number, key, value, run)
    return cast("Message", Stored(1, at, (key, value), [(HEADER, header)]))


def spoilt(message: Message) -> Message:
    """The same, with another value than was sent."""
    found = cast("Stored", message)
    return cast("Message", replace(found, body=(found.body[0], b"other")))


@dataclass
class Said:
    """What the broker says of a message."""

    at: int

    def offset(self) -> int:
        """Where it is."""
        return self.at


def kept(tally: Tally) -> list[tuple[int, ...]]:
    """The operations that were kept: value, outcome and offset of each."""
    columns: Any = tally.columns()
    names = ("value", "outcome", "offset")
    return list(zip(*(columns[name].tolist() for name in names), strict=True))


# --- what was sent and is to come back


@pytest.fixture
def tally() -> Tally:
    """Of a worker that has sent three messages."""
    tally = Tally(WORKER)
    for _ in range(3):
        tally.sending(0)
    return tally


@pytest.fixture
def flights(tally: Tally) -> Flights:
    """Those three."""
    flights = Flights(RUN, tally)
    for number in range(3):
        flights.begin(number, 1, 0, 1)
    return flights


def test_what_came_back_is_acknowledged_where_it_is(tally: Tally, flights: Flights) -> None:
    """Once, in whatever order, and however often it comes."""
    for number in (1, 0, 1, 2, 2):
        flights.arrive(came(number, 40 + number))
    assert len(flights) == 0
    assert tally.account() == Account(scheduled=3, sent=3, acknowledged=3)
    assert kept(tally) == [(value_of(WORKER, n), Outcome.OK, 40 + n) for n in range(3)]


@pytest.mark.parametrize(
    "other",
    [
        spoilt(came(1)),
        came(1, run=RUN + 1),
        came(1, worker=WORKER + 1),
        came(99),
        cast("Message", Stored(1, 40, (b"S01", b"x"), None)),
    ],
)
def test_what_isnt_whole_or_ours_acknowledges_nothing(
    tally: Tally, flights: Flights, other: Message
) -> None:
    """What hasn't come by the end is unknown, though the broker may have it."""
    flights.arrive(other)
    assert len(flights) == 3
    flights.give_up()
    assert len(flights) == 0
    assert tally.account() == Account(scheduled=3, sent=3, unknown=3)
    assert kept(tally) == [(value_of(WORKER, n), Outcome.INFO, NONE) for n in range(3)]


def test_what_was_acknowledged_and_never_came_must_be_there(tally: Tally) -> None:
    """The account doesn't know of it; whoever reads all back looks for it at its offset."""
    flights = Flights(RUN, tally)
    found = [flights.begin(number, 1, 0, 1) for number in range(3)]
    flights.delivered(found[1], None, cast("Message", Said(41)))
    flights.delivered(found[2], KafkaError(KafkaError._MSG_TIMED_OUT), cast("Message", Said(-1)))  # noqa: SLF001 - codes begin so
    assert len(flights) == 3
    flights.give_up()
    assert tally.account() == Account(scheduled=3, sent=3, unknown=3)
    outcomes = [(Outcome.INFO, NONE), (Outcome.OK, 41), (Outcome.INFO, NONE)]
    assert [row[1:] for row in kept(tally)] == outcomes


def test_what_has_never_left_has_failed(tally: Tally) -> None:
    """Unless it is there all the same; and it fails once."""
    flights = Flights(RUN, tally)
    found = [flights.begin(number, 1, 0, 1) for number in range(3)]
    never = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    flights.arrive(came(0))
    for each in (found[0], found[1], found[1]):
        flights.delivered(each, never, cast("Message", Said(-1)))
    flights.forget(2)
    flights.give_up()
    assert tally.account() == Account(scheduled=3, sent=3, acknowledged=1, failed=1)


def test_where_nobody_is_nothing_is_acknowledged() -> None:
    """The clients themselves: what is given to them is theirs until they are told to give it up."""
    settings = LoadSettings.of({"bootstrap": NOBODY, "topic": "t", "operation": "end-to-end"})
    tally = Tally(0)
    config = configuration(NOBODY, **settings.client())
    sender = EndToEndSender(
        config, at_once(NOBODY), Destination.of(settings, 0), settings.market().record, tally
    )
    for number in range(20):
        sender.send(number, time.monotonic_ns())
    sender.poll()
    assert sender.waiting() == 20
    sender.give_up()
    assert sender.waiting() == 0
    assert tally.account() == Account(scheduled=20, sent=20, unknown=20)


# --- what is due and is to be read


def reading(many: int) -> tuple[Tally, Hands]:
    """A worker to whom so many are due."""
    tally = Tally(WORKER, kind=Kind.POLL)
    hands = Hands(DESTINATION, tally)
    for number in range(many):
        hands.hold_out(number, time.monotonic_ns())
    return tally, hands


def test_what_is_read_is_for_what_is_due() -> None:
    """One for one; the numbers of records are their own."""
    tally, hands = reading(3)
    for number in (5, 9):
        hands.take(came(number, 40 + number))
    assert len(hands) == 1
    hands.give_up()
    assert len(hands) == 0
    assert tally.account() == Account(scheduled=3, sent=3, acknowledged=2, unknown=1)
    assert kept(tally) == [(value_of(WORKER, n), Outcome.OK, 40 + n) for n in (5, 9)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: spoilt(came(6)),
        lambda: came(5),
        lambda: came(4),
        lambda: came(6, worker=WORKER + 1),
    ],
    ids=["spoilt", "again", "too late", "of another worker"],
)
def test_what_isnt_what_should_come_has_failed(wrong: Callable[[], Message]) -> None:
    """It is in hands, and no read that is worth anything; what comes next is."""
    tally, hands = reading(3)
    hands.take(came(5))
    hands.take(wrong())
    hands.take(came(7))
    assert tally.account() == Account(scheduled=3, sent=3, acknowledged=2, failed=1)
    assert [row[0] for row in kept(tally)] == [value_of(WORKER, 5), value_of(WORKER, 7)]


def test_what_others_have_written_is_passed_over() -> None:
    """Whoever waits does so still."""
    tally, hands = reading(1)
    hands.take(came(0, run=RUN + 1))
    hands.take(cast("Message", Stored(1, 41, (None, b"x"), None)))
    assert len(hands) == 1
    hands.take(came(0))
    assert tally.account() == Account(scheduled=1, sent=1, acknowledged=1)
