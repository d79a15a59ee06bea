"""Latencies: the counts are HdrHistogram's, nothing is lost on the way, and files are standard."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from groundwork.base.errors import GroundworkError
from load.latency import HIGHEST_US, SLOTS, Latencies

SHARES = (0.0, 1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 100.0)

# As many of each size: of all numbers alike nearly all would be minutes.
SIZES = st.integers(0, HIGHEST_US.bit_length()).flatmap(
    lambda bits: st.integers(1, min(2**bits, HIGHEST_US))
)
VALUES = st.lists(SIZES, max_size=60)

# What may be given: also what is too short or too long to be told apart.
ANYTHING = st.lists(SIZES | st.integers(-(2**62), 2**62), max_size=60)


def folded(*lists: list[int] | NDArray[np.int64]) -> Latencies:
    """All of some lists, folded one after the other."""
    found = Latencies()
    for each in lists:
        found.fold(each)
    return found


def library(values_us: list[int]) -> HdrHistogram:
    """The same values as HdrHistogram's library counts them."""
    found = HdrHistogram(1, 600_000_000, 3)
    for each in values_us:
        assert found.record_value(each)
    return found


def counts_of(histogram: HdrHistogram) -> list[int]:
    """The library's own, slot by slot."""
    return [histogram.get_count_at_index(slot) for slot in range(histogram.counts_len)]


@settings(deadline=None)
@given(VALUES)
def test_counts_and_percentiles_are_the_librarys(values_us: list[int]) -> None:
    """Whatever is folded is counted in the slots where HdrHistogram's library counts it."""
    ours, theirs = folded(values_us), library(values_us)
    assert ours.counts.tolist() == counts_of(theirs)
    assert ours.total == theirs.get_total_count()
    if values_us:
        assert {each: ours.percentile(each) for each in SHARES} == (
            theirs.get_percentile_to_value_dict(SHARES)
        )


def test_every_edge_of_a_slot_is_the_librarys() -> None:
    """Around each power of two, where the buckets begin, and at both ends."""
    powers = [2**bits + near for bits in range(30) for near in (-1, 0, 1)]
    edges = [each for each in (*powers, 2047, 2048, 2049, HIGHEST_US) if 1 <= each <= HIGHEST_US]
    assert folded(edges).counts.tolist() == counts_of(library(edges))
    assert folded(np.array(edges)) == folded(edges)
    assert library([]).counts_len == SLOTS


@settings(deadline=None)
@given(ANYTHING, ANYTHING)
def test_merging_is_folding_both(left: list[int], right: list[int]) -> None:
    """Nothing of either is lost, and none of it is counted twice; the other stays as it was."""
    merged, other = folded(left), folded(right)
    merged.merge(other)
    assert merged == folded(left, right) == folded(left + right)
    assert other == folded(right)


@settings(deadline=None)
@given(ANYTHING)
def test_what_is_sent_arrives_exactly(values_us: list[int]) -> None:
    """Through JSON, as workers send it; and what arrives goes on counting."""
    sent = folded(values_us)
    arrived = Latencies.decode(json.loads(json.dumps(sent.encode())))
    assert arrived == sent
    assert (arrived.total, arrived.mean_us) == (sent.total, sent.mean_us)
    arrived.fold([7])
    assert arrived == folded([*values_us, 7])


@settings(deadline=None)
@given(ANYTHING)
def test_shortest_and_longest_are_those_that_were_given(values_us: list[int]) -> None:
    """Not rounded to slots; what can't be told apart counts as the nearest that can."""
    found = folded(values_us)
    counted = [min(max(each, 1), HIGHEST_US) for each in values_us]
    assert found.min_us == min(values_us, default=0)
    assert found.max_us == max(values_us, default=0)
    assert found.beyond == sum(each > HIGHEST_US for each in values_us)
    assert found.counts.tolist() == folded(counted).counts.tolist()
    assert found.mean_us == (sum(counted) / len(counted) if counted else 0)
    assert [share for share, _ in found.curve()][-1:] == [100.0] * bool(values_us)


@settings(deadline=None)
@given(ANYTHING, SIZES)
def test_what_is_not_over_a_limit_is_within_it(values_us: list[int], limit_us: int) -> None:
    """All that are over it count; of others only what the limit's own slot can't tell apart."""
    found = folded(values_us)
    over = found.count_over(limit_us)
    assert sum(each > limit_us for each in values_us) <= over
    assert over <= sum(each > limit_us * (1 - 1 / 1024) for each in values_us)
    for share in (50.0, 99.0, 100.0):
        rank = max(int(share * found.total / 100 + 0.5), 1)
        if values_us:
            assert (found.percentile(share) > limit_us) == (found.total - over < rank)


def test_two_workers_know_the_percentiles_of_all() -> None:
    """Each of a skewed load is within a thousandth of the raw value of its rank."""
    raw_us = np.random.default_rng(8).lognormal(7.5, 1.4, 200_000).astype(np.int64) + 1
    merged = folded(raw_us[:100_000])
    merged.merge(Latencies.decode(folded(raw_us[100_000:]).encode()))
    raw_us.sort()
    assert merged.total == 200_000
    for share in (50, 90, 99, 99.9, 99.99, 100):
        exact_us = int(raw_us[int(np.ceil(share * 200_000 / 100)) - 1])
        assert exact_us <= merged.percentile(share) <= exact_us * (1 + 1 / 1024)
    assert merged.max_us == raw_us[-1]
    assert merged.mean_us == pytest.approx(raw_us.mean())
    shares, took_ms = np.array(merged.curve()).T
    assert shares[-1] == pytest.approx(100)
    assert took_ms[np.searchsorted(shares, 99.0)] == merged.percentile(99) / 1000


def test_what_takes_too_long_is_counted_all_the_same() -> None:
    """As ten minutes, and as beyond: a percentile may lie among them, and a limit, too."""
    found = folded([5, 600_000_000, 600_000_001, 700_000_000])
    assert (found.total, found.beyond, found.max_us) == (4, 2, 700_000_000)
    assert found.percentile(100) == library([600_000_000]).get_value_at_percentile(100)
    assert found.count_over(599_000_000) == 3
    assert found.count_over(650_000_000) == 2


def test_nothing_is_nothing() -> None:
    """Where nothing was counted all is 0, before and after it was sent or merged."""
    found = Latencies.decode(folded([], np.array([], dtype=np.int64)).encode())
    found.merge(Latencies())
    assert found == Latencies()
    assert (found.total, found.beyond, found.min_us, found.max_us) == (0, 0, 0, 0)
    assert [found.percentile(each) for each in SHARES] == [0] * len(SHARES)
    assert (found.mean_us, found.count_over(0), found.curve()) == (0, 0, [])
    assert found.hdr().get_total_count() == 0
    found.merge(folded([9]))
    assert (found.min_us, found.max_us) == (9, 9)


def test_what_is_no_count_of_microseconds_is_refused() -> None:
    """Fractions in an array, more than 64 bits in a list, percentiles of more than 100."""
    found = Latencies()
    with pytest.raises(TypeError):
        found.fold(np.array([1.5]))
    with pytest.raises(OverflowError):
        found.fold([2**64])
    for share in (-1, 100.5, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 100"):
            found.percentile(share)
    assert found == Latencies()


def packed(raw: bytes) -> str:
    """Bytes in the form in which latencies are sent."""
    return base64.b64encode(zlib.compress(raw)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "what?",
        "bm90IHpsaWI=",
        Latencies().encode()[:-8],
        packed(b""),
        packed(bytes(41)),
        packed(bytes(40)),
        packed((1).to_bytes(8, "little") + bytes(32) + b"\xff\xff" + bytes([1] * 8)),
    ],
)
def test_what_is_not_latencies_is_not_decoded(text: str) -> None:
    """No base64, none of zlib, half of it, of another length or version, of no such slot."""
    with pytest.raises(GroundworkError, match="aren't latencies"):
        Latencies.decode(text)


def test_the_librarys_histogram_is_the_same() -> None:
    """It says the same of percentiles, and sends the same to others who use HdrHistogram."""
    values_us = [3, 3, 2_500, 70_001, 8_000_000]
    ours, theirs = folded(values_us).hdr(), library(values_us)
    assert counts_of(ours) == counts_of(theirs)
    assert ours.get_max_value() == theirs.get_max_value()
    assert ours.get_min_value() == theirs.get_min_value()
    assert HdrHistogram.decode(ours.encode()).get_total_count() == 5


def test_the_file_is_the_usual_one_in_milliseconds(tmp_path: Path) -> None:
    """Its header, its last line of 100 percent, its summary; and all of it in one unit."""
    file = tmp_path / "latency.hgrm"
    values_us = [1_000] * 99 + [2_000] * 900 + [500_000]
    folded(values_us).write_hgrm(file)
    lines = file.read_text().splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert lines[2].split()[:3] == ["1.000", "0.000000000000", "99"]
    assert lines[-4].split() == ["500.223", "1.000000000000", "1000"]
    summary = re.fullmatch(r"#\[Mean    = +([0-9.]+), StdDeviation   = +([0-9.]+)\]", lines[-3])
    assert summary is not None
    told_ms = [float(each) for each in summary.groups()]
    assert told_ms == pytest.approx([np.mean(values_us) / 1000, np.std(values_us) / 1000], rel=1e-3)
    assert lines[-2] == "#[Max     =      500.223, TotalCount     =     1000.000]"
    assert lines[-1] == "#[Buckets =           20, SubBuckets     =         2048]"


def test_a_file_of_nothing_says_so(tmp_path: Path) -> None:
    """It has a header and a summary of nothing."""
    file = tmp_path / "empty.hgrm"
    Latencies().write_hgrm(file)
    assert "TotalCount     =        0.000]" in file.read_text()
