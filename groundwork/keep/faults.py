"""Faults: what is done to a resource on purpose, on record before, healed in any case."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from groundwork.base.errors import GroundworkError, UsageError
from groundwork.base.ledger import Ledger, Record
from groundwork.declare.arguments import arguments_of
from groundwork.declare.capability import Fault, fault_of
from groundwork.keep.claims import Claims
from groundwork.keep.events import (
    Event,
    FaultHealed,
    FaultInjected,
    FaultLanded,
    HealedBy,
    HealingFailed,
)
from groundwork.keep.health import Health
from groundwork.keep.messages import Healed, Inject, Injected
from groundwork.keep.provisioner import Cause, Provisioner

__all__ = ["Faults"]

# A hook has deadlines of its own, and is done in seconds; one that hangs keeps nobody from healing.
HOOK_TIMEOUT_S = 30.0

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Open:
    """A fault that isn't healed, or that nobody has answered for yet.

    Attributes:
        id: Names it.
        opener: The connection that has injected it.
        since_s: When, on the monotonic clock.
        timer: Heals it when its time is up.
    """

    id: str
    fault: Fault
    resource: str
    target: str
    opener: int
    since_s: float
    timer: threading.Timer


class Faults:
    """The faults of one environment. Who asks is the number of a connection to the keeper."""

    def __init__(
        self,
        provisioner: Provisioner,
        health: Health,
        ledger: Ledger,
        claims: Claims,
        note: Callable[[Event], None],
    ) -> None:
        self._provisioner = provisioner
        self._health = health
        self._ledger = ledger
        self._claims = claims
        self._note = note
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[str, Open] = {}
        self._healed: dict[str, Healed] = {}
        # What each connection has injected and not answered for yet, healed or not.
        self._unanswered: defaultdict[int, list[Open]] = defaultdict(list)
        # One thing at a time is done to a resource: what is healed while it is still being
        # injected would stay broken.
        self._turns: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    # --- what may be asked for

    def inject(self, peer: int, request: Inject) -> Injected:
        """Break a resource.

        Raises:
            UsageError: There is no such resource, fault or target; the resource lacks the
                capability, or the asker the claim.
            GroundworkError: The hook failed, or took too long; what it had done is healed.
        """
        fault, parameters = self._validate(request)
        with self._turn(request.resource) as mine:
            if not mine:
                raise GroundworkError(f"{request.resource}: what is being done to it hangs")
            self._expect_claim(peer, fault.name, request.resource)
            opened = self._begin(peer, request, fault, parameters)
            before = self._observe(request.resource)
            self._note(
                FaultInjected(
                    opened.id,
                    opened.resource,
                    fault.name,
                    opened.target,
                    request.limit_s,
                    before,
                    parameters,
                )
            )
            opened.timer.start()
            try:
                self._call(fault.name, opened, parameters)
            except Exception:
                self._try_to_heal(opened, "failure")
                raise
            with self._lock:
                healed = opened.id in self._healed
            if healed:  # its time was up while the hook hung, which has gone on since
                self._call(fault.heal, opened)
                raise GroundworkError(
                    f"{fault.name} of {request.resource} took longer than the "
                    f"{request.limit_s:g} s that it was to last; it is healed"
                )
            after = self._observe(request.resource)
            self._note(FaultLanded(opened.id, opened.resource, after))
            return Injected(opened.id, before, after)

    def heal(self, peer: int, fault_id: str) -> Healed:
        """Undo a fault; one that is healed stays so, and it is told how it was.

        Raises:
            UsageError: There never was such a fault, or it isn't the asker's to heal.
            GroundworkError: The hook failed; the fault stays, and is tried again at the end.
        """
        with self._lock:
            opened, healed = self._open.get(fault_id), self._healed.get(fault_id)
        if healed is not None:
            return healed
        if opened is None:
            raise UsageError(f"there is no fault {fault_id!r}")
        with self._turn(opened.resource):
            self._expect_claim(peer, f"healing of {opened.fault.name}", opened.resource)
            return self._heal(opened, "asked")

    def disturbed_by(self, peer: int) -> frozenset[str]:
        """The resources that a connection has broken since it was last forgotten, healed or not."""
        with self._lock:
            return frozenset(each.resource for each in self._unanswered.get(peer, ()))

    def forget(self, peer: int) -> None:
        """A connection has answered for what it has broken."""
        with self._lock:
            self._unanswered.pop(peer, None)

    def opened_beside(self, peer: int) -> frozenset[str]:
        """The resources that others have broken and that aren't healed."""
        with self._lock:
            return frozenset(each.resource for each in self._open.values() if each.opener != peer)

    def behind(self, resource: str) -> Cause | None:
        """The fault that explains what a resource suffers: the last that has to do with it.

        One that is healed does until whoever has injected it has answered for it: what a fault has
        killed may be seen to end a moment after its healing, and may take its time to end.
        """
        with self._lock:
            pending = {each.id: each for mine in self._unanswered.values() for each in mine}
            pending |= self._open
            healed = dict(self._healed)
        for each in sorted(pending.values(), key=lambda opened: opened.since_s, reverse=True):
            if resource in self._health.affected([each.resource]):
                done = healed.get(each.id)
                healed_s = None if done is None else each.since_s + done.lasted_s
                return Cause(each.id, f"{each.fault.name} of {each.resource}", healed_s)
        return None

    def opened_of(self, resources: frozenset[str]) -> tuple[str, ...]:
        """The names of the faults of these resources that aren't healed."""
        with self._lock:
            return tuple(each.id for each in self._open.values() if each.resource in resources)

    def heal_all(
        self, resources: frozenset[str], opener: int | None = None, by: HealedBy = "end"
    ) -> None:
        """Heal what is still broken of these resources; goes on past errors.

        Args:
            resources: Which ones.
            opener: Only what this connection has injected.
            by: Whose doing that is.

        Raises:
            GroundworkError: Some of it can't be healed.
        """
        errors: list[str] = []
        for resource in resources & set(self._provisioner.started()):
            with self._turn(resource):
                with self._lock:
                    pending = [
                        each
                        for each in self._open.values()
                        if each.resource == resource and opener in {None, each.opener}
                    ]
                for each in reversed(pending):
                    errors += self._try_to_heal(each, by)
        if errors:
            raise GroundworkError(f"not healed: {'; '.join(errors)}")

    # --- how it is done

    def _validate(self, request: Inject) -> tuple[Fault, dict[str, Any]]:
        """The fault that is asked for, and its parameters.

        Raises:
            UsageError: It can't be asked for so.
        """
        resources = self._provisioner.resources
        if request.resource not in resources:
            raise UsageError(
                f"{request.fault} of {request.resource!r}: no such resource; known: "
                + ", ".join(sorted(resources))
            )
        resource = resources[request.resource]
        fault = fault_of(request.fault, resource, request.resource)
        if not 0 < request.limit_s <= fault.limit_s:
            raise UsageError(
                f"{request.fault} of {request.resource}: limit_s={request.limit_s:g} should be "
                f"more than 0 and at most {fault.limit_s:g}"
            )
        told = arguments_of(
            fault.parameters, request.parameters, f"{request.fault} of {request.resource}"
        )
        if request.target:
            parts = resource.targets(self._provisioner.stage(request.resource), request.fault)
            if request.target not in parts:
                raise UsageError(
                    f"{request.fault} of {request.resource}: it has no {request.target!r}; it has "
                    + ", ".join(sorted(parts))
                )
        return fault, told.model_dump(mode="json")

    def _expect_claim(self, peer: int, what: str, resource: str) -> None:
        if not self._claims.may_disturb(peer, resource):
            raise UsageError(
                f"{what} of {resource}: the test must carry the marker disturbs({resource!r})"
            )

    def _begin(
        self, peer: int, request: Inject, fault: Fault, parameters: Mapping[str, Any]
    ) -> Open:
        """Put it on record, with what undoes it."""
        name = f"{request.resource}-{fault.name}-{next(self._numbers)}"
        timer = threading.Timer(request.limit_s, self._expire, (name,))
        timer.daemon = True
        opened = Open(name, fault, request.resource, request.target, peer, time.monotonic(), timer)
        with self._lock:
            self._open[name] = opened
            self._unanswered[peer].append(opened)
        self._record("fault", opened, parameters=dict(parameters))
        self._health.excuse(opened.resource)
        return opened

    def _expire(self, fault_id: str) -> None:
        """Its time is up: in the timer's thread."""
        with self._lock:
            opened = self._open.get(fault_id)
        if opened is not None:
            with self._turn(opened.resource):
                self._try_to_heal(opened, "time")

    @contextlib.contextmanager
    def _turn(self, resource: str) -> Iterator[bool]:
        """Nobody else does anything to the resource meanwhile; False where what they do hangs."""
        with self._lock:
            turn = self._turns[resource]
        got = turn.acquire(timeout=HOOK_TIMEOUT_S)
        try:
            yield got
        finally:
            if got:
                turn.release()

    def _heal(self, opened: Open, by: HealedBy) -> Healed:
        with self._lock:
            healed = self._healed.get(opened.id)
        if healed is not None:  # by somebody whose turn came before
            return healed
        self._call(opened.fault.heal, opened)
        opened.timer.cancel()
        self._health.excuse(opened.resource)
        lasted_s = round(time.monotonic() - opened.since_s, 3)
        healed = Healed(by, lasted_s, self._observe(opened.resource))
        self._record("healed", opened)
        self._note(FaultHealed(opened.id, opened.resource, by, healed.after))
        with self._lock:
            self._healed[opened.id] = healed
            self._open.pop(opened.id, None)
        return healed

    def _try_to_heal(self, opened: Open, by: HealedBy) -> list[str]:
        """Heal one; what hindered that."""
        try:
            self._heal(opened, by)
        except Exception as error:  # noqa: BLE001 - whatever a declaration raises
            text = str(error) or type(error).__name__
            self._note(HealingFailed(opened.id, opened.resource, text))
            return [f"{opened.fault.heal} of {opened.resource}: {text}"]
        return []

    def _call(self, hook: str, opened: Open, parameters: Mapping[str, Any] = NOTHING) -> None:
        resource = self._provisioner.resources[opened.resource]
        stage = self._provisioner.stage(opened.resource)
        getattr(resource, hook)(stage, opened.target, **parameters)

    def _observe(self, name: str) -> Mapping[str, str]:
        """What is to be seen of a resource; why nothing is, where it can't be looked at."""
        try:
            return self._provisioner.resources[name].observe(self._provisioner.stage(name))
        except Exception as error:  # noqa: BLE001 - what is broken may not bear being looked at
            return {"unseen": f"{type(error).__name__}: {error}"}

    def _record(self, step: str, opened: Open, **more: object) -> None:
        data = {
            "fault": opened.fault.name,
            "heal": opened.fault.heal,
            "target": opened.target,
            **more,
        }
        self._ledger.append(Record(step, "fault", opened.id, opened.resource, data=data))
