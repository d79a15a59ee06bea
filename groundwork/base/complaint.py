"""The last complaint in a log: the line that says what went wrong, among the many that say where.

Twenty frames of a stack don't tell that a disk is full; the line above them, or the last cause
below them, does.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["COMPLAINT", "HEADING", "complaint_in", "complaint_of"]

# How the line of an error begins that tells a complaint.
COMPLAINT = "last complaint: "

# How a line begins that says whose lines follow, where those of several are in one log.
HEADING = "--- "

# How programs write that something is an error or worse: Java's and Python's loggers, Go's, JSON.
SEVERE = re.compile(
    r"\b(ERROR|FATAL|SEVERE|CRITICAL|PANIC|EMERG)\b"
    r"|\blevel=\"?(?i:error|fatal|critical|panic)\b"
    r"|\"(level|severity|lvl)\":\s*\"(?i:error|fatal|critical|panic)\""
    r"|^(panic|fatal error|error|Error|Exception in thread)\b"
)
# Lines that belong to the one before them: the frames of a stack.
FRAME = re.compile(r"^(\s|at |\.\.\. \d+ more)")
# What an exception is called, and says: Java's, Python's.
CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)*\w*(?:Exception|Error)\b:? ?.*")

LINE_LENGTH_MAX = 400

# Several hundred frames; what is older isn't the last complaint.
TAIL_BYTES = 1024 * 1024


def complaint_in(text: str) -> str:
    """The last line of severity error or above, with its innermost cause; empty where none is."""
    lines = text.splitlines()
    last = next((n for n in reversed(range(len(lines))) if is_complaint(lines[n])), None)
    if last is None:
        return ""
    found, cause = lines[last].strip(), ""
    for line in lines[last + 1 :]:
        if CAUSE.match(line):
            cause = line.strip().removeprefix("Caused by: ")
        elif not FRAME.match(line):
            break
    both = f"{found} ({cause})" if cause and cause not in found else found
    return both if len(both) <= LINE_LENGTH_MAX else both[: LINE_LENGTH_MAX - 3] + "..."


def is_complaint(line: str) -> bool:
    """Whether a line is a log entry of severity error or above."""
    return not FRAME.match(line) and SEVERE.search(line) is not None


def complaint_of(log: Path) -> str:
    """The last complaint in a file; empty where there is none, or no file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return complaint_in(file.read().decode("utf-8", "replace"))
    except OSError:
        return ""
