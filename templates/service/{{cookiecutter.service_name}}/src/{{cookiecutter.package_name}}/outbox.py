"""The outbox: what came back through the broker, for whoever asks for it by its id."""

import uuid
from collections import OrderedDict
from typing import Generic, TypeVar

from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message

__all__ = ["Outbox"]

E = TypeVar("E", Message, MarketData)


class Outbox(Generic[E]):
    """The last entries of one kind that came back, by id."""

    def __init__(self, capacity: int) -> None:
        self._entries: OrderedDict[uuid.UUID, E] = OrderedDict()
        self._capacity = capacity  # it must not grow for ever

    def add(self, entry: E) -> None:
        """Keep an entry and drop the oldest where there are too many."""
        self._entries[entry.id] = entry
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def find(self, identifier: uuid.UUID) -> E | None:
        """The entry, if it has come back."""
        return self._entries.get(identifier)
