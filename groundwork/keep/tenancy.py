"""Tenancy: what a connection holds of an environment and does to it, from its claim to its end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from groundwork.base.errors import GroundworkError, UsageError
from groundwork.keep.claims import MACHINE, Claim, Claims, Wish
from groundwork.keep.events import ClaimOverdue, Event
from groundwork.keep.faults import Faults
from groundwork.keep.health import Health
from groundwork.keep.jobs import Jobs
from groundwork.keep.messages import TakeClaim
from groundwork.keep.provisioner import Provisioner

__all__ = ["Tenancy"]


class Tenancy:
    """Who asks is the number of a connection to the keeper."""

    def __init__(
        self,
        claims: Claims,
        faults: Faults,
        jobs: Jobs,
        provisioner: Provisioner,
        health: Health,
        note: Callable[[Event], None],
    ) -> None:
        self._claims = claims
        self._faults = faults
        self._jobs = jobs
        self._provisioner = provisioner
        self._health = health
        self._note = note
        self._timers: dict[Claim, threading.Timer] = {}

    def take(self, peer: int, request: TakeClaim, broken_off: threading.Event) -> str:
        """Hold what is asked for, once others let go of it; the claim's key.

        Raises:
            UsageError: There is no such resource, or it is beyond the claim that was joined.
            LockTimeoutError: Others hold on beyond what they have declared.
            CancelledError: The environment is ending, or nobody waits for it any more.
        """
        known = {MACHINE, *self._provisioner.resources}
        for name in (*request.exclusive, *request.shared):
            if name not in known:
                raise UsageError(
                    f"{request.holder} claims {name!r}: no such resource; known: "
                    + ", ".join(sorted(known))
                )
        wish = Wish.of(request.holder, request.exclusive, request.shared, request.limit_s)
        claim = self._claims.take(peer, wish, broken_off=broken_off)
        if broken_off.is_set():  # in this very moment: nobody knows that it is held
            self._claims.give_back(peer, claim)
        elif claim.owner == peer and wish.exclusive and wish.limit_s > 0:
            timer = threading.Timer(wish.limit_s, self._expire, (claim,))
            timer.daemon = True
            self._timers[claim] = timer
            timer.start()
        return claim.key

    def _expire(self, claim: Claim) -> None:
        """In a timer's thread: the time of a claim is over; end what is open under it, if any."""
        if not self._claims.expire(claim):
            return
        alone = claim.wish.exclusive
        faults, jobs = self._faults.opened_of(alone), self._jobs.under(claim)
        if faults or jobs:
            self._note(ClaimOverdue(claim.wish.holder, claim.over, faults, jobs))
        self._jobs.end_under([claim], "overdue")
        with contextlib.suppress(GroundworkError):  # it is noted, and tried again at the end
            self._faults.heal_all(alone, by="overdue")

    def join(self, peer: int, key: str) -> None:
        """Act under somebody else's claim.

        Raises:
            UsageError: It is over, or there never was one.
        """
        self._claims.join(peer, key)

    def secret(self, peer: int, name: str) -> str:
        """A secret of a resource that a connection holds, or acts under a claim of.

        Raises:
            UsageError: No resource has it, or none that is held.
        """
        resources = self._provisioner.resources.values()
        having = {each.name: each.secrets[name] for each in resources if name in each.secrets}
        for claim in self._claims.of(peer):
            for resource in having.keys() & (claim.wish.exclusive | claim.wish.shared):
                return having[resource]
        if having:
            raise UsageError(f"secret {name}: it is told to whoever holds {' or '.join(having)}")
        known = sorted({secret for each in resources for secret in each.secrets})
        raise UsageError(f"there is no secret {name!r}; known: {', '.join(known) or 'none'}")

    def release(self, peer: int) -> None:
        """End and heal what runs and is broken in a connection's name, or by it.

        Others find it healthy.

        Raises:
            NotRecoveredError: Something isn't well in time after a fault was healed.
            GroundworkError: Something can't be healed, or isn't healthy for another reason; it is
                let go of all the same, known as broken.
        """
        alone, own = self._claims.begin_end(peer), self._claims.owned(peer)
        for claim in own:
            timer = self._timers.pop(claim, None)
            if timer is not None:
                timer.cancel()
        disturbed = self._faults.disturbed_by(peer)

        def see_healthy() -> None:
            # Who leaves a claim that it had joined leaves what others have broken under it.
            broken = self._faults.opened_beside(peer) - alone
            self._health.check(alone | disturbed, broken, self._faults.behind)

        with contextlib.ExitStack() as last:  # in reverse, each whatever becomes of the others
            last.callback(self._claims.end, peer)
            # Whatever a fault has killed until here is explained by it; from here on nothing is.
            last.callback(self._health.expect_alive, alone | disturbed)
            last.callback(self._faults.forget, peer)
            # What could not be healed must be known as broken before others meet it.
            last.callback(see_healthy)
            last.callback(self._faults.heal_all, disturbed, peer)
            last.callback(self._faults.heal_all, alone)
            last.callback(self._jobs.end_under, own)  # they may break more

    def end(self, peer: int) -> None:
        """A connection has ended: others must find healthy what it held."""
        with contextlib.suppress(GroundworkError):  # the provisioner has noted the failure
            self.release(peer)
