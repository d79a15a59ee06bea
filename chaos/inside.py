"""Witnesses inside of a cluster: what one of its pods sees that nobody sees from without."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaos.distance import SLOW_S
from chaos.sightings import Sightings
from groundwork.base.errors import NotYetError

__all__ = ["Nameless", "Way"]

# What a name stands for is remembered for some seconds, and a pod is asked within one.
BACK_TIMEOUT_S = 60.0

# What a pod is told of a name: addresses, or why that can't be told.
Resolve = Callable[[], Sequence[str]]

# How long an answer takes a pod, in seconds; None where there is none.
TookS = Callable[[str], float | None]

UNKNOWN = "Temporary failure"


class Nameless:
    """Of name servers that nobody reaches: a pod that asks for a name isn't told anything.

    Args:
        resolve: Asks for the name.
        name: What is asked for, for people.
    """

    def __init__(self, resolve: Resolve, name: str) -> None:
        self.sightings = Sightings()
        self._resolve = resolve
        self._name = name
        self._before: Sequence[str] = ()

    def look_before(self) -> None:
        """It is told an address."""
        self._before = self._resolve()
        if not self._before or any(UNKNOWN in each for each in self._before):
            self.sightings.doubts.append(f"{self._name} led nowhere before: {self._before}")

    def look_during(self) -> None:
        """It is told nothing, and not that there is none."""
        said = self._resolve()
        self.sightings.expect(
            so=any(UNKNOWN in each for each in said),
            seen=f"a pod that asks for {self._name} hears: {', '.join(said)}",
            doubt=f"a pod that asks for {self._name} was to be told nothing, and hears {said}",
        )

    def look_after(self) -> None:
        """It is told what it was before."""

        def look() -> None:
            if (said := self._resolve()) != self._before:
                raise NotYetError(f"it hears {said}")

        what = f"a pod to be told of {self._name} again"
        seen = f"{self._name} leads to {', '.join(self._before)} again"
        self.sightings.expect_soon(look, BACK_TIMEOUT_S, what, seen)


class Way:
    """Of a way that is cut or slow: a pod that goes it has no answer, or a late one.

    Args:
        took_s: Has a pod ask at an address.
        ways: The addresses on the way.
        servers: Those of the servers at its end, which have their answers come at once.
        slow: Whether it is slow, and not cut.
    """

    def __init__(
        self, took_s: TookS, ways: Sequence[str], servers: Sequence[str], *, slow: bool
    ) -> None:
        self.sightings = Sightings()
        self._took_s = took_s
        self._ways = ways
        self._servers = servers
        self._slow = slow

    def look_before(self) -> None:
        """Answers come at once."""
        for way in self._ways:
            self._expect(way, "fast")

    def look_during(self) -> None:
        """They take their time, or never come; those of the server itself come at once."""
        for way in self._ways:
            self._expect(way, "slow" if self._slow else "none")
        for server in self._servers:
            self._expect(server, "fast")

    def look_after(self) -> None:
        """They come at once again."""
        for way in self._ways:
            self._expect(way, "fast")

    def _expect(self, address: str, wanted: str) -> None:
        found_s = self._took_s(address)
        is_slow = found_s is not None and found_s > SLOW_S
        found = "none" if found_s is None else "slow" if is_slow else "fast"
        told = "none" if found_s is None else f"one after {found_s * 1000:.0f} ms"
        self.sightings.expect(
            so=found == wanted,
            seen=f"of {address} a pod hears an answer: {told}",
            doubt=f"an answer from {address} was to be {wanted} to a pod, and was {told}",
        )
