"""Sightings: what a witness has seen of a fault, and what it should have and hasn't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from groundwork.base.errors import WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["Evidence", "Sightings", "Witness"]


@dataclass(frozen=True)
class Evidence:
    """What was seen of one fault.

    Attributes:
        fault: Its name.
        resource: What was to be broken.
        target: Which part; empty for all of it.
        seen: What shows it, in sentences.
        doubts: Why it isn't shown; empty where it is.
    """

    fault: str
    resource: str
    target: str
    seen: tuple[str, ...]
    doubts: tuple[str, ...]


@dataclass
class Sightings:
    """What a witness has seen, and what it should have and hasn't."""

    seen: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def expect(self, *, so: bool, seen: str, doubt: str) -> None:
        """Write down one or the other."""
        (self.seen if so else self.doubts).append(seen if so else doubt)

    def expect_soon(self, look: Callable[[], None], limit_s: float, what: str, seen: str) -> None:
        """Wait until a look raises no NotYetError any more, and write down what has come of it.

        Args:
            look: What is so, or what is there instead.
            limit_s: How long.
            what: What is waited for, for whoever doubts it.
            seen: What is written down where it is so.
        """
        try:
            wait_for(look, deadline=Deadline.after(limit_s), what=what)
        except WaitTimeoutError as error:
            self.doubts.append(" ".join(str(error).splitlines()[:2]))
        else:
            self.seen.append(seen)


class Witness(Protocol):
    """Looks at servers before a fault, while it lasts, and once it is healed."""

    sightings: Sightings

    def look_before(self) -> None:
        """All is well, and this is how that looks."""

    def look_during(self) -> None:
        """It is broken."""

    def look_after(self) -> None:
        """It is whole again."""
