"""Units: values as Grafana would tell them, by its own names of units."""

from __future__ import annotations

__all__ = ["told"]

# What stands behind a number, and what it grows by until the next larger one is used.
COUNTS = ("", "K", "M", "G", "T")
BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
THOUSAND, KIBI = 1000.0, 1024.0

# By Grafana's names, what is told behind a count of so many a second.
RATES = {"reqps": " req/s", "cps": " /s", "recps": " rec/s", "ops": " ops/s"}

# Digits that somebody reads at a glance.
DIGITS = 3


def told(value: float, unit: str) -> str:
    """A value in words.

    Raises:
        KeyError: The unit is one that no dashboard has had before.
    """
    if unit == "percentunit":
        return f"{brief(100 * value)} %"
    if unit == "s":
        return seconds(value)
    if unit == "currencyUSD":
        return f"${value:,.2f}"
    if unit in {"bytes", "binBps"}:
        return scaled(value, BYTES, KIBI, " ") + ("/s" if unit == "binBps" else "")
    return scaled(value, COUNTS, THOUSAND, "") + ({"none": "", "short": ""} | RATES)[unit]


def brief(value: float) -> str:
    """A number of a few digits, without zeros that tell nothing."""
    if abs(value) >= 10**DIGITS:
        return f"{value:.0f}"
    return f"{value:.{DIGITS}g}"


def seconds(value: float) -> str:
    """A span of time in the largest unit that there is a whole one of."""
    for name, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(value) >= size:
            return f"{brief(value / size)} {name}"
    return "0 s" if value == 0 else f"{brief(value / 1e-9)} ns"


def scaled(value: float, names: tuple[str, ...], step: float, gap: str) -> str:
    """A number with the largest of these names that leaves a whole one before the point."""
    for name in names[:-1]:
        if abs(value) < step:
            return f"{brief(value)}{gap}{name}"
        value /= step
    return f"{brief(value)}{gap}{names[-1]}"
