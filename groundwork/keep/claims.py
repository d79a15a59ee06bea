"""Claims: resources that somebody has alone or shares, and who may act in whose name.

All that a claim wants is granted at once or not at all, so two can't wait for each other; those who
want something alone go first, so a stream of readers can't starve them. A claim has a key: whoever
knows it may join, and acts under the claim as its owner does. It can't be widened.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from groundwork.base.errors import CancelledError, LockTimeoutError, OverdueError, UsageError

__all__ = ["LIMIT_S", "MACHINE", "Claim", "Claims", "Wish"]

# What a measurement has alone and everybody else shares; no resource is called so.
MACHINE = "the machine"

# What a claim may take that doesn't say it: a test with a server's start and some waits.
LIMIT_S = 120.0

# What is granted to holders beyond what they have declared: they heal, and see that all is healthy.
PATIENCE_S = 60.0

# How long it may take to see that nobody waits for the locks any more.
LOOK_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Wish:
    """What somebody wants to hold.

    Attributes:
        holder: Who, for people: a test, a command.
        exclusive: What is wanted alone.
        shared: What others may use, too.
        limit_s: For how long, at most.
    """

    holder: str
    exclusive: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    limit_s: float = LIMIT_S

    @classmethod
    def of(
        cls, holder: str, exclusive: Iterable[str], shared: Iterable[str], limit_s: float
    ) -> Wish:
        """A wish; what is wanted alone isn't shared."""
        alone = frozenset(exclusive)
        return cls(holder, alone, frozenset(shared) - alone, limit_s)

    def contested(self, other: Wish) -> frozenset[str]:
        """What both can't hold at the same time."""
        return self.exclusive & (other.exclusive | other.shared) | self.shared & other.exclusive

    def beyond(self, other: Wish) -> frozenset[str]:
        """What whoever holds the other may not do of this."""
        return self.exclusive - other.exclusive | self.shared - other.exclusive - other.shared


@dataclass(eq=False)
class Claim:
    """A wish that is waited for, or was granted.

    Attributes:
        owner: The connection whose claim it is.
        wish: What is to be held.
        until_s: When it should be over, on the monotonic clock; never, while it waits.
        key: Whoever knows it may join.
        members: The connections that have joined.
        ending: Whether it is being given back: nobody acts under it any more.
        overdue: Whether its time is over: nobody begins anything under it any more.
    """

    owner: int
    wish: Wish
    until_s: float = float("inf")
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    members: set[int] = field(default_factory=set)
    ending: bool = False
    overdue: bool = False

    @property
    def over(self) -> str:
        """What is said of a claim that is overdue."""
        return f"the {self.wish.limit_s:g} s of {self.wish.holder} are over"


class Claims:
    """The claims of one environment. Who asks is the number of a connection to the keeper.

    Args:
        tell: Told who waits, and for whom, as soon as somebody has to.
    """

    def __init__(self, tell: Callable[[str, str], None] | None = None) -> None:
        self._tell = tell
        self._changed = threading.Condition()
        self._held: list[Claim] = []
        self._waiting: list[Claim] = []
        self._closed = False

    def take(self, peer: int, wish: Wish, *, broken_off: threading.Event | None = None) -> Claim:
        """Hold all that is wished.

        Where it is part of a claim that the connection has joined, that claim is the answer.

        Raises:
            UsageError: The connection acts under somebody else's claim, which has less.
            LockTimeoutError: Others have held on for a minute beyond what they have declared; says
                who holds what.
            CancelledError: The environment is ending, or nobody wants it any more.
        """
        with self._changed:
            joined = self._joined(peer)
            if joined is not None:
                return self._within(joined, wish)
            claim = Claim(peer, wish)
            self._waiting.append(claim)
            try:
                self._await_turn(claim, broken_off)
                claim.until_s = time.monotonic() + wish.limit_s
                self._held.append(claim)
                return claim
            finally:
                self._waiting.remove(claim)
                self._changed.notify_all()

    @staticmethod
    def _within(claim: Claim, wish: Wish) -> Claim:
        more = wish.beyond(claim.wish)
        if more:
            raise UsageError(
                f"{wish.holder} acts under the claim of {claim.wish.holder}, which doesn't have "
                f"{', '.join(sorted(more))}" + (" alone" if more & claim.wish.shared else "")
            )
        return claim

    def _await_turn(self, waiting: Claim, broken_off: threading.Event | None) -> None:
        """Return when nothing is in the way any more; the lock is held all along."""
        wish = waiting.wish
        began_s = time.monotonic()
        told = False
        while not self._closed:
            held, ahead = self._in_the_way(waiting)
            if not held and not ahead:
                return
            if broken_off is not None and broken_off.is_set():
                raise CancelledError("nobody waits for this claim any more")
            if not told:
                told = True
                self._tell_of(wish.holder, describe(wish, held, ahead))
                continue
            # Who is ahead holds nothing yet, and waits for those who do: their time is what counts.
            until_s = max((claim.until_s for claim in held), default=float("inf")) + PATIENCE_S
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise LockTimeoutError(
                    ", ".join(sorted(wish.exclusive | wish.shared)),
                    f"waited {time.monotonic() - began_s:.0f} s, and all the time that holders had "
                    f"declared is over: {describe(wish, held, ahead)}",
                )
            self._changed.wait(timeout=min(left_s, LOOK_INTERVAL_S))
        raise CancelledError("the environment is ending")

    def _tell_of(self, holder: str, why: str) -> None:
        """Tell who waits; whoever is slow to listen keeps nobody else from what is free."""
        if self._tell is not None:
            self._changed.release()
            try:
                self._tell(holder, why)
            finally:
                self._changed.acquire()

    def _in_the_way(self, waiting: Claim) -> tuple[list[Claim], list[Claim]]:
        """The claims that clash with one that waits, and those that wait and come before it."""
        wish = waiting.wish
        held = [each for each in self._held if each.wish.contested(wish)]
        place = self._waiting.index(waiting)
        queue = self._waiting[:place] if wish.exclusive else self._waiting
        ahead = [each for each in queue if each.wish.exclusive and each.wish.contested(wish)]
        return held, ahead

    # --- acting in somebody's name

    def join(self, peer: int, key: str) -> Claim:
        """Act under somebody else's claim from now on.

        Raises:
            UsageError: There is no such claim, or no longer; or the connection has one already.
        """
        with self._changed:
            if self._joined(peer) is not None or any(c.owner == peer for c in self._held):
                raise UsageError("this connection has a claim already: release it first")
            for claim in self._held:
                if secrets.compare_digest(claim.key, key) and not claim.ending:
                    claim.members.add(peer)
                    return claim
        raise UsageError("the claim to be joined is over, or there never was one")

    def _joined(self, peer: int) -> Claim | None:
        return next((claim for claim in self._held if peer in claim.members), None)

    def of(self, peer: int) -> tuple[Claim, ...]:
        """The claims that a connection acts under: one it has joined, or its own."""
        with self._changed:
            return tuple(
                claim
                for claim in self._held
                if not claim.ending and (claim.owner == peer or peer in claim.members)
            )

    def owned(self, peer: int) -> tuple[Claim, ...]:
        """A connection's own claims, until their end is complete."""
        with self._changed:
            return tuple(claim for claim in self._held if claim.owner == peer)

    def may_disturb(self, peer: int, resource: str) -> bool:
        """Whether a connection has a resource alone, by a claim of its own or one it has joined.

        Raises:
            OverdueError: It had, and the time of that claim is over.
        """
        having = [claim for claim in self.of(peer) if resource in claim.wish.exclusive]
        for claim in having:
            if claim.overdue:
                raise OverdueError(f"{resource} may not be broken any more: {claim.over}")
        return bool(having)

    def expire(self, claim: Claim) -> bool:
        """The time of a claim is over: nothing begins under it any more; whether it is held."""
        with self._changed:
            claim.overdue = True
            return claim in self._held and not claim.ending

    # --- the end

    def begin_end(self, peer: int) -> frozenset[str]:
        """Nobody acts under a connection's claims any more; what they have alone.

        Whatever was done under them is to be healed before :meth:`end`.
        """
        with self._changed:
            own = self.owned(peer)
            for claim in own:
                claim.ending = True
            return frozenset[str]().union(*(claim.wish.exclusive for claim in own))

    def end(self, peer: int) -> None:
        """Let go of all that a connection holds, and leave what it has joined."""
        with self._changed:
            self._held = [claim for claim in self._held if claim.owner != peer]
            for claim in self._held:
                claim.members.discard(peer)
            self._changed.notify_all()

    def give_back(self, peer: int, claim: Claim) -> None:
        """Let go of what a connection took at once, and of nothing that it has taken since."""
        with self._changed:
            self._held = [h for h in self._held if h is not claim or h.owner != peer]
            self._changed.notify_all()

    def close(self) -> None:
        """Refuse all who wait, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # --- to be seen

    def waiting(self) -> tuple[int, ...]:
        """The connections that wait."""
        with self._changed:
            return tuple(claim.owner for claim in self._waiting)

    def held(self) -> tuple[Claim, ...]:
        """The claims that were granted and aren't over."""
        with self._changed:
            return tuple(self._held)


def describe(wish: Wish, held: Iterable[Claim], ahead: Iterable[Claim]) -> str:
    """For whom a wish waits, for people."""
    now_s = time.monotonic()
    parts = []
    for claim in held:
        names = ", ".join(sorted(wish.contested(claim.wish)))
        left_s = claim.until_s - now_s
        due = f"{left_s:.0f} s left" if left_s > 0 else f"{-left_s:.0f} s over its time"
        parts.append(f"{names} held by {claim.wish.holder} ({due} of {claim.wish.limit_s:g} s)")
    for other in ahead:
        names = ", ".join(sorted(wish.contested(other.wish)))
        parts.append(f"{names} wanted alone by {other.wish.holder}, who is ahead in the queue")
    return "; ".join(parts)
