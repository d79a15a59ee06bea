"""Singly: a sender whose messages that are due go one after the other, each by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from load.vitals import NOTHING, Vital

__all__ = ["Singly"]


class Singly(ABC):
    """Sends what is due, message by message."""

    @abstractmethod
    def send(self, number: int, due_ns: int) -> None:
        """Send a message that is due; must not wait."""

    def send_all(self, number: int, dues_ns: Sequence[int]) -> None:
        """Send messages that are due, the first of which has this number."""
        for each, due_ns in enumerate(dues_ns, number):
            self.send(each, due_ns)

    def vital(self) -> Vital:
        """What its client has told of itself last; nothing of one that doesn't."""
        return NOTHING
