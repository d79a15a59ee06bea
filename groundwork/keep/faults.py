"""Faults: what a test does to a resource, on record before it happens, healed whatever follows."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Ledger, Record
from groundwork.declare.capability import ACTIONS, Action
from groundwork.keep.claims import Claims
from groundwork.keep.events import Event, FaultHealed, FaultInjected, HealingFailed
from groundwork.keep.provisioner import Provisioner

__all__ = ["Faults"]


@dataclass(frozen=True)
class Open:
    """A fault that isn't healed.

    Attributes:
        opener: The connection that has injected it.
    """

    action: Action
    resource: str
    target: str
    opener: int


class Faults:
    """The faults of one environment that are not healed yet."""

    def __init__(
        self,
        provisioner: Provisioner,
        ledger: Ledger,
        claims: Claims,
        note: Callable[[Event], None],
    ) -> None:
        self._provisioner = provisioner
        self._ledger = ledger
        self._claims = claims
        self._note = note
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str, str], Open] = {}
        # One thing at a time is done to a resource: what is healed while it is still being
        # injected would stay broken.
        self._turns: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def act(self, owner: int, resource: str, action: str, target: str) -> None:
        """Inject a fault or heal it.

        Args:
            owner: The connection that asks; it must have the resource for itself.
            resource: Which resource.
            action: One side of a capability: kill, revive, pause, resume, isolate, rejoin.
            target: One of the resource's processes, or empty for all of it.

        Raises:
            GroundworkError: The resource lacks the capability, or the asker the lock.
        """
        with self._turn(resource):
            if not self._claims.may_disturb(owner, resource):
                raise GroundworkError(
                    f"{action} of {resource}: the test must carry the marker disturbs({resource!r})"
                )
            for each in ACTIONS:
                if action in {each.inject, each.heal}:
                    if not isinstance(self._provisioner.resources[resource], each.capability):
                        raise GroundworkError(f"{resource} is not {each.capability.__name__}")
                    if action == each.inject:
                        self._inject(each, resource, target, owner)
                    else:
                        self._heal(each, resource, target)
                    return
            known = ", ".join(name for each in ACTIONS for name in (each.inject, each.heal))
            raise GroundworkError(f"unknown action {action!r}; known: {known}")

    def _turn(self, resource: str) -> threading.RLock:
        with self._lock:
            return self._turns[resource]

    def _inject(self, action: Action, resource: str, target: str, opener: int) -> None:
        key = resource, action.inject, target
        with self._lock:  # it stays whose it was where it is injected once more
            self._open.setdefault(key, Open(action, resource, target, opener))
        self._record("fault", action, resource, target)
        self._note(FaultInjected(resource, action.inject, target))
        hook = getattr(self._provisioner.resources[resource], action.inject)
        hook(self._provisioner.stage(resource), target)

    def _heal(self, action: Action, resource: str, target: str) -> None:
        hook = getattr(self._provisioner.resources[resource], action.heal)
        hook(self._provisioner.stage(resource), target)
        self._record("healed", action, resource, target)
        self._note(FaultHealed(resource, action.heal, target))
        with self._lock:
            self._open.pop((resource, action.inject, target), None)

    def opened_by(self, opener: int) -> frozenset[str]:
        """The resources that a connection has broken and that aren't healed."""
        with self._lock:
            return frozenset(each.resource for each in self._open.values() if each.opener == opener)

    def opened_beside(self, opener: int) -> frozenset[str]:
        """The resources that others have broken and that aren't healed."""
        with self._lock:
            return frozenset(each.resource for each in self._open.values() if each.opener != opener)

    def heal_all(self, resources: frozenset[str], opener: int | None = None) -> None:
        """Heal what is still broken of these resources; goes on past errors.

        Args:
            resources: Which ones.
            opener: Only what this connection has injected.

        Raises:
            GroundworkError: Some of it can't be healed.
        """
        errors = []
        for resource in resources & set(self._provisioner.started()):
            with self._turn(resource):
                with self._lock:
                    pending = [
                        each
                        for each in self._open.values()
                        if each.resource == resource and opener in {None, each.opener}
                    ]
                for each in reversed(pending):
                    errors += self._try_to_heal(each)
        if errors:
            raise GroundworkError(f"not healed: {'; '.join(errors)}")

    def _try_to_heal(self, fault: Open) -> list[str]:
        """Heal one; what hindered that."""
        try:
            self._heal(fault.action, fault.resource, fault.target)
        except Exception as error:  # noqa: BLE001 - whatever a declaration raises
            text = str(error) or type(error).__name__
            self._note(HealingFailed(fault.resource, text))
            return [f"{fault.action.heal} of {fault.resource}: {text}"]
        return []

    def _record(self, step: str, action: Action, resource: str, target: str) -> None:
        data = {"action": action.inject, "target": target}
        self._ledger.append(Record(step, "fault", f"{resource}:{target}", resource, data=data))
