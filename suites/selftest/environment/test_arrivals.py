"""Arrivals: a schedule is one and the same, whoever looks at which part of it in which order."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from groundwork.base.errors import UsageError
from load.arrivals import CHUNK_NS, KINDS, Arrivals, arrivals_of

SECOND_NS = 1_000_000_000
RATES = st.one_of(st.floats(0.001, 20_000), st.integers(1, 20_000))
WANTS: dict[str, st.SearchStrategy[Any]] = {
    "burst": st.integers(1, 500),
    "steps": st.integers(2, 30),
    "to_rate_per_s": RATES,
}


@st.composite
def schedules(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(KINDS)) -> Arrivals:
    """Any schedule of some kinds, of a second and a half at the most."""
    kind = draw(st.sampled_from(kinds))
    return arrivals_of(
        kind,
        rate_per_s=draw(RATES),
        duration_s=draw(st.floats(1e-6, 1.5)),
        seed=draw(st.integers(0, 2**63)),
        **{name: draw(WANTS[name]) for name in KINDS[kind]},
    )


def all_of(arrivals: Arrivals) -> NDArray[np.int64]:
    """The whole schedule, which only a test may ask for."""
    return np.concatenate([arrivals.chunk(number) for number in range(arrivals.chunks)])


def exact_ns(number: int, rate_per_s: int) -> int:
    """When a message of a constant rate is intended, in nanoseconds since the start."""
    return number * SECOND_NS // rate_per_s


@settings(max_examples=60, deadline=None)
@given(schedules())
def test_a_schedule_is_sorted_and_within_its_time(arrivals: Arrivals) -> None:
    """Each chunk has its own 100 ms, none reaches over the end, and together they are the count."""
    whole = all_of(arrivals)
    assert len(whole) == arrivals.count
    assert np.all(np.diff(whole) >= 0)
    for number in range(arrivals.chunks):
        chunk = arrivals.chunk(number)
        assert chunk.dtype == np.int64
        assert np.all(chunk // CHUNK_NS == number)
        assert np.all(chunk < arrivals.duration_ns)
    assert (arrivals.chunks - 1) * CHUNK_NS < arrivals.duration_ns <= arrivals.chunks * CHUNK_NS


@settings(max_examples=40, deadline=None)
@given(schedules(), st.randoms(use_true_random=False))
def test_chunks_may_be_asked_for_in_any_order(arrivals: Arrivals, random: Any) -> None:
    """Nothing is remembered from one to the next."""
    order = list(range(arrivals.chunks)) * 2
    random.shuffle(order)
    found = {number: arrivals.chunk(number) for number in order}
    whole = np.concatenate([found[number] for number in sorted(found)])
    assert np.array_equal(whole, all_of(arrivals))


@settings(max_examples=60, deadline=None)
@given(schedules(), st.integers(1, 9))
def test_parts_are_the_whole(arrivals: Arrivals, of: int) -> None:
    """In each chunk, and no message is in two of them; each part knows its count."""
    parts = [arrivals.split(index, of) for index in range(of)]
    for number in range(arrivals.chunks):
        dealt = np.concatenate([part.chunk(number) for part in parts])
        assert np.array_equal(np.sort(dealt), arrivals.chunk(number))
    assert [part.count for part in parts] == [len(all_of(part)) for part in parts]
    assert sum(part.count for part in parts) == arrivals.count


@settings(max_examples=40, deadline=None)
@given(schedules(("burst", "constant", "ramp", "step")), st.integers(1, 9))
def test_numbered_messages_are_dealt_in_turn(arrivals: Arrivals, of: int) -> None:
    """Part 1 of 3 has the second, the fifth, the eighth, across all chunks."""
    whole = all_of(arrivals)
    for index in range(of):
        assert np.array_equal(all_of(arrivals.split(index, of)), whole[index::of])


@settings(max_examples=40, deadline=None)
@given(schedules(), st.integers(1, 4), st.integers(1, 4))
def test_a_part_may_be_split_again(arrivals: Arrivals, of: int, again: int) -> None:
    """Among machines, and on each among its processes."""
    for index in range(of):
        part = arrivals.split(index, of)
        dealt = np.concatenate([all_of(part.split(each, again)) for each in range(again)])
        assert np.array_equal(np.sort(dealt), all_of(part))


def test_few_messages_of_a_poisson_process_are_dealt_to_all() -> None:
    """One in each chunk, on average: who has the first of each must change."""
    arrivals = arrivals_of("poisson", rate_per_s=10, duration_s=200, seed=1)
    counts = [arrivals.split(index, 4).count for index in range(4)]
    assert min(counts) > 0.8 * arrivals.count / 4


@pytest.mark.parametrize("rate", [125_000, 99_991])
def test_ten_minutes_bring_no_drift(rate: int) -> None:
    """In the last chunk each message is where integers put it, to the nanosecond."""
    arrivals = arrivals_of("constant", rate_per_s=rate, duration_s=600)
    assert arrivals.count == rate * 600
    assert arrivals.chunks == 6000
    last = arrivals.chunk(5999).tolist()
    numbers = range(arrivals.count - len(last), arrivals.count)
    assert last == [exact_ns(number, rate) for number in numbers]
    assert exact_ns(numbers[0] - 1, rate) < 5999 * CHUNK_NS


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20_000), st.floats(1e-6, 1.5))
def test_a_constant_rate_is_that_of_integers(rate: int, duration_s: float) -> None:
    """Message i at i * 10**9 // rate, all of them before the end."""
    arrivals = arrivals_of("constant", rate_per_s=rate, duration_s=duration_s)
    assert all_of(arrivals).tolist() == [exact_ns(each, rate) for each in range(arrivals.count)]
    assert exact_ns(arrivals.count, rate) >= arrivals.duration_ns


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 1500))
def test_a_ramp_has_the_integral_of_its_rate(begin: int, end: int, duration_ms: int) -> None:
    """Within one message, up to each chunk's end; 0 may be on either side."""
    if begin == end == 0:
        end = 1
    duration_s = duration_ms / 1000
    arrivals = arrivals_of("ramp", rate_per_s=begin, to_rate_per_s=end, duration_s=duration_s)
    seen = 0
    for number in range(arrivals.chunks):
        seen += len(arrivals.chunk(number))
        until_s = Fraction(min((number + 1) * CHUNK_NS, arrivals.duration_ns), SECOND_NS)
        slope = Fraction((end - begin) * 1000, duration_ms)
        assert 0 <= seen - (begin * until_s + slope * until_s**2 / 2) < 1


@pytest.mark.parametrize(("begin", "end"), [(0, 125_000), (125_000, 0), (1000, 125_000), (7, 7)])
def test_a_message_of_a_ramp_comes_when_the_integral_is_its_number(begin: int, end: int) -> None:
    """To the nanosecond, up to the last one of ten minutes."""
    arrivals = arrivals_of("ramp", rate_per_s=begin, to_rate_per_s=end, duration_s=600)
    slope = Fraction(end - begin, 600)

    def due(offset_ns: int) -> Fraction:
        since_s = Fraction(offset_ns, SECOND_NS)
        return begin * since_s + slope * since_s**2 / 2

    middle, last = sum(len(arrivals.chunk(each)) for each in range(3000)), arrivals.count
    for number, first in ((0, 0), (3000, middle), (5999, last - len(arrivals.chunk(5999)))):
        for message, offset_ns in enumerate(arrivals.chunk(number).tolist(), first):
            assert due(max(offset_ns - 1, 0)) <= message <= due(offset_ns + 2)


def test_a_message_right_before_the_end_of_a_chunk_is_in_it() -> None:
    """Less than a millionth of a nanosecond before it: rounding must not put it into the next."""
    arrivals = arrivals_of(
        "ramp", rate_per_s=990_000, to_rate_per_s=990_000.001, duration_s=604_800
    )
    assert arrivals.chunk(0)[-1] == CHUNK_NS - 1


def test_steps_have_their_rates() -> None:
    """From 100 to 300 in three: 100, 200 and 300 a second, each for the same time."""
    arrivals = arrivals_of("step", rate_per_s=100, to_rate_per_s=300, steps=3, duration_s=30)
    whole = all_of(arrivals)
    for step, rate in enumerate((100, 200, 300)):
        begin_ns = step * 10 * SECOND_NS
        mine = whole[(whole >= begin_ns) & (whole < begin_ns + 10 * SECOND_NS)]
        assert mine.tolist() == [begin_ns + exact_ns(each, rate) for each in range(rate * 10)]


def test_steps_may_go_down_and_be_shorter_than_a_chunk() -> None:
    """Three in 150 ms: the second lies in two chunks."""
    arrivals = arrivals_of("step", rate_per_s=3000, to_rate_per_s=1000, steps=3, duration_s=0.15)
    seen, _ = np.histogram(all_of(arrivals), bins=[0, 50_000_000, 100_000_000, 150_000_000])
    assert seen.tolist() == [150, 100, 50]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 300), st.floats(1e-6, 1.5))
def test_a_burst_comes_at_once(rate: int, burst: int, duration_s: float) -> None:
    """Groups of the same size, the first at the start, and the rate is kept over all."""
    arrivals = arrivals_of("burst", rate_per_s=rate, burst=burst, duration_s=duration_s)
    moments, sizes = np.unique(all_of(arrivals), return_counts=True)
    assert set(sizes.tolist()) == {burst}
    assert moments.tolist() == [each * burst * SECOND_NS // rate for each in range(len(moments))]
    assert len(moments) * burst * SECOND_NS >= arrivals.duration_ns * rate


def test_a_poisson_process_has_its_mean_and_its_variance() -> None:
    """Of 2000 chunks of 100 messages each: both are 100, within five standard deviations."""
    arrivals = arrivals_of("poisson", rate_per_s=1000, duration_s=200, seed=20_261)
    sizes = np.array([len(arrivals.chunk(number)) for number in range(arrivals.chunks)])
    chunks, mean = len(sizes), 100
    assert abs(sizes.mean() - mean) < 5 * math.sqrt(mean / chunks)
    spread = math.sqrt(mean / chunks + 2 * mean**2 / (chunks - 1))
    assert abs(sizes.var(ddof=1) - mean) < 5 * spread


def test_the_gaps_of_a_poisson_process_are_exponential() -> None:
    """So many are longer than one, two or three mean gaps; also where chunks meet."""
    arrivals = arrivals_of("poisson", rate_per_s=100, duration_s=1000, seed=7)
    gaps = np.diff(all_of(arrivals)) / (SECOND_NS / 100)
    for length in (1, 2, 3):
        share = math.exp(-length)
        spread = math.sqrt(share * (1 - share) / len(gaps))
        assert abs(np.mean(gaps > length) - share) < 5 * spread


def test_a_seed_is_a_schedule() -> None:
    """The same one again, and another for another."""
    first, again, other = (
        all_of(arrivals_of("poisson", rate_per_s=1000, duration_s=1, seed=seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_chunks_of_a_seed_differ() -> None:
    """A pattern that comes again each 100 ms would be none of a Poisson process."""
    arrivals = arrivals_of("poisson", rate_per_s=1000, duration_s=0.2, seed=1)
    assert not np.array_equal(arrivals.chunk(0), arrivals.chunk(1) - CHUNK_NS)


def test_there_are_no_chunks_outside() -> None:
    """Who asks for one has miscounted."""
    arrivals = arrivals_of("constant", rate_per_s=10, duration_s=1)
    for number in (-1, 10):
        with pytest.raises(IndexError, match=f"there is no chunk {number} among 10"):
            arrivals.chunk(number)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"kind": "sine"},
            "arrivals sine: there is no such kind; known: burst, constant, poisson, ramp, step",
        ),
        ({"rate_per_s": 0}, "rate_per_s: 0 should be from 0.001 to 1,000,000 messages a second"),
        ({"rate_per_s": math.nan}, "rate_per_s: nan should be from 0.001 to "),
        ({"rate_per_s": 2e6}, "rate_per_s: 2e+06 should be from 0.001 to "),
        ({"duration_s": 0}, "duration_s: 0 should be over 0, and 604800 at the most"),
        ({"duration_s": math.inf}, "duration_s: inf should be over 0, and 604800 at the most"),
        ({"kind": "poisson", "seed": -1}, "seed: -1 should be 0 or more"),
        ({"kind": "ramp"}, "to_rate_per_s: ramp arrivals need it; say what it is"),
        ({"kind": "ramp", "to_rate_per_s": -1}, "to_rate_per_s: -1 should be from 0.001 to "),
        (
            {"kind": "ramp", "rate_per_s": 0, "to_rate_per_s": 0},
            "rate_per_s: 0 should be from 0.001 to ",
        ),
        ({"kind": "step", "to_rate_per_s": 9}, "steps: step arrivals need it; say what it is"),
        (
            {"kind": "step", "to_rate_per_s": 9, "steps": 1},
            "steps: 1 should be from 2 to 1,000",
        ),
        ({"kind": "burst"}, "burst: burst arrivals need it; say what it is"),
        ({"kind": "burst", "burst": 0}, "burst: 0 should be from 1 to 1,000,000"),
        (
            {"to_rate_per_s": 9},
            "to_rate_per_s: constant arrivals take none; leave it out, or choose ramp or step",
        ),
        (
            {"kind": "poisson", "burst": 9},
            "burst: poisson arrivals take none; leave it out, or choose burst",
        ),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], text: str) -> None:
    """In one line that names the value and says what it should be."""
    well: dict[str, Any] = {"kind": "constant", "rate_per_s": 10, "duration_s": 1}
    with pytest.raises(UsageError) as refused:
        arrivals_of(**well | values)
    assert str(refused.value).startswith(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("index", "of", "text"),
    [
        (3, 3, "part 3 of 3: there is no such part; the first is 0, the last 2"),
        (-1, 2, "part -1 of 2: there is no such part; the first is 0, the last 1"),
        (0, 0, "of: 0 should be from 1 to 1,000"),
    ],
)
def test_parts_that_cannot_be_are_refused(index: int, of: int, text: str) -> None:
    """Workers are numbered from 0."""
    arrivals = arrivals_of("constant", rate_per_s=10, duration_s=1)
    with pytest.raises(UsageError) as refused:
        arrivals.split(index, of)
    assert str(refused.value) == text
