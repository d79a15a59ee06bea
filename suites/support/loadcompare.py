"""``python -m suites.support.loadcompare A B``: two loads beside each other, of the same machine.

A and B are runs: names of folders in reports/out, or folders. Pictures lie beside B's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.use.command import perform, say
from load.conclusion import CONCLUSION, Conclusion, read
from load.latency import Latencies
from reports.loads import draw_percentiles

__all__ = ["compared", "expect_comparable", "found"]

OUT = ROOT / "reports" / "out"

# What two loads must have in common: else what differs is what was asked for.
SAME = (
    *("operation", "records", "size_bytes", "arrivals", "rate_per_s", "acks", "idempotent"),
    *("place", "workers", "existing"),
)


def found(name: str, out: Path = OUT) -> tuple[Path, Conclusion]:
    """The folder of a run's load, and what that has come to.

    Raises:
        UsageError: There is none, or several.
    """
    run = out / name if (out / name).is_dir() else Path(name)
    loads = sorted(file.parent for file in (run / "load").rglob(CONCLUSION))
    if len(loads) != 1:
        raise UsageError(f"{run}: should hold one load, and holds {len(loads)}")
    return loads[0], read(loads[0])


def expect_comparable(one: Conclusion, other: Conclusion) -> None:
    """See that what differs isn't the machine, nor that a run measured nothing.

    Raises:
        UsageError: It is; says what.
    """
    if one.machine != other.machine:
        raise UsageError(f"they are of different machines: {one.machine}; {other.machine}")
    for each in (one, other):
        if each.outcome == "invalid":
            raise UsageError(f"one of them measured nothing: {each.reasons[0]}")


def compared(one: Conclusion, other: Conclusion) -> Iterator[str]:
    """The lines of a comparison."""
    yield f"on {one.machine}"
    for name in SAME:
        first, second = getattr(one.settings, name), getattr(other.settings, name)
        if first != second:
            yield f"they differ in {name}: {first}, {second}"
    if one.settings.existing and one.settings.topic != other.settings.topic:
        yield f"they differ in topic: {one.settings.topic}, {other.settings.topic}"
    yield "| latency | A | B | B / A |"
    yield "|---|---|---|---|"
    for name, first_ms in one.percentiles_ms.items():
        second_ms = other.percentiles_ms[name]
        ratio = f"{second_ms / first_ms:.2f}" if first_ms else "-"
        yield f"| {name} | {first_ms:.2f} ms | {second_ms:.2f} ms | {ratio} |"


def main() -> int:
    """Compare two loads."""
    parser = argparse.ArgumentParser(
        prog="python -m suites.support.loadcompare", description=__doc__
    )
    parser.add_argument("a", help="a run")
    parser.add_argument("b", help="another run")
    given = parser.parse_args()
    (_, one), (folder, other) = found(given.a), found(given.b)
    expect_comparable(one, other)
    for line in compared(one, other):
        say(line)
    both = {"A": one, "B": other}
    curves = {name: Latencies.decode(each.latency).curve() for name, each in both.items()}
    title = f"A: {given.a}, B: {given.b}"
    for file in draw_percentiles(curves, title, folder / "compared"):
        say(str(file))
    return 0


if __name__ == "__main__":
    raise SystemExit(perform(main))
