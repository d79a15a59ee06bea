"""Arrivals: when each message of a load is intended, whatever becomes of those before.

Nothing is ever in memory but a chunk, 100 ms of it, and each chunk is made on its own: workers and
whoever looks afterwards find the same schedule, wherever they begin. Moments are whole nanoseconds
and rates whole messages in 1000 seconds, so that nothing drifts however long a load lasts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from groundwork.base.errors import UsageError
from groundwork.checkers.history import SECOND_NS

__all__ = ["CHUNK_NS", "KINDS", "Arrivals", "arrivals_of"]

# So much of a schedule is computed at a time, and so often what was measured is put together.
CHUNK_NS = 100_000_000

# Rates are kept as whole messages in so long a time: as integers, and fine enough for anybody.
KS_NS = 1000 * SECOND_NS

# What a chunk may take: 800 kB at the highest rate, 8 MB of a burst. Both, times KS_NS, fit into 64
# bits, which the arithmetic of a chunk relies on.
RATE_PER_S_MIN, RATE_PER_S_MAX = 0.001, 1_000_000.0
BURST_MAX = 1_000_000

# A soak of a week; nobody has asked for more.
DURATION_S_MAX = 7 * 86_400.0

# More is a ramp.
STEPS_MAX = 1000

# Workers; each makes all of a chunk to find its own, so many more would be a waste.
PARTS_MAX = 1000

# The kinds, and what each takes beside a rate, a duration and a seed.
KINDS: Mapping[str, tuple[str, ...]] = {
    "burst": ("burst",),
    "constant": (),
    "poisson": (),
    "ramp": ("to_rate_per_s",),
    "step": ("to_rate_per_s", "steps"),
}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Arrivals(ABC):
    """A schedule, or a worker's part of it.

    Attributes:
        duration_ns: How long it is; every message is intended before its end.
        index: Which part of it this is.
        of: How many parts there are.
    """

    duration_ns: int
    index: int = 0
    of: int = 1

    @property
    def chunks(self) -> int:
        """How many chunks there are; the last may be a shorter one."""
        return -(-self.duration_ns // CHUNK_NS)

    @property
    def count(self) -> int:
        """How many messages there are in all chunks of this part."""
        return len(range(self.index, self._first(self.chunks), self.of))

    def chunk(self, number: int) -> NDArray[np.int64]:
        """The messages intended within 100 ms, whichever chunks were asked for before.

        Args:
            number: Of the chunk, from 0.

        Returns:
            Nanoseconds since the start, one for each message, in [number * CHUNK_NS, (number + 1) *
            CHUNK_NS), sorted; those of a burst are equal. Empty where none is intended.

        Raises:
            IndexError: There is no such chunk.
        """
        if not 0 <= number < self.chunks:
            raise IndexError(f"there is no chunk {number} among {self.chunks}")
        # Making all and leaving out the others' is what keeps the parts of any number the whole.
        mine = self._whole(number)[(self.index - self._first(number)) % self.of :: self.of]
        return np.ascontiguousarray(mine)

    def split(self, index: int, of: int) -> Self:
        """One of several parts that make up all of this one, each message in exactly one.

        Messages are dealt in turn, by their number in the whole schedule. Those of a Poisson
        process have no number that could be told without drawing all before; they are dealt by
        their place in their chunk, beginning with another part in each. A part may be split again.

        Args:
            index: Which part, from 0.
            of: How many there are.

        Raises:
            UsageError: There is no such part.
        """
        whole("of", of, 1, PARTS_MAX)
        if not 0 <= index < of:
            raise UsageError(
                f"part {index} of {of}: there is no such part; the first is 0, the last {of - 1}"
            )
        return replace(self, index=self.index + self.of * index, of=self.of * of)

    def _span(self, number: int) -> tuple[int, int]:
        """When a chunk begins and ends, in nanoseconds since the start."""
        since_ns = number * CHUNK_NS
        return since_ns, min(since_ns + CHUNK_NS, self.duration_ns)

    @abstractmethod
    def _first(self, number: int) -> int:
        """The number of a chunk's first message; of the chunk after the last, that of all."""

    @abstractmethod
    def _whole(self, number: int) -> NDArray[np.int64]:
        """A chunk before it is split, as `chunk` returns it."""


@dataclass(frozen=True)
class Piece:
    """A while in which messages come at equal distances, so many at once, from its begin on.

    Attributes:
        begin_ns: When it begins.
        end_ns: When it is over.
        rate_per_ks: Messages in 1000 seconds.
        together: How many come at once.
    """

    begin_ns: int
    end_ns: int
    rate_per_ks: int
    together: int = 1

    @cached_property
    def gap_ns(self) -> Fraction:
        """From one group to the next; the group i comes at the whole nanoseconds of i of them."""
        return Fraction(self.together * KS_NS, self.rate_per_ks)

    def groups(self, before_ns: int) -> int:
        """How many groups come before a moment."""
        elapsed_ns = min(max(before_ns, self.begin_ns), self.end_ns) - self.begin_ns
        return -(-elapsed_ns * self.gap_ns.denominator // self.gap_ns.numerator)

    def offsets(self, since_ns: int, until_ns: int) -> NDArray[np.int64]:
        """When those between two moments come, in nanoseconds since the schedule's start."""
        first, last = self.groups(since_ns), self.groups(until_ns)
        gap, unit = self.gap_ns.numerator, self.gap_ns.denominator
        # As Python's integers up to the first, in 64 bits from there: a chunk's length at the most.
        whole_ns, rest = divmod(first * gap, unit)
        later_ns = (rest + np.arange(last - first, dtype=np.int64) * gap) // unit
        return np.repeat(self.begin_ns + whole_ns + later_ns, self.together)


@dataclass(frozen=True, kw_only=True)
class Even(Arrivals):
    """Constant, step and burst: one piece after the other.

    Attributes:
        pieces: In their order, without anything between them.
    """

    pieces: tuple[Piece, ...]

    def _first(self, number: int) -> int:
        since_ns = number * CHUNK_NS
        return sum(each.groups(since_ns) * each.together for each in self.pieces)

    def _whole(self, number: int) -> NDArray[np.int64]:
        since_ns, until_ns = self._span(number)
        there = (
            each for each in self.pieces if each.begin_ns < until_ns and each.end_ns > since_ns
        )
        return np.concatenate([each.offsets(since_ns, until_ns) for each in there])


@dataclass(frozen=True, kw_only=True)
class Ramp(Arrivals):
    """A rate that goes from one to another in a straight line.

    The message i comes when the integral of the rate is i.

    Attributes:
        from_per_ks: Messages in 1000 seconds at the start.
        to_per_ks: Messages in 1000 seconds at the end.
    """

    from_per_ks: int
    to_per_ks: int

    def _due(self, before_ns: int) -> Fraction:
        """The integral of the rate up to a moment, in messages."""
        mean_per_ks = self.from_per_ks + Fraction(
            (self.to_per_ks - self.from_per_ks) * before_ns, 2 * self.duration_ns
        )
        return mean_per_ks * before_ns / KS_NS

    def _first(self, number: int) -> int:
        # Of the chunk after the last, too, and that may begin after the end.
        due = self._due(min(number * CHUNK_NS, self.duration_ns))
        return -(-due.numerator // due.denominator)

    def _whole(self, number: int) -> NDArray[np.int64]:
        since_ns, until_ns = self._span(number)
        first = self._first(number)
        # Numbers are exact up to the chunk's begin. From there on floats are: of 100 ms they tell
        # less than a millionth of a nanosecond.
        wanted = float(first - self._due(since_ns)) + np.arange(self._first(number + 1) - first)
        slope = (self.to_per_ks - self.from_per_ks) / (self.duration_ns * KS_NS)
        rate = self.from_per_ks / KS_NS + slope * since_ns
        # Of the two ways to write the root of a quadratic equation, that which bears a slope of 0.
        below = rate + np.sqrt(np.maximum(rate * rate + 2 * slope * wanted, 0))
        later_ns = np.divide(2 * wanted, below, out=np.zeros_like(wanted), where=below > 0)
        # What is counted in a chunk is in it, however the last digit was rounded.
        offsets: NDArray[np.int64] = since_ns + later_ns.astype(np.int64)
        return np.minimum(offsets, until_ns - 1)


@dataclass(frozen=True, kw_only=True)
class Poisson(Arrivals):
    """Messages that know nothing of each other: exponential gaps, as many users make them.

    How many come in a chunk is drawn first, then where each is: that is exactly a Poisson process,
    and needs nothing from the chunks before. All parts together are one; a part alone is more even.

    Attributes:
        rate_per_ks: Messages in 1000 seconds, on average.
        seed: Another one is another schedule.
    """

    rate_per_ks: int
    seed: int

    @cached_property
    def count(self) -> int:
        """How many messages there are in all chunks of this part; draws once for each chunk."""
        sizes = (self._drawn(number)[1] for number in range(self.chunks))
        parts = ((self.index - self._first(number)) % self.of for number in range(self.chunks))
        return sum(len(range(*each, self.of)) for each in zip(parts, sizes, strict=True))

    def _drawn(self, number: int) -> tuple[np.random.Generator, int]:
        """How many come in a chunk, and what draws where they are."""
        since_ns, until_ns = self._span(number)
        generator = np.random.default_rng((self.seed, number))
        return generator, int(generator.poisson(self.rate_per_ks * (until_ns - since_ns) / KS_NS))

    def _first(self, number: int) -> int:
        # A number that deals the first of a chunk to another part each time: else, where there is
        # about one message in each, the first part would have them all.
        return number

    def _whole(self, number: int) -> NDArray[np.int64]:
        generator, size = self._drawn(number)
        return np.sort(generator.integers(*self._span(number), size=size, dtype=np.int64))


def arrivals_of(
    kind: str,
    *,
    rate_per_s: float,
    duration_s: float,
    seed: int = 0,
    to_rate_per_s: float | None = None,
    steps: int | None = None,
    burst: int | None = None,
) -> Arrivals:
    """The schedule of a load.

    Args:
        kind: One of KINDS.
        rate_per_s: Messages a second; of a ramp and of steps, at the start. Counts in thousandths.
        duration_s: How long, in seconds.
        seed: Of what is drawn; only poisson draws.
        to_rate_per_s: Messages a second at the end. A ramp may begin or end with 0.
        steps: How many rates there are, the first and the last included, each for the same time.
        burst: How many messages come at once.

    Raises:
        UsageError: There is no such kind, or it can't be with these values.
    """
    if kind not in KINDS:
        raise UsageError(f"arrivals {kind}: there is no such kind; known: {', '.join(KINDS)}")
    judge_given(kind, {"to_rate_per_s": to_rate_per_s, "steps": steps, "burst": burst})
    if not 0 < duration_s <= DURATION_S_MAX:
        raise UsageError(
            f"duration_s: {duration_s:g} should be over 0, and {DURATION_S_MAX:g} at the most"
        )
    duration_ns = max(round(duration_s * SECOND_NS), 1)
    if kind == "ramp":
        to = wanted(kind, "to_rate_per_s", to_rate_per_s)
        # One of them may be 0: the load comes from nothing, or goes back there.
        return Ramp(
            duration_ns=duration_ns,
            from_per_ks=per_ks("rate_per_s", rate_per_s, still=to > 0),
            to_per_ks=per_ks("to_rate_per_s", to, still=rate_per_s > 0),
        )
    rate = per_ks("rate_per_s", rate_per_s)
    if kind == "poisson":
        if seed < 0:
            raise UsageError(f"seed: {seed} should be 0 or more")
        return Poisson(duration_ns=duration_ns, rate_per_ks=rate, seed=seed)
    if kind == "step":
        to = per_ks("to_rate_per_s", wanted(kind, "to_rate_per_s", to_rate_per_s))
        number = whole("steps", wanted(kind, "steps", steps), 2, STEPS_MAX)
        return Even(duration_ns=duration_ns, pieces=stairs(rate, to, number, duration_ns))
    together = whole("burst", wanted(kind, "burst", burst), 1, BURST_MAX) if kind == "burst" else 1
    return Even(duration_ns=duration_ns, pieces=(Piece(0, duration_ns, rate, together),))


def stairs(from_per_ks: int, to_per_ks: int, steps: int, duration_ns: int) -> tuple[Piece, ...]:
    """The pieces of a rate that goes from one to another in equal steps of equal length."""
    ends_ns = [duration_ns * each // steps for each in range(steps + 1)]
    height = Fraction(to_per_ks - from_per_ks, steps - 1)
    return tuple(
        Piece(ends_ns[each], ends_ns[each + 1], from_per_ks + round(height * each))
        for each in range(steps)
    )


def judge_given(kind: str, given: Mapping[str, object]) -> None:
    """Refuse what a kind has no use for: who gives it expects something of it."""
    for name, value in given.items():
        if value is not None and name not in KINDS[kind]:
            others = " or ".join(each for each, takes in KINDS.items() if name in takes)
            raise UsageError(f"{name}: {kind} arrivals take none; leave it out, or choose {others}")


def wanted(kind: str, name: str, value: T | None) -> T:
    """What a kind can't do without."""
    if value is None:
        raise UsageError(f"{name}: {kind} arrivals need it; say what it is")
    return value


def per_ks(name: str, rate_per_s: float, *, still: bool = False) -> int:
    """A rate as whole messages in 1000 seconds; 0 is one where it may stand still."""
    if still and rate_per_s == 0:
        return 0
    if not RATE_PER_S_MIN <= rate_per_s <= RATE_PER_S_MAX:
        raise UsageError(
            f"{name}: {rate_per_s:g} should be from {RATE_PER_S_MIN:g} to {RATE_PER_S_MAX:,.0f} "
            "messages a second"
        )
    return round(rate_per_s * 1000)


def whole(name: str, value: int, least: int, most: int) -> int:
    """A number within its limits."""
    if not least <= value <= most:
        raise UsageError(f"{name}: {value} should be from {least} to {most:,}")
    return value
