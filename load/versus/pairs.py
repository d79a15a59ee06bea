"""Pairs: two ways of doing the same, in turn, so that what slows a machine down slows down both.

In the order ABBA: what gets slower evenly does so for both of two pairs. Of each pair the ratio is
taken, and of these the median, with the lowest and the highest beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Measured", "Pair", "Ratio", "Side", "in_turn", "ratio_of"]

# A tool that others have written, and ours.
Side = Literal["native", "own"]

MILLION = 1_000_000


@dataclass(frozen=True)
class Measured:
    """What one side did.

    Attributes:
        rate_per_s: Records, or requests, in a second.
        count: How many in all.
        client_s: Seconds of processors that it took, its start among them.
        served_s: The same of whom it was offered to.
    """

    rate_per_s: float
    count: int
    client_s: float
    served_s: float

    @property
    def client_s_per_million(self) -> float:
        """Seconds of processors for a million."""
        return self.client_s / self.count * MILLION if self.count else 0.0

    @property
    def served_s_per_million(self) -> float:
        """The same of whom it was offered to."""
        return self.served_s / self.count * MILLION if self.count else 0.0


@dataclass(frozen=True)
class Pair:
    """Both, right after each other."""

    native: Measured
    own: Measured

    @property
    def ratio(self) -> float:
        """How fast ours is; 1 is as fast."""
        return self.own.rate_per_s / self.native.rate_per_s if self.native.rate_per_s else 0.0


@dataclass(frozen=True)
class Ratio:
    """How fast ours is, of several pairs; 1 is as fast."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        """For people."""
        return f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


def in_turn(pairs: int) -> Iterator[tuple[Side, Side]]:
    """The order of each pair: native first, own first, and so on."""
    for number in range(pairs):
        yield ("own", "native") if number % 2 else ("native", "own")


def ratio_of(pairs: Sequence[Pair]) -> Ratio:
    """How fast ours is.

    Args:
        pairs: One at least.
    """
    found = [each.ratio for each in pairs]
    return Ratio(statistics.median(found), min(found), max(found))


def lines_of(pairs: Sequence[Pair], unit: str) -> Iterator[str]:
    """A table of pairs, for people; ``unit`` is what there is a million of."""
    yield (
        f"| pair | native, {unit}/s | own, {unit}/s | ratio "
        "| CPU s a million: native, own | of whom it is offered to: native, own |"
    )
    yield "|---|---|---|---|---|---|"
    for number, each in enumerate(pairs, 1):
        native, own = each.native, each.own
        yield (
            f"| {number} | {native.rate_per_s:,.0f} | {own.rate_per_s:,.0f} | {each.ratio:.2f} "
            f"| {native.client_s_per_million:.2f}, {own.client_s_per_million:.2f} "
            f"| {native.served_s_per_million:.2f}, {own.served_s_per_million:.2f} |"
        )
