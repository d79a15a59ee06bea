"""Distance: a way that is slow or cut, by how long an answer takes on it and beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

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
    """Of a way that is slow or cut: answers on it are late or none, and the server's own are not.

    Args:
        ways: The addresses on the way.
        servers: Those of the servers at its end.
        took_s: Asks at one of them: how long an answer takes, in seconds; None for never.
        cut: Whether it is cut, and not slow.
    """

    def __init__(
        self,
        ways: Sequence[str],
        servers: Sequence[str],
        took_s: Callable[[str], float | None] = took_s,
        *,
        cut: bool = False,
    ) -> None:
        self.sightings = Sightings()
        self._ways = ways
        self._servers = servers
        self._took_s = took_s
        self._broken = "none" if cut else "slow"

    def look_before(self) -> None:
        """Answers come at once."""
        for way in self._ways:
            self._expect(way, "fast")

    def look_during(self) -> None:
        """On the way they take their time, or never come; those of the servers come at once."""
        for way in self._ways:
            self._expect(way, self._broken)
        for server in self._servers:
            self._expect(server, "fast")

    def look_after(self) -> None:
        """They come at once again."""
        for way in self._ways:
            self._expect(way, "fast")

    def _expect(self, address: str, wanted: str) -> None:
        found_s = self._took_s(address)
        slow = found_s is not None and found_s > SLOW_S
        found = "none" if found_s is None else "slow" if slow else "fast"
        seen = "never comes" if found_s is None else f"takes {found_s * 1000:.0f} ms"
        self.sightings.expect(
            so=found == wanted,
            seen=f"an answer from {address} {seen}",
            doubt=f"an answer from {address} was to be {wanted}, and {seen}",
        )
