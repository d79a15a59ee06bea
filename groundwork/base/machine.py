"""The machine that something was measured on: figures of two machines aren't compared."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Machine"]

GIB = 1024**3


@dataclass(frozen=True)
class Machine:
    """What a measurement depends upon, whatever else runs.

    Attributes:
        system: The operating system and its architecture.
        processor: Its model.
        processors: How many it may use.
        memory_gib: How much memory there is, in whole GiB: kernels keep a little for themselves.
    """

    system: str
    processor: str
    processors: int
    memory_gib: int

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        return cls(
            system=f"{platform.system()} {platform.machine()}",
            processor=model() or platform.processor() or "unknown",
            processors=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / GIB),
        )

    def __str__(self) -> str:
        """For people."""
        return (
            f"{self.system}, {self.processors} processors ({self.processor}), {self.memory_gib} GiB"
        )


def model() -> str:
    """The processor's model, where Linux tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    named = (line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line)
    return next(named, "")
