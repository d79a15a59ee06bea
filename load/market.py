"""The market: records as a trading platform has them on its topics, made up from a seed.

What costs is done beforehand: a table of bodies, that come round again after ROWS records. Of a
record only its number is written when it is asked for, into a place that is as wide for any number.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from groundwork.base.errors import UsageError

__all__ = ["KINDS", "ROWS", "TOPICS", "Market", "kind_of"]

# What the declared topics (manifests/topics.yaml) carry.
TOPICS: Mapping[str, str] = {
    "market-data.candles.1m": "candle",
    "market-data.candles.5m": "candle",
    "market-data.trades": "trade",
    "signals.generated": "signal",
    "orders.placed": "order",
    "orders.filled": "order",
}

# Enough that a batch of a producer seldom has a body twice, made in a tenth of a second.
ROWS = 4096

# The number, the body, the filling. JSON's readers keep whole numbers up to 2**53, of 16 digits,
# and don't mind spaces before them.
RECORD = b'{"n":%10d%b%b'
HEAD_BYTES = len(RECORD % (0, b"", b""))
PAD = b',"pad":"'

# All fillings together; from 8 kB a record on they come round before the bodies do.
FILLINGS_BYTES_MAX = 32 * 1024 * 1024

# Brokers take 1 MiB unless they are told to take more.
SIZE_BYTES_MAX = 16 * 1024 * 1024

# 2026-01-01, when markets of any seed open; a minute; how far trades are apart at the most.
OPENING_NS = 1_767_225_600_000_000_000
MINUTE_NS = 60_000_000_000
PAUSE_NS_MAX = 2_000_000

# Prices count in ticks of 0.01, quantities in 0.001.
TICKS, LOTS = 100, 1000

# From one record of a symbol to the next; what a share of a stock does in a minute.
VOLATILITY = 0.0005

# What prices begin at, in ticks: 10.00, where they still move by some, to 50,000.00.
PRICE_MIN, PRICE_MAX = 10 * TICKS, 50_000 * TICKS

Integers: TypeAlias = NDArray[np.int64]
Fields: TypeAlias = dict[str, str | int | float]


class Market:
    """Records of one kind, each as its number says: the same for the same seed, in any process.

    After ROWS records all but the number comes round again: keys, prices and times, too.

    Args:
        kind: One of KINDS.
        symbols: What is traded; each as often as any other, in an order of the seed's.
        size_bytes: How long each value is, in bytes; 0 leaves it as long as it comes.
        seed: Another one is another market.

    Raises:
        UsageError: There is no such kind, a symbol can't be one, or the size can't be kept.
    """

    def __init__(
        self, kind: str, symbols: Sequence[str], size_bytes: int = 0, seed: int = 0
    ) -> None:
        if kind not in KINDS:
            raise UsageError(f"records {kind}: there is no such kind; known: {', '.join(KINDS)}")
        judge_symbols(symbols)
        if seed < 0:
            raise UsageError(f"seed: {seed} should be 0 or more")
        generator = np.random.default_rng((seed, *kind.encode()))
        of_row = generator.permutation(np.arange(ROWS) % len(symbols))
        rows = KINDS[kind](generator, of_row)
        bodies = [body_of(symbols[of_row[row]], fields) for row, fields in enumerate(rows)]
        # After the bodies: those are the same for any size.
        self._fillings = [b"}"] * ROWS
        if size_bytes:
            longest = max(map(len, bodies))
            self._fillings = fillings_of(generator, kind, size_bytes, longest)
            # JSON doesn't mind spaces after a value.
            bodies = [each.ljust(longest) for each in bodies]
        self._bodies = bodies
        keys = [each.encode() for each in symbols]
        self._keys = [keys[each] for each in of_row]

    def record(self, number: int) -> tuple[bytes, bytes]:
        """A record.

        Args:
            number: From 0, and below 10**10; it is the value's ``n``.

        Returns:
            Its key, which is the symbol, and its value, a JSON object.
        """
        row = number % ROWS
        return self._keys[row], RECORD % (number, self._bodies[row], self._fillings[row])


def kind_of(topic: str) -> str:
    """What kind of records a topic carries.

    Raises:
        UsageError: It isn't known.
    """
    if topic not in TOPICS:
        raise UsageError(
            f"topic {topic}: it isn't known what it carries; known: {', '.join(TOPICS)}"
        )
    return TOPICS[topic]


def judge_symbols(symbols: Sequence[str]) -> None:
    """Refuse what can't be symbols."""
    if not 1 <= len(symbols) <= ROWS:
        raise UsageError(f"symbols: {len(symbols)} are given; give from 1 to {ROWS}")
    for each in symbols:
        if not (each and each.isascii() and each.isprintable()):
            raise UsageError(f"symbols: {each!r} should be printable ASCII, at least a letter")
    if len(set(symbols)) < len(symbols):
        raise UsageError("symbols: one is there twice; give each once")


def body_of(symbol: str, fields: Fields) -> bytes:
    """What follows the number in a value, up to where the object would end."""
    return b"," + json.dumps({"symbol": symbol, **fields}, separators=(",", ":"))[1:-1].encode()


def fillings_of(
    generator: np.random.Generator, kind: str, size_bytes: int, longest: int
) -> list[bytes]:
    """What ends a value and makes it as long as it should be, for each row.

    Letters at random, which are hard to compress: what is sent is about what was asked for.

    Args:
        generator: Of the seed.
        kind: Of the records.
        size_bytes: How long values are to be.
        longest: The longest of their bodies, in bytes.

    Raises:
        UsageError: That is too short, or too long.
    """
    room = size_bytes - HEAD_BYTES - longest - len(b"}")
    if room < 0:
        raise UsageError(
            f"size_bytes: {size_bytes} is too small for the kind {kind} and these symbols; "
            f"give {size_bytes - room} or more, or 0 to leave values as long as they come"
        )
    if size_bytes > SIZE_BYTES_MAX:
        raise UsageError(f"size_bytes: {size_bytes} should be {SIZE_BYTES_MAX} at the most")
    letters = room - len(PAD) - len(b'"')
    if letters < 0:
        return [b" " * room + b"}"] * ROWS
    different = min(max(FILLINGS_BYTES_MAX // size_bytes, 1), ROWS)
    # Base64 makes four letters of three bytes.
    drawn = (generator.bytes(letters * 3 // 4 + 1) for _ in range(different))
    fillings = [b'%b%b"}' % (PAD, base64.b64encode(each)[:letters]) for each in drawn]
    return [fillings[row % different] for row in range(ROWS)]


def walks_of(generator: np.random.Generator, of_row: Integers) -> tuple[Integers, Integers]:
    """Prices that go up and down at random, each symbol's on its own.

    Args:
        generator: Of the seed.
        of_row: The symbol of each row, by its number.

    Returns:
        For each row the price of its symbol before it, and with it, in ticks: a tick or more.
    """
    before, after = np.zeros_like(of_row), np.zeros_like(of_row)
    for symbol in range(int(of_row.max()) + 1):
        mine = np.flatnonzero(of_row == symbol)
        begin = generator.uniform(np.log(PRICE_MIN), np.log(PRICE_MAX))
        steps = generator.normal(0, VOLATILITY, len(mine) + 1)
        walk = np.maximum(np.rint(np.exp(begin + np.cumsum(steps))), 1).astype(np.int64)
        before[mine], after[mine] = walk[:-1], walk[1:]
    return before, after


def trades(generator: np.random.Generator, of_row: Integers) -> Iterator[Fields]:
    """What somebody has sold to somebody, one after the other."""
    _, prices = walks_of(generator, of_row)
    quantities = lots(generator)
    sides = generator.integers(0, 2, ROWS)
    for row, when_ns in enumerate(moments(generator)):
        yield {
            "side": ("buy", "sell")[sides[row]],
            "price": int(prices[row]) / TICKS,
            "size": int(quantities[row]) / LOTS,
            "t_ms": when_ns // 1_000_000,
        }


def candles(generator: np.random.Generator, of_row: Integers) -> Iterator[Fields]:
    """Minutes of a symbol: each opens where the one before has closed."""
    opens, closes = walks_of(generator, of_row)
    wicks = np.rint(np.abs(generator.normal(0, VOLATILITY, (2, ROWS))) * closes).astype(np.int64)
    highs = np.maximum(opens, closes) + wicks[0]
    lows = np.maximum(np.minimum(opens, closes) - wicks[1], 1)
    volumes = lots(generator) * 100
    prices = {"open": opens, "high": highs, "low": lows, "close": closes}
    minutes = np.zeros(int(of_row.max()) + 1, dtype=np.int64)
    for row in range(ROWS):
        yield {
            **{name: int(each[row]) / TICKS for name, each in prices.items()},
            "volume": int(volumes[row]) / LOTS,
            "t_ms": (OPENING_NS + int(minutes[of_row[row]]) * MINUTE_NS) // 1_000_000,
        }
        minutes[of_row[row]] += 1


def orders(generator: np.random.Generator, of_row: Integers) -> Iterator[Fields]:
    """What somebody wants to be bought or sold, or has: some of it is, none or all."""
    types = generator.integers(0, 2, ROWS)
    shares = np.clip(generator.uniform(-0.5, 1.5, ROWS), 0, 1)
    for row, fields in enumerate(trades(generator, of_row)):
        wanted = round(float(fields["size"]) * LOTS)
        yield {
            "type": ("limit", "market")[types[row]],
            **fields,
            "filled": int(wanted * shares[row]) / LOTS,
        }


def signals(generator: np.random.Generator, of_row: Integers) -> Iterator[Fields]:
    """What a strategy makes of a symbol, and how sure it is, from 0 to 1."""
    _, prices = walks_of(generator, of_row)
    strategies = generator.integers(0, 3, ROWS)
    directions = generator.integers(0, 3, ROWS)
    strengths = generator.integers(0, 1001, ROWS)
    for row, when_ns in enumerate(moments(generator)):
        yield {
            "strategy": ("momentum", "reversion", "breakout")[strategies[row]],
            "direction": ("long", "short", "flat")[directions[row]],
            "strength": int(strengths[row]) / 1000,
            "price": int(prices[row]) / TICKS,
            "t_ms": when_ns // 1_000_000,
        }


def lots(generator: np.random.Generator) -> Integers:
    """Quantities, many small and few large, in thousandths: one or more."""
    drawn = np.exp(generator.normal(np.log(LOTS), 1.5, ROWS))
    return np.maximum(np.rint(drawn), 1).astype(np.int64)


def moments(generator: np.random.Generator) -> list[int]:
    """When what is told happened, one after the other, in nanoseconds since 1970."""
    pauses_ns = generator.integers(1, PAUSE_NS_MAX, ROWS)
    whole: list[int] = (OPENING_NS + np.cumsum(pauses_ns)).tolist()
    return whole


# What a record of each kind has beside its number and its symbol.
KINDS: Mapping[str, Callable[[np.random.Generator, Integers], Iterator[Fields]]] = {
    "candle": candles,
    "order": orders,
    "signal": signals,
    "trade": trades,
}
