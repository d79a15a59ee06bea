"""Latencies: how many took how long, in the layout of HdrHistogram, folded in vectors."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from numpy.typing import NDArray

from groundwork.base.errors import GroundworkError

__all__ = ["DIGITS", "HIGHEST_US", "LOWEST_US", "SLOTS", "Latencies"]

Ints = NDArray[np.int64]

# A microsecond to ten minutes, to 3 significant digits.
LOWEST_US, HIGHEST_US, DIGITS = 1, 600_000_000, 3

# HdrHistogram's layout follows from these. 2048 is the first power of two that tells 2 * 10**3
# values apart; each bucket is twice as coarse as that before, and only its upper half is new.
SUB_BITS = 11
HALF_BITS = SUB_BITS - 1
BUCKETS = HIGHEST_US.bit_length() - SUB_BITS + 1
SLOTS = (BUCKETS + 1) << HALF_BITS

US_PER_MS = 1000

# What is sent begins with the number of this form; then sum, least, most, beyond; then the slots
# and, of each, the count.
FORM = 1
HEAD = np.dtype([("form", "<i8"), ("sums_us", "<i8"), ("ends_us", "<i8", (2,)), ("beyond", "<i8")])
SLOT, COUNT = np.dtype("<u2"), np.dtype("<i8")


def slots_of(counted_us: Ints) -> Ints:
    """The slot of each value: HdrHistogram's index into its counts.

    Args:
        counted_us: Of any shape, from 0 to the highest.
    """
    # The exponent of a float is the bit length of the whole number that it holds: exact to 2**53.
    _, bits = np.frexp(counted_us.astype(np.float64))
    bucket = np.maximum(bits.astype(np.int64) - SUB_BITS, 0)
    return (bucket << HALF_BITS) + (counted_us >> bucket)


def ranges_us() -> tuple[Ints, Ints]:
    """The least and the greatest value of each slot, both of shape (SLOTS,)."""
    slots = np.arange(SLOTS, dtype=np.int64)
    bucket = np.maximum((slots >> HALF_BITS) - 1, 0)
    least_us = (slots - (bucket << HALF_BITS)) << bucket
    return least_us, least_us + (np.int64(1) << bucket) - 1


LEAST_US, GREATEST_US = ranges_us()


class Latencies:
    """How many took how long, exact to a slot: 1 µs up to 2 ms, a thousandth of it from there on.

    What takes less than 1 µs counts as 1 µs; what takes longer than ten minutes counts as ten
    minutes, and as beyond. One thread at a time may change it.

    Attributes:
        counts: Of each slot, shape (SLOTS,), in HdrHistogram's order.
        beyond: How many took longer than the highest.
        min_us: The shortest as it was given, also where it counts as 1; 0 where there is none.
        max_us: The longest as it was given, also where it is beyond; 0 where there is none.
    """

    def __init__(self) -> None:
        self.counts: Ints = np.zeros(SLOTS, dtype=np.int64)
        self.beyond = 0
        self.min_us = 0
        self.max_us = 0
        self._sum_us = 0
        self._total = 0

    def fold(self, values_us: Sequence[int] | NDArray[np.integer]) -> None:
        """Add values; made for thousands at once, as each call costs what some hundreds do.

        Args:
            values_us: In whole microseconds, shape (n,); none is none.

        Raises:
            OverflowError: One has more than 64 bits.
            TypeError: An array isn't one of whole numbers.
        """
        if isinstance(values_us, np.ndarray):
            given: Ints = values_us.astype(np.int64, casting="same_kind", copy=False)
        else:  # of a list this takes two thirds of the time that np.asarray does
            given = np.fromiter(values_us, dtype=np.int64, count=len(values_us))
        if not given.size:
            return
        counted = np.clip(given, LOWEST_US, HIGHEST_US)
        found = np.bincount(slots_of(counted))  # as long as the highest slot that it needs
        self.counts[: len(found)] += found
        beyond = int(np.count_nonzero(given > HIGHEST_US))
        ends_us = (int(given.min()), int(given.max()))
        self._note(int(counted.sum()), given.size, ends_us, beyond)

    def merge(self, other: Latencies) -> None:
        """Add all of another: nothing is lost, it is as if this one had been given them."""
        self.counts += other.counts
        self._note(other._sum_us, other.total, (other.min_us, other.max_us), other.beyond)

    def _note(self, sum_us: int, total: int, ends_us: tuple[int, int], beyond: int) -> None:
        """Take down what the slots don't tell of some that are new; none of them is none."""
        if not total:
            return
        least_us, most_us = ends_us
        self.min_us = min(self.min_us, least_us) if self._total else least_us
        self.max_us = max(self.max_us, most_us) if self._total else most_us
        self.beyond += beyond
        self._sum_us += sum_us
        self._total += total

    @property
    def total(self) -> int:
        """How many there are."""
        return self._total

    @property
    def mean_us(self) -> float:
        """The mean of what they count as, not rounded to slots; 0 where there is none."""
        return self._sum_us / self._total if self._total else 0.0

    def percentile(self, share: float) -> int:
        """What that many of 100 took at the most, in microseconds; 0 where there is none.

        As HdrHistogram's libraries for Python and C have it: of the value whose rank is the share
        of the total, rounded to the nearest whole, the greatest that is of the same slot. That of
        0 is the least of the first slot; that of 100 may be greater than ``max_us``.

        Args:
            share: From 0 to 100.

        Raises:
            ValueError: It isn't.
        """
        if not 0 <= share <= 100:  # noqa: PLR2004 - it is one of 100
            raise ValueError(f"a percentile is from 0 to 100, not {share}")
        if not self._total:
            return 0
        rank = max(int(share * self._total / 100 + 0.5), 1)
        slot = int(np.searchsorted(np.cumsum(self.counts), rank))
        return int(GREATEST_US[slot] if share else LEAST_US[slot])

    def slots(self) -> Iterator[tuple[int, int]]:
        """Each slot that has any: the greatest value of it, in microseconds, and how many."""
        found = np.flatnonzero(self.counts)
        yield from zip(GREATEST_US[found].tolist(), self.counts[found].tolist(), strict=True)

    def curve(self) -> list[tuple[float, float]]:
        """What share of 100 took how many milliseconds at the most: of each slot that has any."""
        slots = np.flatnonzero(self.counts)
        shares = np.cumsum(self.counts[slots]) * 100 / max(self._total, 1)
        took_ms = GREATEST_US[slots] / US_PER_MS
        return list(zip(shares.tolist(), took_ms.tolist(), strict=True))

    def count_over(self, limit_us: int) -> int:
        """How many may have taken longer: of a slot that the limit is in, all count.

        So it agrees with percentiles, which are the greatest of a slot, too; and what is left is
        certainly within the limit.

        Args:
            limit_us: What they may take.
        """
        first = int(np.searchsorted(GREATEST_US, limit_us, side="right"))
        # A limit above the highest is above the last slot, which has all that is beyond.
        return max(int(self.counts[first:].sum()), self.beyond)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latencies):
            return NotImplemented
        mine = (self._sum_us, self.min_us, self.max_us, self.beyond)
        theirs = (other._sum_us, other.min_us, other.max_us, other.beyond)
        return mine == theirs and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment] # it changes

    def encode(self) -> str:
        """All of it as ASCII, for JSON or msgpack: base64 of what zlib makes of the full slots."""
        slots = np.flatnonzero(self.counts)
        ends_us = (self.min_us, self.max_us)
        head = np.array((FORM, self._sum_us, ends_us, self.beyond), dtype=HEAD)
        parts = (head, slots.astype(SLOT), self.counts[slots].astype(COUNT))
        packed = zlib.compress(b"".join(each.tobytes() for each in parts))
        return base64.b64encode(packed).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> Latencies:
        """What was encoded, exactly.

        Raises:
            GroundworkError: It wasn't.
        """
        try:
            raw = zlib.decompress(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, zlib.error) as error:
            raise GroundworkError(f"these aren't latencies: {error}") from None
        many, rest = divmod(len(raw) - HEAD.itemsize, SLOT.itemsize + COUNT.itemsize)
        if many < 0 or rest:
            raise GroundworkError(f"these aren't latencies: they have {len(raw)} bytes")
        head = np.frombuffer(raw, HEAD, count=1)[0]
        slots = np.frombuffer(raw, SLOT, many, HEAD.itemsize)
        counts = np.frombuffer(raw, COUNT, many, HEAD.itemsize + slots.nbytes)
        if head["form"] != FORM or np.any(slots >= SLOTS) or np.any(counts < 1):
            raise GroundworkError("these aren't latencies, or of another version")
        found = cls()
        found.counts[slots] = counts
        least_us, most_us = head["ends_us"].tolist()
        sums_us, beyond = int(head["sums_us"]), int(head["beyond"])
        found._note(sums_us, int(found.counts.sum()), (least_us, most_us), beyond)
        return found

    def hdr(self) -> HdrHistogram:
        """The same as HdrHistogram's library has it, in microseconds.

        It rounds its shortest and its longest to slots; sums and means are those of slots, too.
        """
        return self._filled(HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS))

    def _filled(self, histogram: HdrHistogram) -> HdrHistogram:
        for slot in np.flatnonzero(self.counts).tolist():
            histogram.record_value(int(LEAST_US[slot]), int(self.counts[slot]))
        return histogram

    def write_hgrm(self, file: Path) -> None:
        """Write the distribution of percentiles as HdrHistogram's tools do, in milliseconds."""
        histogram = self._filled(InMilliseconds(LOWEST_US, HIGHEST_US, DIGITS))
        with file.open("wb") as out:
            histogram.output_percentile_distribution(out, US_PER_MS)


class InMilliseconds(HdrHistogram):  # type: ignore[misc] # it has no types
    """What HdrHistogram's library for Python forgets when it writes milliseconds.

    It scales all but the deviation; that for Java, whose format it is, scales this, too.
    """

    def get_stddev(self) -> float:
        """The standard deviation, in milliseconds of what was recorded in microseconds."""
        return float(super().get_stddev()) / US_PER_MS
