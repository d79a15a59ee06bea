"""Messages survive the topic, and nobody else's are taken for ours."""

import json
import uuid
from pathlib import Path

import jsonschema
import pytest

from {{ cookiecutter.package_name }}.messages import Message, Outbox, decode, encode


@pytest.mark.parametrize("text", ["plain", "ünïcödé ✓", '{"nested": "json"}', "\x00\n\t"])
def test_a_message_survives_the_topic(text: str) -> None:
    """What is encoded is decoded to the same message, key included."""
    message = Message(text=text)
    key, value, headers = encode(message, "me")
    assert uuid.UUID(bytes=key) == message.id
    assert decode(value, headers, "me") == message


def test_a_message_lies_on_the_topic_as_declared() -> None:
    """Who reads the topic without this code relies on schemas/message.json."""
    schema = json.loads((Path(__file__).parents[2] / "schemas" / "message.json").read_text())
    _, value, _ = encode(Message(text="ünïcödé"), "me")
    jsonschema.validate(json.loads(value), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"text": "no id"}, schema)


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
    ],
)
def test_foreign_records_are_none(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """Tombstones, garbage and other services' records are told from ours."""
    assert decode(value, headers, "me") is None


def test_the_outbox_forgets_the_oldest() -> None:
    """The store is bounded."""
    outbox = Outbox(capacity=2)
    messages = [Message(text=str(number)) for number in range(3)]
    for message in messages:
        outbox.add(message)
    assert [outbox.find(message.id) for message in messages] == [None, *messages[1:]]
