"""Remarks: one thing that is missing or wrong, why that matters, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Remark"]


@dataclass(frozen=True)
class Remark:
    """One line of the doctor's.

    Attributes:
        what: The thing, and what is wrong with it.
        why: What it is needed for.
        mend: What to do, on this system.
        needed: Whether nothing works without it; else something does, and ``why`` says what not.
    """

    what: str
    why: str
    mend: str
    needed: bool = True

    def __str__(self) -> str:
        """One line for people."""
        return f"{'wrong' if self.needed else 'note '}  {self.what}: {self.why}; {self.mend}"
