"""Room: whether something can be written where a node of the broker has its data."""

from __future__ import annotations

from collections.abc import Callable

from chaos.sightings import Sightings

__all__ = ["END_TIMEOUT_S", "Room"]

# Kafka writes to the log of its quorum twice a second, and halts a moment after it couldn't.
END_TIMEOUT_S = 20.0


class Room:
    """What is free, as a witness sees it.

    Args:
        sightings: Whose.
        what: What it is on, for people.
        place: Where that is, for people.
        free_bytes: Asks how much can be written.
    """

    def __init__(
        self, sightings: Sightings, what: str, place: str, free_bytes: Callable[[], int]
    ) -> None:
        self._sightings = sightings
        self._what = what
        self._place = place
        self._free_bytes = free_bytes

    def expect_some(self, when: str) -> None:
        """Something can be written."""
        free = self._free_bytes()
        self._sightings.expect(
            so=free > 0,
            seen=f"{free} bytes are free {when} {self._place}",
            doubt=f"no byte is free {when} {self._place}",
        )

    def expect_none(self) -> None:
        """Nothing can."""
        free = self._free_bytes()
        self._sightings.expect(
            so=free == 0,
            seen=f"no byte is free {self._place}",
            doubt=f"{self._what} was to be full, and {free} bytes are free {self._place}",
        )
