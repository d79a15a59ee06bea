"""Faults: what a test does to a resource, on record before it happens, healed whatever follows."""

from __future__ import annotations

import threading
from collections.abc import Callable

from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Ledger, Record
from groundwork.declare.capability import ACTIONS, Action
from groundwork.keep.events import Event, FaultHealed, FaultInjected, HealingFailed
from groundwork.keep.locks import Locks
from groundwork.keep.provisioner import Provisioner

__all__ = ["Faults"]


class Faults:
    """The faults of one environment that are not healed yet."""

    def __init__(
        self, provisioner: Provisioner, ledger: Ledger, locks: Locks, note: Callable[[Event], None]
    ) -> None:
        self._provisioner = provisioner
        self._ledger = ledger
        self._locks = locks
        self._note = note
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str, str], Action] = {}

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
        if resource not in self._locks.disturbed_by(owner):
            raise GroundworkError(
                f"{action} of {resource}: the test must carry the marker disturbs({resource!r})"
            )
        for each in ACTIONS:
            if action in {each.inject, each.heal}:
                if not isinstance(self._provisioner.resources[resource], each.capability):
                    raise GroundworkError(f"{resource} is not {each.capability.__name__}")
                if action == each.inject:
                    self._inject(each, resource, target)
                else:
                    self._heal(each, resource, target)
                return
        known = ", ".join(name for each in ACTIONS for name in (each.inject, each.heal))
        raise GroundworkError(f"unknown action {action!r}; known: {known}")

    def _inject(self, action: Action, resource: str, target: str) -> None:
        with self._lock:
            self._open[resource, action.inject, target] = action
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

    def heal_all(self, resources: frozenset[str]) -> None:
        """Heal what is still broken of these resources; goes on past errors.

        Raises:
            GroundworkError: Some of it can't be healed.
        """
        with self._lock:
            living = resources & set(self._provisioner.started())
            pending = [(key, action) for key, action in self._open.items() if key[0] in living]
        errors = []
        for (resource, _, target), action in reversed(pending):
            try:
                self._heal(action, resource, target)
            except Exception as error:  # noqa: BLE001 - whatever a declaration raises
                text = str(error) or type(error).__name__
                self._note(HealingFailed(resource, text))
                errors.append(f"{action.heal} of {resource}: {text}")
        if errors:
            raise GroundworkError(f"not healed: {'; '.join(errors)}")

    def _record(self, step: str, action: Action, resource: str, target: str) -> None:
        data = {"action": action.inject, "target": target}
        self._ledger.append(Record(step, "fault", f"{resource}:{target}", resource, data=data))
