"""Paging: who was told of which alert while something was broken, held to who should have been.

An alert is known by its name, and by its job where that is named, too: ``NAME of JOB``. One that is
told by nothing but its own silence is in here like others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from groundwork.checkers.history import SECOND_NS

__all__ = ["Cell", "Expected", "Lasted", "Told", "judge"]

# What is expected of an alert.
Wanted = Literal["must", "may", "must not"]


@dataclass(frozen=True)
class Expected:
    """What is expected of alerts while something is broken.

    Attributes:
        must: The alerts that somebody must be told of, and how soon, in seconds from the landing.
        may: Those that somebody may be told of; of all others nobody may.
        over_within_s: From the healing until somebody is told that it is over.
    """

    must: Mapping[str, float] = field(default_factory=dict)
    may: tuple[str, ...] = ()
    over_within_s: float = 30.0


@dataclass(frozen=True)
class Told:
    """Somebody was told something.

    Attributes:
        alert: Its name.
        job: Of whom it is.
        instance: Of which of them; what is over is so of the same one.
        firing: That it is so, or that it is over.
        at_ns: When, on the machine's monotonic clock.
    """

    alert: str
    job: str
    instance: str
    firing: bool
    at_ns: int

    def named(self, alert: str) -> bool:
        """Whether that is its name, by itself or with its job's."""
        return alert in {self.alert, f"{self.alert} of {self.job}"}

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is of."""
        return self.alert, self.job, self.instance


@dataclass(frozen=True)
class Lasted:
    """When a fault was there, on the machine's monotonic clock.

    Attributes:
        begun_ns: When it was asked for; of what is done in several places some is done before all.
        landed_ns: When it had landed.
        healed_ns: When it was healed.
        steady_ns: From when on all was calm before it; 0 where it never was.
    """

    begun_ns: int
    landed_ns: int
    healed_ns: int
    steady_ns: int = 0


@dataclass(frozen=True)
class Cell:
    """What has come of an alert under a fault.

    Attributes:
        alert: Its name; with its job where the expectation has that.
        wanted: What was expected.
        told_s: When somebody was told, in seconds from the landing; None for never.
        over_s: When they were told that it was over, in seconds from the healing, none before it;
            None for never.
        wrong: What isn't as expected, in a sentence; empty where all is.
    """

    alert: str
    wanted: Wanted
    told_s: float | None
    over_s: float | None
    wrong: str = ""


def judge(expected: Expected, told: Sequence[Told], lasted: Lasted) -> tuple[Cell, ...]:
    """Hold what somebody was told to what is expected, alert by alert.

    What was told before all was calm, and told to be over before the fault, isn't the fault's.

    Args:
        expected: What is.
        told: All that somebody was told from before the fault until all was to be over.
        lasted: When the fault was there.

    Returns:
        A cell of each alert that is expected, allowed or was told.
    """
    told = since_calm(told, lasted)
    cells = [
        cell_of(alert, "must", [t for t in told if t.named(alert)], lasted, expected)
        for alert in expected.must
    ]
    left = [t for t in told if not any(t.named(alert) for alert in expected.must)]
    for alert in expected.may:
        own = [t for t in left if t.named(alert)]
        cells.append(cell_of(alert, "may", own, lasted, expected))
    left = [t for t in left if not any(t.named(alert) for alert in expected.may)]
    for name in dict.fromkeys(f"{t.alert} of {t.job}" for t in left if t.firing):
        own = [t for t in left if t.named(name)]
        cells.append(cell_of(name, "must not", own, lasted, expected))
    return tuple(cells)


def since_calm(told: Sequence[Told], lasted: Lasted) -> list[Told]:
    """What was told but for what was there before all was calm, and over before the fault."""
    over = [each for each in told if not each.firing and each.at_ns < lasted.begun_ns]

    def passed(one: Told) -> bool:
        return one.at_ns < lasted.steady_ns and any(
            one.key == each.key and one.at_ns <= each.at_ns for each in over
        )

    return [each for each in told if not passed(each)]


def cell_of(
    alert: str,
    wanted: Wanted,
    told: Sequence[Told],
    lasted: Lasted,
    expected: Expected,
) -> Cell:
    """What has come of one alert."""
    firsts = [each.at_ns for each in told if each.firing]
    told_s = (min(firsts) - lasted.landed_ns) / SECOND_NS if firsts else None
    over_s = over_of(told, lasted.healed_ns)
    early_s = (lasted.begun_ns - min(firsts)) / SECOND_NS if firsts else 0.0
    if wanted == "must" and early_s > 0:
        wrong = f"{alert}: somebody was told {early_s:.1f} s before the fault"
    else:
        wrong = "; ".join(wrongs_of(alert, wanted, told_s, over_s, expected))
    return Cell(alert, wanted, told_s, over_s, wrong)


def wrongs_of(
    alert: str, wanted: Wanted, told_s: float | None, over_s: float | None, expected: Expected
) -> Iterator[str]:
    """What of an alert isn't as expected, one sentence each."""
    if wanted == "must":
        within_s = expected.must[alert]
        if told_s is None:
            yield f"{alert}: nobody was told, and somebody should have been within {within_s:g} s"
        elif told_s > within_s:
            yield f"{alert}: somebody was told after {told_s:.1f} s, which should be {within_s:g} s"
    if wanted == "must not" and told_s is not None:
        yield f"{alert}: somebody was told after {told_s:.1f} s, and nobody should have been"
    if told_s is not None and (over_s is None or over_s > expected.over_within_s):
        seen = "never told" if over_s is None else f"told {over_s:.1f} s after the healing"
        yield f"{alert}: that it is over was {seen}, which should be {expected.over_within_s:g} s"


def over_of(told: Iterable[Told], healed_ns: int) -> float | None:
    """How long after the healing the last of it was told to be over; None where one isn't."""
    last: dict[tuple[str, str, str], Told] = {}
    for each in sorted(told, key=lambda one: one.at_ns):
        last[each.key] = each
    if not last or any(each.firing for each in last.values()):
        return None
    return max(0.0, (max(each.at_ns for each in last.values()) - healed_ns) / SECOND_NS)
