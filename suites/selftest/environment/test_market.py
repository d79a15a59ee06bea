"""The market: records are JSON of the size asked for, hold together, and come from a seed alone."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from load.market import KINDS, ROWS, TOPICS, Market, kind_of

DECLARED = Path(__file__).parents[3] / "manifests" / "topics.yaml"
SYMBOLS = ("AAPL", "BTC-USD", "ETH-USD", "MSFT")
MIB = 1024 * 1024

each_kind = pytest.mark.parametrize("kind", KINDS)


def values(kind: str, seed: int = 1) -> list[dict[str, Any]]:
    """All rows of a market, with decimal numbers as they are written."""
    market = Market(kind, SYMBOLS, seed=seed)
    texts = (market.record(number)[1] for number in range(ROWS))
    return [json.loads(text, parse_float=Decimal) for text in texts]


def refusal(kind: str = "trade", symbols: tuple[str, ...] = SYMBOLS, **given: int) -> str:
    """Why a market can't be."""
    with pytest.raises(UsageError) as refused:
        Market(kind, symbols, **given)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@each_kind
def test_a_record_is_json_with_its_number(kind: str) -> None:
    """Also where bodies come round again, and up to the last number of 16 digits."""
    for size_bytes in (0, 500):
        market = Market(kind, SYMBOLS, size_bytes)
        for number in (*range(50), ROWS - 1, ROWS, 3 * ROWS + 7, 2**32, 10**10 - 1):
            key, value = market.record(number)
            read = json.loads(value)
            assert read["n"] == number
            assert read["symbol"].encode() == key
            assert not size_bytes or len(value) == size_bytes


@each_kind
def test_each_symbol_is_as_often_there(kind: str) -> None:
    """So that each partition has its share."""
    market = Market(kind, SYMBOLS)
    keys = [market.record(number)[0] for number in range(ROWS)]
    assert {each: keys.count(each.encode()) for each in SYMBOLS} == dict.fromkeys(
        SYMBOLS, ROWS // 4
    )
    assert len(set(keys[:40])) > 1


@each_kind
def test_prices_are_whole_ticks(kind: str) -> None:
    """Positive, and of a hundredth, whatever they are called."""
    for value in values(kind):
        prices = [
            value[name] for name in ("price", "open", "high", "low", "close") if name in value
        ]
        assert prices
        for price in prices:
            assert price >= Decimal("0.01")
            assert price % Decimal("0.01") == 0


@each_kind
def test_a_price_goes_on_from_the_one_before(kind: str) -> None:
    """A walk, and no noise: of one symbol it moves, by a percent at most."""
    for symbol in SYMBOLS:
        mine = [each for each in values(kind) if each["symbol"] == symbol]
        prices = [each["close" if kind == "candle" else "price"] for each in mine]
        assert len(set(prices)) > 3
        for before, after in pairwise(prices):
            assert abs(after - before) <= before / 100 + Decimal("0.01")


def test_candles_hold_together() -> None:
    """The low is the lowest, the high the highest, and one opens where the last of it closed."""
    last: dict[str, dict[str, Any]] = {}
    for value in values("candle"):
        assert value["low"] <= min(value["open"], value["close"])
        assert value["high"] >= max(value["open"], value["close"])
        assert value["volume"] > 0
        before = last.get(value["symbol"])
        if before is not None:
            assert value["open"] == before["close"]
            assert value["t_ms"] - before["t_ms"] == 60_000
        last[value["symbol"]] = value


def test_trades_and_orders_hold_together() -> None:
    """Something is bought or sold, and no more of it than was wanted."""
    for kind in ("trade", "order"):
        told = values(kind)
        assert {each["side"] for each in told} == {"buy", "sell"}
        assert all(each["size"] > 0 for each in told)
        assert all(before["t_ms"] <= after["t_ms"] for before, after in pairwise(told))
    filled = [(each["filled"], each["size"]) for each in values("order")]
    assert all(0 <= some <= wanted for some, wanted in filled)
    assert {some == wanted for some, wanted in filled} == {True, False}
    assert {each["type"] for each in values("order")} == {"limit", "market"}


def test_signals_hold_together() -> None:
    """A strategy says where it thinks a price will go, more or less surely."""
    told = values("signal")
    assert {each["direction"] for each in told} == {"long", "short", "flat"}
    assert all(0 <= each["strength"] <= 1 for each in told)
    assert len({each["strategy"] for each in told}) > 1


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 2**64),
    st.integers(0, 10**10 - 1),
    st.integers(200, 3000),
)
def test_a_seed_is_a_market(kind: str, seed: int, number: int, size_bytes: int) -> None:
    """The same one again, in whatever order it is asked; of another size with the same content."""
    market, again = Market(kind, SYMBOLS, size_bytes, seed), Market(kind, SYMBOLS, size_bytes, seed)
    market.record(number + 1)
    assert market.record(number) == again.record(number)
    key, value = market.record(number)
    assert len(value) == size_bytes
    other, content = Market(kind, SYMBOLS, seed=seed).record(number)
    assert key == other
    assert json.loads(content).items() <= json.loads(value).items()


@each_kind
def test_another_seed_is_another_market(kind: str) -> None:
    """Hardly a record is the same."""
    first, second = Market(kind, SYMBOLS, seed=1), Market(kind, SYMBOLS, seed=2)
    same = sum(first.record(number) == second.record(number) for number in range(ROWS))
    assert same < ROWS / 100


@each_kind
def test_a_size_that_is_too_small_is_refused_with_one_that_would_do(kind: str) -> None:
    """The smallest one; each from there on is kept to the byte, with letters to fill or without."""
    text = refusal(kind, size_bytes=50)
    assert text.startswith(
        f"size_bytes: 50 is too small for the kind {kind} and these symbols; give "
    )
    least = int(text.split("give ")[1].split()[0])
    assert f"give {least} or more" in refusal(kind, size_bytes=least - 1)
    for size_bytes in range(least, least + 20):
        market = Market(kind, SYMBOLS, size_bytes)
        for number in range(0, ROWS, 7):
            value = market.record(number)[1]
            assert len(value) == size_bytes
            assert json.loads(value)["n"] == number


def test_fillings_differ() -> None:
    """Else a broker would be sent much less than was asked for, as soon as a client compresses."""
    market = Market("trade", SYMBOLS, 8000)
    pads = {json.loads(market.record(number)[1])["pad"] for number in range(100)}
    assert len(pads) == 100


def test_what_cannot_be_is_refused() -> None:
    """In one line that names the value and says what it should be."""
    known = "known: candle, order, signal, trade"
    assert refusal("bond") == f"records bond: there is no such kind; {known}"
    assert refusal(symbols=()) == "symbols: 0 are given; give from 1 to 4096"
    assert refusal(symbols=("A", "B", "A")) == "symbols: one is there twice; give each once"
    for symbol in ("", "Ä", "A\n"):
        said = f"symbols: {symbol!r} should be printable ASCII, at least a letter"
        assert refusal(symbols=("A", symbol)) == said
    assert refusal(seed=-1) == "seed: -1 should be 0 or more"
    assert "size_bytes: -5 is too small" in refusal(size_bytes=-5)
    assert refusal(size_bytes=2**30) == "size_bytes: 1073741824 should be 16777216 at the most"


def test_each_declared_topic_has_its_records() -> None:
    """And none is known that isn't declared; one that isn't known is refused."""
    declared = [each["name"] for each in yaml.safe_load(DECLARED.read_text())["topics"]]
    assert set(TOPICS) == set(declared)
    assert {kind_of(each) for each in declared} == set(KINDS)
    with pytest.raises(UsageError, match="topic weather: it isn't known what it carries; known: m"):
        kind_of("weather")


@pytest.mark.parametrize(("size_bytes", "most_mib"), [(0, 8), (1024, 16), (MIB, 64)])
def test_a_market_takes_little_memory(size_bytes: int, most_mib: int) -> None:
    """Whatever its records' size; and 20,000 records that nobody keeps take no more than a few."""
    tracemalloc.start()
    try:
        market = Market("trade", SYMBOLS, size_bytes)
        assert tracemalloc.get_traced_memory()[1] < most_mib * MIB
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        # As many records of a MiB would only take time: a few are enough to see what they leave.
        for number in range(20_000 if size_bytes < MIB else 200):
            market.record(number)
        after, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < MIB
    assert most - before < MIB + 3 * size_bytes
