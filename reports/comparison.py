"""The comparison of a run with those before it: what is new, what is mended, what is slower."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.categories import Category
from reports.figures import Weaker, usual_of, weaker_of
from reports.history import Memory

__all__ = ["Change", "Comparison", "Slower", "compare"]

# How many runs before this one say how long something usually takes: two weeks of nights.
USUAL_RUNS = 14

# Slower by half, and by what somebody would notice. Between runs of the same commit on a machine
# that does other things as well, parts of some seconds differ by a quarter.
SLOWER_FACTOR, SLOWER_S = 1.5, 1.0

FINE: frozenset[Category] = frozenset({"passed", "skipped"})
BROKEN: Category = "product failure"


@dataclass(frozen=True)
class Change:
    """A test that came to something else than last time.

    Attributes:
        test: Its id.
        title: For people.
        before: What it was, where it was.
        now: What it is.
    """

    test: str
    title: str
    before: Category
    now: Category


@dataclass(frozen=True)
class Slower:
    """A part of the run, or a test, that took longer than it usually does."""

    name: str
    test: str
    usual_s: float
    now_s: float


@dataclass(frozen=True)
class Comparison:
    """How a run differs from those before it.

    Attributes:
        last: The run before it.
        runs: Those before it that are remembered, the oldest first.
        broken: Tests that fail now by the product's fault, and didn't then.
        untold: Tests that passed then, and say nothing now, which isn't the product's fault.
        mended: Tests that failed then and pass now.
        still: How many fail as they did.
        slower: What took longer than usually; only on the same machine.
        usual: What each figure usually is; only on the same machine.
        weaker: Figures that are worse than that.
        came: How many tests weren't there.
        gone: How many aren't there any more.
        machine_changed: Whether it was another machine, so that times aren't compared.
    """

    last: Memory
    runs: tuple[Memory, ...]
    broken: tuple[Change, ...]
    untold: tuple[Change, ...]
    mended: tuple[Change, ...]
    still: int
    slower: tuple[Slower, ...]
    usual: Mapping[str, float]
    weaker: tuple[Weaker, ...]
    came: int
    gone: int
    machine_changed: bool


def compare(now: Memory, runs: Sequence[Memory]) -> Comparison | None:
    """How a run differs from those of its kind before it; None where there is none."""
    if not runs:
        return None
    last = runs[-1]
    both = [(name, last.tests[name], now.tests[name]) for name in now.tests if name in last.tests]
    changes = [Change(name, own.title, was.category, own.category) for name, was, own in both]
    fresh = [
        Change(name, own.title, "skipped", own.category)
        for name, own in now.tests.items()
        if name not in last.tests and own.category not in FINE
    ]
    failing = [each for each in (*changes, *fresh) if each.now not in FINE]
    same = [each for each in runs if each.machine == now.machine]
    figures = [each.figures for each in same]
    return Comparison(
        last=last,
        runs=tuple(runs),
        broken=tuple(e for e in failing if e.now == BROKEN != e.before),
        untold=tuple(e for e in failing if e.now != BROKEN and e.before in FINE),
        mended=tuple(e for e in changes if e.before not in FINE and e.now == "passed"),
        still=sum(e.now == e.before for e in failing),
        slower=tuple(slower(now, same[-USUAL_RUNS:])),
        usual={
            name: usual for name in now.figures if (usual := usual_of(name, figures)) is not None
        },
        weaker=tuple(weaker_of(now.figures, figures)),
        came=len(now.tests.keys() - last.tests.keys()),
        gone=len(last.tests.keys() - now.tests.keys()),
        machine_changed=last.machine != now.machine,
    )


def slower(now: Memory, runs: Sequence[Memory]) -> Iterator[Slower]:
    """What took longer than it usually does, the worst first: parts, then tests that passed."""
    parts = [
        Slower(name, "", usual, seconds)
        for name, seconds in now.parts_s.items()
        if (usual := usual_s(name, [each.parts_s for each in runs])) and late(usual, seconds)
    ]
    passed = [
        {name: each.seconds for name, each in run.tests.items() if each.category == "passed"}
        for run in runs
    ]
    tests = [
        Slower(own.title, name, usual, own.seconds)
        for name, own in now.tests.items()
        if own.category == "passed"
        and (usual := usual_s(name, passed)) is not None
        and late(usual, own.seconds)
    ]
    for found in (parts, tests):
        yield from sorted(found, key=lambda each: each.usual_s - each.now_s)


def usual_s(name: str, runs: Sequence[Mapping[str, float]]) -> float | None:
    """How long something usually took: half of the times no longer than that."""
    found = [run[name] for run in runs if name in run]
    return statistics.median(found) if found else None


def late(usual: float, seconds: float) -> bool:
    """Whether it is so much slower that it is worth a look."""
    return seconds > usual * SLOWER_FACTOR and seconds > usual + SLOWER_S
