"""The list of pins beside what is newer: a line for each, and the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suites.support.pins.asking import Answers
from suites.support.pins.pin import Pin, is_newer

__all__ = ["UNKNOWN", "Line", "listing", "summary"]

# Beside a pin that nobody could be asked about.
UNKNOWN = "?"


@dataclass(frozen=True)
class Line:
    """A pin, and what is known of it.

    Attributes:
        pin: The pin.
        newer: The newest version if it is a newer one, UNKNOWN where nobody has said, else nothing.
        why: Why it stays: what stands beside it, or who holds it.
    """

    pin: Pin
    newer: str
    why: str


def line_of(pin: Pin, answers: Answers) -> Line:
    """A pin beside what was said of it."""
    found = answers.newest.get((pin.kind, pin.name))
    if found is None:
        return Line(pin, UNKNOWN, pin.stays)
    if not is_newer(found, pin.version):
        return Line(pin, "", pin.stays)
    held = f"needed by {', '.join(pin.needed_by)}" if pin.needed_by else ""
    return Line(pin, found, pin.stays or held)


def listing(pins: Sequence[Pin], answers: Answers) -> tuple[Line, ...]:
    """A line for every pin, whether anything is known of it or not; files in their order."""
    return tuple(line_of(pin, answers) for pin in sorted(pins, key=lambda pin: pin.file))


def summary(lines: Sequence[Line]) -> str:
    """All of it in one line."""
    newer = [line for line in lines if line.newer not in {"", UNKNOWN}]
    told = [line for line in newer if line.pin.stays]
    unknown = [line for line in lines if line.newer == UNKNOWN]
    files = {line.pin.file for line in lines}
    return (
        f"{len(lines)} pins in {len(files)} files: of {len(newer)} there is something newer, "
        f"{len(told)} of which stay for a reason; of {len(unknown)} nobody knows"
    )
