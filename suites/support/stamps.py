"""The keeper's stamps: when a fault has landed, and when it was healed."""

from __future__ import annotations

from pathlib import Path

from groundwork.keep import timeline
from groundwork.keep.events import FaultHealed, FaultLanded

__all__ = ["stamp_of"]


def stamp_of(file: Path, kind: type[FaultLanded | FaultHealed], fault: str) -> int:
    """When a fault has landed, or was healed, on the machine's monotonic clock, in nanoseconds.

    Args:
        file: The timeline.
        kind: Which of the two.
        fault: Its name.

    Raises:
        LookupError: The timeline doesn't say.
    """
    for each in timeline.read(file):
        event = each.event
        named = isinstance(event, FaultLanded | FaultHealed) and event.id == fault
        if named and isinstance(event, kind):
            return each.t_ns
    raise LookupError(f"{fault} isn't on {file}")
