"""Comparisons with native tools: what those say is read, and both sides take turns."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import GroundworkError
from load.settings import LoadSettings
from load.slope import slope_of
from load.versus.native import Java, packaged, rate_consumed, rate_produced, requests_of, wrk
from load.versus.pairs import Measured, Pair, in_turn, lines_of, ratio_of

PRODUCED = """\
1234567 records sent, 246913.4 records/sec (23.55 MB/sec), 812.0 ms avg latency, 1023.0 ms max.
5000000 records sent, 612345.12 records/sec (58.40 MB/sec), 12.34 ms avg latency, 345.00 ms max \
latency, 5 ms 50th, 20 ms 95th, 30 ms 99th, 50 ms 99.9th.
"""

CONSUMED = """\
start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, \
rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
2026-01-01 10:00:00:000, 2026-01-01 10:00:09:000, 476.8, 52.9, 5000123, 555569.2, 3100, 5900, \
80.8, 847478.4
"""

WRK = """\
Running 5s test @ http://127.0.0.1:8080/health
  1 threads and 32 connections
  45678 requests in 5.00s, 7.15MB read
Requests/sec:   9135.60
"""

SETTINGS = LoadSettings.of(
    {"bootstrap": "127.0.0.1:1", "topic": "t", "batch_bytes": 16_384, "size_bytes": 200}
)

RATES = st.floats(1, 1e6)


def test_the_last_that_a_producer_says_is_read() -> None:
    """Not what it says meanwhile, which is of fewer records."""
    assert rate_produced(PRODUCED, 5_000_000) == 612_345.12


def test_what_a_consumer_has_fetched_is_read() -> None:
    """Without the time until its group has assigned it anything, which ours doesn't need."""
    assert rate_consumed(CONSUMED, 5_000_000) == 847_478.4


def test_what_wrk_says_is_read() -> None:
    """Requests that were answered in a second."""
    assert requests_of(WRK) == (9_135.6, 45_678)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda: rate_produced(PRODUCED, 6_000_000), "doesn't say what it has done: 1234567 rec"),
        (lambda: rate_produced("", 1), "doesn't say what it has done: nothing"),
        (lambda: rate_consumed(CONSUMED, 6_000_000), "has read 5000123 of 6000000 records"),
        (lambda: rate_consumed("no broker", 1), "doesn't say what it has done: no broker"),
        (
            lambda: requests_of(f"  Non-2xx or 3xx responses: 3\n{WRK}"),
            "wasn't answered well: Non-2xx or 3xx responses: 3",
        ),
        (lambda: requests_of("unable to connect"), "what it has done: unable to connect"),
    ],
)
def test_what_isnt_done_is_no_rate(look: object, said: str) -> None:
    """A tool that didn't do what it should is quoted."""
    assert callable(look)
    with pytest.raises(GroundworkError, match=said):
        look()


def test_a_native_client_is_told_what_ours_is() -> None:
    """Acknowledgements, idempotence, how it batches, and how large a record is."""
    command = Java(Path("java"), Path("libs")).producing(SETTINGS, 1_000)
    for each in (
        *("bootstrap.servers=127.0.0.1:1", "acks=all", "enable.idempotence=true"),
        *("compression.type=none", "linger.ms=5", "batch.size=16384", "200", "1000", "libs/*"),
    ):
        assert each in command
    assert "--num-records 1000" in " ".join(Java(Path("j"), Path("l")).consuming(SETTINGS, 1_000))
    assert wrk(["wrk"], "http://h/", 8, 5.0) == ["wrk", "-t1", "-c8", "-d5s", "http://h/"]


def test_a_program_of_packages_has_the_libraries_beside_it(tmp_path: Path) -> None:
    """Whatever the machine has; where nothing could load it, that is said."""
    with pytest.raises(GroundworkError, match="nothing loads wrk"):
        packaged(tmp_path, "wrk")
    for each in ("usr/lib64", "usr/lib/x86_64-linux-gnu"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "usr/lib64/ld-linux-x86-64.so.2").touch()
    loader, _, path, program = packaged(tmp_path, "wrk")
    assert loader.endswith("/ld-linux-x86-64.so.2")
    assert path == f"{tmp_path}/usr/lib:{tmp_path}/usr/lib/x86_64-linux-gnu"
    assert program == f"{tmp_path}/usr/bin/wrk"


@given(st.integers(1, 20))
def test_both_sides_take_turns(pairs: int) -> None:
    """ABBA: each is first as often as the other, or once more; and after itself between pairs."""
    orders = list(in_turn(pairs))
    assert all(set(each) == {"native", "own"} for each in orders)
    assert all(before[1] == after[0] for before, after in pairwise(orders))
    assert 0 <= sum(1 if first == "native" else -1 for first, _ in orders) <= 1


@given(st.lists(st.tuples(RATES, RATES), min_size=1, max_size=9))
def test_a_ratio_is_that_of_pairs(rates: list[tuple[float, float]]) -> None:
    """The median lies between the lowest and the highest, as many below it as above."""
    pairs = [Pair(Measured(a, 1, 0, 0), Measured(b, 1, 0, 0)) for a, b in rates]
    found, ratios = ratio_of(pairs), sorted(b / a for a, b in rates)
    assert (found.lowest, found.highest) == (ratios[0], ratios[-1])
    below = sum(each < found.median for each in ratios)
    assert below == sum(each > found.median for each in ratios) or len(set(ratios)) < len(ratios)


def test_what_a_million_costs_is_told() -> None:
    """Seconds of processors, of each side and of whom it is offered to."""
    pair = Pair(Measured(900_000, 5_000_000, 9.0, 5.0), Measured(450_000, 2_000_000, 5.0, 3.0))
    *_, line = lines_of([pair], "records")
    assert line == "| 1 | 900,000 | 450,000 | 0.50 | 1.80, 2.50 | 1.00, 1.50 |"


@given(st.floats(-100, 100), st.floats(-1e3, 1e3), st.integers(9, 40), st.integers(0, 39), RATES)
def test_one_outlier_moves_no_slope(
    slope: float, first: float, many: int, which: int, off: float
) -> None:
    """Of what lies on a straight line but for one, it is that of the line."""
    values = [first + slope * at for at in range(many)]
    values[which % many] += off
    assert slope_of(range(many), values) == pytest.approx(slope, abs=1e-6)


def test_one_moment_has_no_slope() -> None:
    """Nor have two of the same moment."""
    assert slope_of([1], [5]) == slope_of([1, 1], [5, 9]) == 0
