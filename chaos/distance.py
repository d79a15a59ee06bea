"""Distance: a way that is slow, by how long an answer takes on it and beside it."""

from __future__ import annotations

import time

from chaos.caller import call
from chaos.sightings import Sightings

__all__ = ["Distance"]

# What a slow way adds is more than that, and a way that isn't slow is faster: a broker that is near
# answers within milliseconds, on a busy machine within tens of them.
SLOW_S = 0.1

# One call may be late by chance; of so many the fastest isn't.
CALLS = 3


def took_s(address: str) -> float | None:
    """How long the fastest of some calls takes; None where one has no answer."""
    found = []
    for _ in range(CALLS):
        began_s = time.monotonic()
        if call(address) != "answered":
            return None
        found.append(time.monotonic() - began_s)
    return min(found)


class Distance:
    """Of a way that is slow: answers on it take their time, and those of the server itself don't.

    Args:
        ways: The addresses on the way.
        servers: Those of the servers at its end.
    """

    def __init__(self, ways: tuple[str, ...], servers: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self._ways = ways
        self._servers = servers

    def look_before(self) -> None:
        """Answers come at once."""
        for way in self._ways:
            self._expect(way, slow=False)

    def look_during(self) -> None:
        """On the way they take their time."""
        for way, server in zip(self._ways, self._servers, strict=True):
            self._expect(way, slow=True)
            self._expect(server, slow=False)

    def look_after(self) -> None:
        """They come at once again."""
        for way in self._ways:
            self._expect(way, slow=False)

    def _expect(self, address: str, *, slow: bool) -> None:
        found_s = took_s(address)
        seen = "never comes" if found_s is None else f"takes {found_s * 1000:.0f} ms"
        self.sightings.expect(
            so=found_s is not None and (found_s > SLOW_S) == slow,
            seen=f"an answer from {address} {seen}",
            doubt=f"an answer from {address} was to be {'slow' if slow else 'fast'}, and {seen}",
        )
