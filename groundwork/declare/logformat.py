"""How a server's log tells when a line was written, and how bad that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

__all__ = ["JSON", "LOGFMT", "TABBED", "Entry", "LogFormat", "entries_in"]

# What loggers call what an operator must look at, whatever their case.
SEVERE = frozenset({"ERROR", "SEVERE", "CRITICAL", "FATAL", "PANIC", "DPANIC", "EMERG"})

# How a program complains that has no logger any more, or never had one.
CRASH = re.compile(
    r"Traceback \(most recent call last\):|panic: |fatal error: |Exception in thread |"
    r"java\.lang\.OutOfMemoryError"
)


@dataclass(frozen=True)
class LogFormat:
    """The form of a log's entries.

    Attributes:
        entry: Matches the first line of each from its beginning, and nothing else. Its groups are
            ``level``, such as ``warn``, and ``at``, in ISO 8601: without a zone it is the
            machine's.
    """

    entry: re.Pattern[str]


# Go's: `time=... level=info msg=...`, or, of older libraries, `ts=... caller=... level=...`.
LOGFMT = LogFormat(re.compile(r"(?:time|ts)=(?P<at>\S+) (?:\S+ )?level=(?P<level>\w+) "))

# Of Go's loggers that separate by tabs.
TABBED = LogFormat(re.compile(r"(?P<at>\S+)\t(?P<level>\w+)\t"))

# Objects with a level and a timestamp, in any order.
JSON = LogFormat(
    re.compile(r'\{(?=.*"level": ?"(?P<level>\w+)")(?=.*"(?:timestamp|ts)": ?"(?P<at>[^"]+)")')
)


@dataclass(frozen=True)
class Entry:
    """A line that begins an entry of a log, or that a dying program has written instead of one.

    Attributes:
        number: Of the line, from 1.
        text: The line.
        at_s: When, in seconds of the calendar: of a line that doesn't tell that of the last one
            that did; None where none has.
        severe: Whether it is an error or worse.
        formed: Whether it is of the log's own form.
    """

    number: int
    text: str
    at_s: float | None
    severe: bool
    formed: bool


def entries_in(lines: Iterable[str], form: LogFormat | None) -> Iterator[Entry]:
    """The entries of a log; without a form only a dying program's."""
    at = ""
    for number, line in enumerate(lines, 1):
        found = form.entry.match(line) if form is not None else None
        if found is not None:
            at = found["at"]
            yield Entry(number, line, seconds_of(at), found["level"].upper() in SEVERE, formed=True)
        elif CRASH.match(line):
            yield Entry(number, line, seconds_of(at), severe=True, formed=False)


def seconds_of(at: str) -> float | None:
    """A time in seconds of the calendar; None where it is none."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return None
