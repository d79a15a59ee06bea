"""Inside of a cluster: what one of its pods is told that nobody is told from without."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaos.sightings import Sightings
from groundwork.base.errors import NotYetError

__all__ = ["Nameless"]

# What a name stands for is remembered for some seconds, and a pod is asked within one.
BACK_TIMEOUT_S = 60.0

# What a pod is told of a name: addresses, or why that can't be told.
Resolve = Callable[[], Sequence[str]]

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
