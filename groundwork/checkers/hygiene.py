"""Hygiene of logs: which error lines of a run nothing explains, a fault or a declared reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Course", "ErrorLine", "Explained", "Hygiene", "Noise", "Phase", "hygiene_of"]

# Of a resource's life in a run: until it is ready, from the first stopping of a resource on, while
# a fault of something else is open, and all that is between.
Phase = Literal["start", "run", "fault", "stop"]


@dataclass(frozen=True)
class ErrorLine:
    """A line of severity error or above.

    Attributes:
        resource: Whose log it stands in.
        file: That log.
        number: Of the line in it, from 1.
        at_s: When it was written, in seconds of the calendar; None where nothing tells.
        text: All of it.
    """

    resource: str
    file: str
    number: int
    at_s: float | None
    text: str


@dataclass(frozen=True)
class Explained:
    """What a fault explains.

    Attributes:
        resources: Whose lines: what was broken, who needs it, and what lives in it.
        begin_s: From its injection, in seconds of the calendar,
        end_s: until whoever has injected it has answered for it; infinite where nobody has.
    """

    resources: frozenset[str]
    begin_s: float
    end_s: float = math.inf


@dataclass(frozen=True)
class Noise:
    """Error lines that are as they should be, for one reason.

    Attributes:
        resource: In whose log.
        phases: When.
        texts: A part of each, literally.
        reason: Why they are no errors of the product's.
        shown_by: A pattern of tests: a run in which one of them passes has such a line; empty where
            it comes at times, so that nobody can miss it.
    """

    resource: str
    phases: tuple[Phase, ...]
    texts: tuple[str, ...]
    reason: str
    shown_by: str

    def fits(self, line: ErrorLine, phase: Phase | None) -> bool:
        """Whether it explains a line; in no phase where nobody can say when that was written."""
        mine = self.resource == line.resource and (phase is None or phase in self.phases)
        return mine and any(text in line.text for text in self.texts)


@dataclass(frozen=True)
class Course:
    """The course of a run, as far as lines are judged by it; in seconds of the calendar.

    Attributes:
        ready_s: When each resource got ready that was started in it.
        stop_s: When the first one was stopped; infinite where none was.
        faults: What each of its faults explains.
    """

    ready_s: Mapping[str, float]
    stop_s: float = math.inf
    faults: tuple[Explained, ...] = ()

    def explains(self, line: ErrorLine) -> bool:
        """Whether a fault does; of a line without a time any that has to do with its resource."""
        return any(
            line.resource in each.resources
            and (line.at_s is None or each.begin_s <= line.at_s <= each.end_s)
            for each in self.faults
        )

    def phase_of(self, at_s: float, resource: str) -> Phase:
        """What a resource was in the middle of."""
        if at_s >= self.stop_s:
            return "stop"
        if at_s < self.ready_s.get(resource, -math.inf):
            return "start"
        return "fault" if any(e.begin_s <= at_s <= e.end_s for e in self.faults) else "run"


@dataclass(frozen=True)
class Hygiene:
    """What the logs of a run are worth.

    Attributes:
        unexplained: The lines that nothing explains, in the order in which they came.
        used: The noises that explain one, whether or not a fault does, too.
    """

    unexplained: tuple[ErrorLine, ...]
    used: frozenset[Noise]


def hygiene_of(lines: Iterable[ErrorLine], course: Course, noises: Iterable[Noise]) -> Hygiene:
    """Judge error lines: a fault explains one, or a noise does; else it stays."""
    known = tuple(noises)
    unexplained: list[ErrorLine] = []
    used: set[Noise] = set()
    for line in lines:
        # Also of what a fault explains: that one is open may be another test's doing.
        phase = None if line.at_s is None else course.phase_of(line.at_s, line.resource)
        fitting = {noise for noise in known if noise.fits(line, phase)}
        used |= fitting
        if not fitting and not course.explains(line):
            unexplained.append(line)
    return Hygiene(tuple(unexplained), frozenset(used))
