"""A message, as HTTP shows it and as it lies on the topic."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = ["Draft", "Headers", "Message", "Outbox", "decode", "encode"]

Headers = Iterable[tuple[str, bytes]]

# The header that tells whose record it is: several services share a topic.
ORIGIN = "origin"

TEXT_LENGTH_MAX = 4096


class Draft(BaseModel):
    """What a client posts."""

    text: str = Field(min_length=1, max_length=TEXT_LENGTH_MAX)


class Message(BaseModel):
    """A draft with what the service adds to it."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    text: str
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


def encode(message: Message, origin: str) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of the record that carries a message."""
    value = message.model_dump_json().encode()
    return message.id.bytes, value, [(ORIGIN, origin.encode())]


def decode(value: bytes | None, headers: Headers, origin: str) -> Message | None:
    """The message in a record; None where the record is somebody else's or makes no sense."""
    if value is None or dict(headers).get(ORIGIN) != origin.encode():
        return None
    try:
        return Message.model_validate_json(value)
    except ValidationError:
        return None


class Outbox:
    """The last messages that came back through the broker, by id."""

    def __init__(self, capacity: int) -> None:
        self._messages: OrderedDict[uuid.UUID, Message] = OrderedDict()
        self._capacity = capacity  # it must not grow for ever

    def add(self, message: Message) -> None:
        """Keep a message and drop the oldest where there are too many."""
        self._messages[message.id] = message
        while len(self._messages) > self._capacity:
            self._messages.popitem(last=False)

    def find(self, identifier: uuid.UUID) -> Message | None:
        """The message, if it has come back."""
        return self._messages.get(identifier)
