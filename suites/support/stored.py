"""Messages as a client hands them over, of what a test has put into a topic in its mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Stored"]


@dataclass(frozen=True)
class Stored:
    """A message as it is read.

    Attributes:
        place: The number of its partition.
        at: Its offset there.
        body: Its key and its value.
        header: All of them.
    """

    place: int
    at: int
    body: tuple[bytes | None, bytes | None]
    header: Sequence[tuple[str, bytes | None]] | None

    def topic(self) -> str:
        """Which it is on."""
        return "t"

    def partition(self) -> int:
        """Which it is in."""
        return self.place

    def offset(self) -> int:
        """Where in it."""
        return self.at

    def key(self) -> bytes | None:
        """By which its partition was chosen."""
        return self.body[0]

    def value(self) -> bytes | None:
        """What was sent."""
        return self.body[1]

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        """What it is known by."""
        return self.header
