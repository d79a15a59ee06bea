"""Locks on resources: a test that disturbs one has it for itself.

All locks of a test are granted at once or not at all, so two tests can't wait for each other;
those who disturb go first, so a stream of readers can't starve them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from groundwork.base.errors import CancelledError, LockTimeoutError
from groundwork.base.wait import Deadline

__all__ = ["Claim", "Locks"]

# How long it may take to see that nobody waits for the locks any more.
LOOK_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Claim:
    """What one owner holds or waits for."""

    owner: int
    exclusive: frozenset[str]
    shared: frozenset[str]

    def clashes(self, other: Claim) -> bool:
        """Whether both can't be held at the same time."""
        return bool(
            self.exclusive & (other.exclusive | other.shared) or self.shared & other.exclusive
        )


class Locks:
    """The locks of one environment; an owner is one connection to the keeper."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[Claim] = []
        self._waiting: list[Claim] = []
        self._closed = False

    def acquire(
        self,
        owner: int,
        exclusive: Iterable[str],
        shared: Iterable[str],
        deadline: Deadline,
        *,
        broken_off: threading.Event | None = None,
    ) -> Claim:
        """Take all locks or none; what is held by that.

        Raises:
            LockTimeoutError: Others held on until the deadline; says who holds what.
            CancelledError: The environment is ending, or nobody wants them any more.
        """
        alone = frozenset(exclusive)
        claim = Claim(owner, alone, frozenset(shared) - alone)
        with self._changed:
            self._waiting.append(claim)
            try:
                while not self._free(claim):
                    if broken_off is not None and broken_off.is_set():
                        raise CancelledError("nobody waits for these locks any more")
                    self._changed.wait(timeout=min(deadline.left_s(), LOOK_INTERVAL_S))
                    if deadline.left_s() <= 0 and not self._free(claim):
                        raise LockTimeoutError(
                            ", ".join(sorted(claim.exclusive | claim.shared)),
                            f"waited {deadline.timeout_s:g} s for other tests to let go; "
                            f"held: {self._describe(claim)}",
                        )
                if self._closed:
                    raise CancelledError("the environment is ending")
                self._held.append(claim)
                return claim
            finally:
                self._waiting.remove(claim)
                self._changed.notify_all()

    def _free(self, claim: Claim) -> bool:
        if self._closed:
            return True
        if any(claim.clashes(held) for held in self._held):
            return False
        ahead = self._waiting[: self._waiting.index(claim)] if claim.exclusive else self._waiting
        return not any(other.exclusive and claim.clashes(other) for other in ahead)

    def _describe(self, claim: Claim) -> str:
        parts = []
        for held in self._held:
            if claim.clashes(held):
                names = sorted((claim.exclusive | claim.shared) & (held.exclusive | held.shared))
                how = "disturbed" if held.exclusive else "used"
                parts.append(f"{', '.join(names)} ({how} by connection {held.owner})")
        return "; ".join(parts) or "nothing any more, but a disturber is ahead in the queue"

    def release(self, owner: int) -> frozenset[str]:
        """Let go of all that an owner holds; what it had disturbed."""
        with self._changed:
            mine = [claim for claim in self._held if claim.owner == owner]
            self._held = [claim for claim in self._held if claim.owner != owner]
            self._changed.notify_all()
            return frozenset[str]().union(*(claim.exclusive for claim in mine))

    def give_back(self, claim: Claim) -> None:
        """Let go of what was taken at once, and of nothing that its owner has taken since."""
        with self._changed:
            self._held = [held for held in self._held if held is not claim]
            self._changed.notify_all()

    def disturbed_by(self, owner: int) -> frozenset[str]:
        """What an owner holds for itself."""
        with self._changed:
            return frozenset[str]().union(
                *(claim.exclusive for claim in self._held if claim.owner == owner)
            )

    def waiting(self) -> tuple[int, ...]:
        """The owners that wait."""
        with self._changed:
            return tuple(claim.owner for claim in self._waiting)

    def close(self) -> None:
        """Refuse all who wait, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
