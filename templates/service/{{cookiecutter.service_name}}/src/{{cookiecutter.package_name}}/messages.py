"""A message, as HTTP shows it and as it lies on the topic."""

import uuid
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Draft", "Message"]

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
