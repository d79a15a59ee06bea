"""Entries survive the topic, each kind is told from the other, and nobody else's are taken."""

import json
import uuid
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message
from {{ cookiecutter.package_name }}.outbox import Outbox
from {{ cookiecutter.package_name }}.records import Entry, decode, encode

MESSAGE, MARKET_DATA = Message(text="ünïcödé"), MarketData(symbol="BRK.B", price=150.25)
KIND = ("kind", b"market-data")


def schema(name: str) -> dict[str, Any]:
    """What is declared of a kind of record."""
    found: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / name).read_text())
    return found


@pytest.mark.parametrize("text", ["plain", "ünïcödé ✓", '{"nested": "json"}', "\x00\n\t"])
def test_a_message_survives_the_topic(text: str) -> None:
    """What is encoded is decoded to the same message, key included."""
    message = Message(text=text)
    key, value, headers = encode(message, "me")
    assert uuid.UUID(bytes=key) == message.id
    assert decode(value, headers, "me") == message


@pytest.mark.parametrize(("symbol", "price"), [("AAPL", 150.25), ("BTC/USD", 1e-9), ("X", 1e300)])
def test_market_data_survives_the_topic(symbol: str, price: float) -> None:
    """The same price, to the last digit."""
    entry = MarketData(symbol=symbol, price=price)
    key, value, headers = encode(entry, "me")
    assert uuid.UUID(bytes=key) == entry.id
    assert decode(value, headers, "me") == entry


@pytest.mark.parametrize(
    ("entry", "name", "other"),
    [
        (MESSAGE, "message.json", "market-data.json"),
        (MARKET_DATA, "market-data.json", "message.json"),
    ],
)
def test_entries_lie_on_the_topic_as_declared(entry: Entry, name: str, other: str) -> None:
    """Who reads the topic without this code relies on schemas/."""
    _, value, _ = encode(entry, "me")
    jsonschema.validate(json.loads(value), schema(name))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(value), schema(other))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema(name))


def test_kinds_are_told_by_their_header() -> None:
    """A message's records are as they have always been; what one kind says isn't the other."""
    _, message, headers = encode(MESSAGE, "me")
    assert headers == [("origin", b"me")]
    assert decode(message, [*headers, KIND], "me") is None
    _, market_data, headers = encode(MARKET_DATA, "me")
    assert headers == [("origin", b"me"), KIND]
    assert decode(market_data, headers[:1], "me") is None


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (None, [("origin", b"me")]),
        (b"", [("origin", b"me")]),
        (b"not json", [("origin", b"me")]),
        (b'{"text": 1}', [("origin", b"me")]),
        (b'{"text": "hi"}', []),
        (b'{"text": "hi"}', [("origin", b"somebody")]),
        (b"\xff\xfe", [("origin", b"\xff")]),
        (b'{"text": "hi"}', [("origin", b"me"), ("kind", b"unheard of")]),
        (b'{"symbol": "A", "price": 0}', [("origin", b"me"), KIND]),
        (b'{"symbol": "A", "price": 1}', [("origin", b"somebody"), KIND]),
        (b'{"symbol": "not one", "price": 1}', [("origin", b"me"), KIND]),
    ],
)
def test_foreign_records_are_none(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """Tombstones, garbage, other kinds and other services' records are told from ours."""
    assert decode(value, headers, "me") is None


def test_the_outbox_forgets_the_oldest() -> None:
    """The store is bounded."""
    outbox: Outbox[Message] = Outbox(capacity=2)
    messages = [Message(text=str(number)) for number in range(3)]
    for message in messages:
        outbox.add(message)
    assert [outbox.find(message.id) for message in messages] == [None, *messages[1:]]
