"""The clock of a machine: monotonic, so that what it tells means nothing to others by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Clock"]

# Changes with each start of a machine; containers on it see their machine's.
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Clock:
    """A machine's monotonic clock.

    Attributes:
        boot: Of which start of which machine; empty where the operating system doesn't tell.
        ahead_ns: By how much the machine's calendar is ahead of it.
    """

    boot: str
    ahead_ns: int

    @classmethod
    def here(cls) -> Self:
        """This machine's."""
        boot = BOOT_ID.read_text().strip() if BOOT_ID.is_file() else ""
        return cls(boot, time.time_ns() - time.monotonic_ns())

    def behind(self, other: Clock) -> int:
        """The nanoseconds to be added to another clock's times, so that they are this one's.

        Nothing on one machine; else what both calendars say, and as good as these are set.
        """
        if self.boot and self.boot == other.boot:
            return 0
        return other.ahead_ns - self.ahead_ns
