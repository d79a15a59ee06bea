"""The hygiene of a run's logs: read from what it has left, judged by what its timeline tells."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from groundwork.base.complaint import HEADING
from groundwork.base.errors import UncleanLogError
from groundwork.checkers.hygiene import Course, ErrorLine, Explained, Hygiene, Noise, hygiene_of
from groundwork.declare.environment import Declared
from groundwork.declare.logformat import LogFormat, entries_in
from groundwork.declare.resource import Description, Resource
from groundwork.declare.settings import Settings
from groundwork.keep.chronicle import FILE
from groundwork.keep.events import FaultHealed, FaultInjected, Ready, Recovered, Stopping
from groundwork.keep.messages import Failure
from groundwork.keep.timeline import Entry, read

__all__ = ["LOGS", "failures_of"]

# The folder of logs in that of a run.
LOGS = "logs"

# Of a resource that complains again and again; the rest stands in its file.
LINES_SHOWN = 20
LINE_LENGTH = 400


@dataclass(frozen=True)
class Log:
    """What was read of the logs of one resource.

    Attributes:
        lines: Its error lines.
        there: Whether there is any: those of pods that stay nobody has fetched.
        told: Whether anything was said in it.
        understood: Whether any line of it has the declared form.
    """

    lines: tuple[ErrorLine, ...]
    there: bool
    told: bool
    understood: bool


def failures_of(
    declared: Declared,
    settings: Settings,
    out_dir: Path,
    held: Iterable[Description],
    passed: Collection[str],
) -> dict[str, Failure]:
    """What the logs of a run that has passed say against it, by resource.

    Args:
        declared: The environment.
        settings: The run's.
        out_dir: Its folder: the timeline, and logs of what was removed at its end.
        held: The resources that it used; the logs of those that stay lie where they are.
        passed: The tests that have.

    Raises:
        UsageError: The timeline can't be read, or the list of noises is malformed.
    """
    resources = {each.name: each for each in declared.resources(settings)}
    events = read(out_dir / FILE)
    since_s = events[0].at.timestamp()
    limits_s = declared.environment.recovery_s(settings)
    course = course_of(events, tuple(resources.values()), limits_s)
    logs = {
        each.name: read_log(
            each.name,
            files_of(each, out_dir),
            resources[each.name].log_format,
            # Of a line that tells no time nobody knows whether it is this run's, in what stays.
            since_s if each.name not in course.ready_s else -math.inf,
        )
        for each in held
    }
    noises = declared.environment.noises(settings)
    found = hygiene_of((line for log in logs.values() for line in log.lines), course, noises)
    said: dict[str, list[str]] = {}
    for name, log in logs.items():
        own = [line for line in found.unexplained if line.resource == name]
        if own:
            said.setdefault(name, []).append(told_of(own))
        if log.told and not log.understood and resources[name].log_format is not None:
            text = "no line of its log has the form that is declared for it: errors go unseen"
            said.setdefault(name, []).append(text)
    heard = {name for name, log in logs.items() if log.there}
    for noise in unused(noises, found, course, heard, passed):
        text = f"{noise.texts[0]!r} is listed as noise, and isn't in its log, though "
        said.setdefault(noise.resource, []).append(f"{text}tests of {noise.shown_by} have passed")
    return {name: Failure.of(UncleanLogError(name, "\n".join(t))) for name, t in said.items()}


def course_of(
    events: Sequence[Entry], resources: Sequence[Resource], limits_s: Mapping[str, float]
) -> Course:
    """The course of a run, by its timeline.

    Args:
        events: What happened.
        resources: All that are declared.
        limits_s: How long each may take to be well again, where that is declared.
    """
    ready_s: dict[str, float] = {}
    stop_s = math.inf
    begun: dict[str, tuple[str, float]] = {}
    healed_s: dict[str, float] = {}
    answered_s: dict[str, float] = {}
    for entry in events:
        at_s = entry.at.timestamp()
        match entry.event:
            case Ready(resource=name):
                ready_s[name] = at_s
            case Stopping():
                stop_s = min(stop_s, at_s)
            case FaultInjected(id=fault, resource=name):
                begun[fault] = (name, at_s)
            case FaultHealed(id=fault):
                healed_s[fault] = at_s
            case Recovered(id=fault):
                answered_s[fault] = at_s
    start_s = {each.name: each.ready_timeout_s for each in resources}
    faults = []
    for fault, (name, begin_s) in begun.items():
        # Where nobody has looked whether all are well again they have the time that they may take.
        unseen_s = healed_s.get(fault, math.inf) + limits_s.get(name, start_s[name])
        end_s = answered_s.get(fault, unseen_s)
        faults.append(Explained(affected(resources, name), begin_s, end_s))
    return Course(ready_s, stop_s, tuple(faults))


def affected(resources: Sequence[Resource], name: str) -> frozenset[str]:
    """What a fault of a resource may do something to.

    It itself, what lives in it, and who needs or wants it, transitively.
    """
    found: set[str] = set()
    pending = [name]
    while pending:
        broken = pending.pop()
        if broken not in found:
            found.add(broken)
            pending += [e.name for e in resources if broken in (*e.needs, *e.wants, e.host)]
    return frozenset(found)


def files_of(held: Description, out_dir: Path) -> list[Path]:
    """The logs of a resource: what was collected of it, or those of what stays."""
    collected = out_dir / LOGS / held.name
    if collected.is_dir():
        return sorted(collected.glob("*.log"))
    living = Path(held.log_dir)
    own = [living / f"{process}.log" for process in held.processes]
    return [file for file in (*own, *sorted((living / held.name).glob("*.log"))) if file.exists()]


def read_log(resource: str, files: Iterable[Path], form: LogFormat | None, since_s: float) -> Log:
    """The error lines of a resource.

    Args:
        resource: Its name.
        files: Its logs.
        form: Of their entries; None where they have none.
        since_s: What was written before isn't this run's, in seconds of the calendar.
    """
    lines: list[ErrorLine] = []
    there = told = understood = False

    def heard(stream: Iterable[str]) -> Iterator[str]:
        nonlocal told
        for line in stream:
            told = told or bool(line.strip() and not line.startswith(HEADING))
            yield line

    for file in files:
        there = True
        with file.open(encoding="utf-8", errors="replace") as stream:
            for entry in entries_in(heard(stream), form):
                understood = understood or entry.formed
                at_s = entry.at_s
                if entry.severe and (since_s == -math.inf or (at_s or -math.inf) >= since_s):
                    text = entry.text.rstrip()
                    lines.append(ErrorLine(resource, file.name, entry.number, at_s, text))
    return Log(tuple(lines), there, told, understood)


def told_of(lines: Sequence[ErrorLine]) -> str:
    """Error lines, for people; the first one in the first line."""
    shown = [f"{e.file}:{e.number}: {e.text[:LINE_LENGTH]}" for e in lines[:LINES_SHOWN]]
    number = "an error line" if len(lines) == 1 else f"{len(lines)} error lines"
    more = len(lines) - len(shown)
    rest = [*shown[1:], *([f"and {more} more"] if more else [])]
    return "\n".join([f"{number} that nothing explains: {shown[0]}", *rest])


def unused(
    noises: Iterable[Noise],
    found: Hygiene,
    course: Course,
    held: Collection[str],
    passed: Collection[str],
) -> Iterator[Noise]:
    """The noises that this run should have had and has not.

    One of a start or a stop alone belongs to a run that has started, or stopped, its resource.
    """
    began = {"start": course.ready_s.keys(), "stop": held if course.stop_s < math.inf else ()}
    for noise in noises:
        if noise in found.used or noise.resource not in held:
            continue
        here = any(noise.resource in began.get(phase, held) for phase in noise.phases)
        if here and any(fnmatchcase(test, noise.shown_by) for test in passed):
            yield noise
