"""Simulated histories by the thousand, and what the checker makes of them: `make soak`.

Half are legal, half have one corruption; the last line is the command that repeats a failure.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field

from groundwork.checkers.delivery import check
from groundwork.checkers.history import History
from suites.support.corruption import CORRUPTIONS, corrupted
from suites.support.simulator import history_of, simulate

__all__ = ["Tally", "judge"]

NAMES = tuple(CORRUPTIONS)

# Of how many histories at the least each must be one: 200 of 10,000.
SHARE_MIN = 0.02


@dataclass
class Tally:
    """What came of some thousand histories.

    Attributes:
        behaviours: How many histories had each legal one.
        corruptions: How many had each of those.
        wrong: What the checker got wrong, in words.
    """

    behaviours: Counter[str] = field(default_factory=Counter)
    corruptions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def found_in(history: History) -> dict[str, frozenset[int]]:
    """The records of each anomaly that is found; however small the history is."""
    verdict = check(history, acknowledged_min=0, info_max=1.0)
    return {each.anomaly: frozenset(each.values.tolist()) for each in verdict.findings}


def judge(first: int, many: int) -> Tally:
    """Have so many histories judged, from this seed on."""
    tally = Tally()
    for seed in range(first, first + many):
        if seed % 2 == 0:
            world = simulate(seed)
            tally.behaviours.update(world.behaviours)
            found = found_in(history_of(world.lines, world.clients, world.partitions()))
            if found:
                tally.wrong.append(f"seed {seed}: legal, and {found} was found")
            continue
        name = NAMES[seed // 2 % len(NAMES)]
        planted = corrupted(seed, name)
        tally.behaviours.update(planted.behaviours)
        tally.corruptions[name] += 1
        found = found_in(planted.history)
        missed = planted.expected - found.keys()
        named = frozenset[int]().union(*found.values())
        if missed or planted.values - named:
            tally.wrong.append(
                f"seed {seed}: {name} shows {set(planted.expected)} of {set(planted.values)}, "
                f"and {found} was found"
            )
    return tally


def main() -> int:
    """Judge as many as is said; exit code 1 where the checker is wrong."""
    parser = argparse.ArgumentParser(prog="python -m suites.support.soak", description=__doc__)
    parser.add_argument("many", type=int, nargs="?", default=10_000)
    parser.add_argument("first", type=int, nargs="?", default=0, help="the first seed")
    given = parser.parse_args()
    tally = judge(given.first, given.many)
    for name, count in sorted((tally.behaviours + tally.corruptions).items()):
        sys.stdout.write(f"{count:6} {name}\n")
    for each in tally.wrong[:20]:
        sys.stdout.write(f"{each}\n")
    sys.stdout.write(f"{given.many} histories, {len(tally.wrong)} judged wrongly\n")
    if tally.wrong:
        seed = tally.wrong[0].partition(":")[0].removeprefix("seed ")
        sys.stdout.write(f"python -m suites.support.soak 1 {seed}\n")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
