"""The footprint of something that runs: how much memory it has, and how long it was busy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["NS_PER_S", "Footprint"]

# Kernels and kubelets count processors' time in nanoseconds.
NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Footprint:
    """What it takes of a machine.

    Attributes:
        resident_bytes: Its resident memory, now.
        cpu_s: Seconds of processors that it has used since it began; what has ended counts no more.
        waited_s: Seconds in which its threads could have gone on, and no processor was free; 0
            where nobody tells.
    """

    resident_bytes: int = 0
    cpu_s: float = 0.0
    waited_s: float = 0.0

    def __add__(self, other: Footprint) -> Footprint:
        return Footprint(
            self.resident_bytes + other.resident_bytes,
            self.cpu_s + other.cpu_s,
            self.waited_s + other.waited_s,
        )

    @classmethod
    def of_all(cls, parts: Iterable[Footprint]) -> Footprint:
        """That of several together."""
        return sum(parts, cls())
