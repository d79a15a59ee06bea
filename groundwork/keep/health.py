"""Health: whether resources are well, and whose failure it is where they aren't."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping

from groundwork.base.errors import (
    CancelledError,
    NotRecoveredError,
    NotYetError,
    ProvisionError,
    ResourceError,
    TerminalStateError,
    WaitTimeoutError,
)
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.events import Event, Recovered
from groundwork.keep.provisioner import Cause, Holding, Provisioner

__all__ = ["Health"]

# The kernel closes a dying process's connections before it can be waited for; on a busy machine
# the moment between the two has been seen to last some tenths of a second.
DYING_TIMEOUT_S = 1.0


class Health:
    """The health of one environment's resources.

    Args:
        provisioner: Holds them.
        recovery_s: From a fault's healing to a resource's being well again, where that is declared;
            else it is as long as a start may take.
        note: Told what happens.
    """

    def __init__(
        self,
        provisioner: Provisioner,
        recovery_s: Mapping[str, float],
        note: Callable[[Event], None],
    ) -> None:
        self._provisioner = provisioner
        self._recovery_s = recovery_s
        self._note = note

    def examine(self, names: Iterable[str]) -> None:
        """Look at resources now: a test has failed, and one of them may just be dying.

        A resource that answers its probe is alive, so a healthy environment costs one probe each.
        """
        for name in self._provisioner.graph.closure(names):
            holding = self._provisioner.held(name)
            if holding is None or holding.state != "ready":
                continue
            try:
                holding.resource.probe(holding.stage)
            except Exception:  # noqa: BLE001 - whatever it is, the question is whether it died
                with contextlib.suppress(WaitTimeoutError, CancelledError):
                    wait_for(
                        lambda each=holding: _until_dead(each),  # type: ignore[misc]
                        deadline=Deadline.after(DYING_TIMEOUT_S),
                        what=f"{name} to end",
                        cancel=holding.stage.cancel,
                    )

    def check(
        self,
        names: Iterable[str],
        broken: Iterable[str] = (),
        behind: Callable[[str], Cause | None] = lambda _: None,
    ) -> None:
        """Wait until disturbed resources, and who needs them, are healthy again; all of them.

        Args:
            names: What was disturbed and is healed.
            broken: What is still broken on purpose: it and who needs it can't be healthy.
            behind: Tells the fault behind what a resource suffers.

        Raises:
            NotRecoveredError: One of them isn't well in time after a fault was healed.
            ProvisionError: The same without a fault, or with one that can't be healed.
        """
        failures = []
        excused = set(self.affected(broken))
        for name in self.affected(names):
            holding = self._provisioner.held(name)
            if name in excused or holding is None or holding.error is not None:
                continue
            try:
                self._await_recovery(holding, behind(name))
            except ResourceError as failure:
                self._provisioner.fail(holding, failure)
                failures.append(failure)
        if failures:
            raise failures[0]  # each is told on its own, too

    def _await_recovery(self, holding: Holding, cause: Cause | None) -> None:
        """Wait until a resource is healthy: as long as a start may take, or from the healing on."""
        name = holding.resource.name
        healed_s = cause.healed_s if cause is not None else None
        limit_s = self._recovery_s.get(name, holding.resource.ready_timeout_s)
        if cause is None or healed_s is None:
            try:
                self._provisioner.wait_ready(holding)
            except (WaitTimeoutError, TerminalStateError) as error:
                raise ProvisionError(name, f"not healthy after a disturbance: {error}") from error
            return
        try:
            self._provisioner.wait_ready(holding, Deadline(healed_s + limit_s, limit_s))
        except (WaitTimeoutError, TerminalStateError) as error:
            raise NotRecoveredError(
                name,
                f"not recovered from {cause.what} ({cause.id}) within {limit_s:g} s of its "
                f"healing: {error}",
            ) from error
        self._note(Recovered(cause.id, name, round(time.monotonic() - healed_s, 3)))

    def excuse(self, name: str) -> None:
        """A fault of a resource begins, or is healed: see :meth:`Resource.excuse`."""
        for each in self.affected([name]):
            holding = self._provisioner.held(each)
            if holding is not None:
                holding.resource.excuse(holding.stage)

    def expect_alive(self, names: Iterable[str]) -> None:
        """See that nothing of these, and of who needs them, has ended by a fault and is missed.

        Raises:
            NotRecoveredError: Something has, after it was seen to be well.
        """
        for name in self.affected(names):
            holding = self._provisioner.held(name)
            if holding is None or holding.state != "ready":
                continue
            try:
                holding.resource.check_alive(holding.stage)
            except TerminalStateError as error:
                failure = NotRecoveredError(name, f"ended after a fault was healed: {error}")
                self._provisioner.fail(holding, failure)
                raise failure from error

    def affected(self, names: Iterable[str]) -> tuple[str, ...]:
        """What a fault of the named resources may do something to, in starting order.

        They themselves, what lives in them, and who needs or wants them, as far as it is there.
        """
        found: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in found and self._provisioner.held(name) is not None:
                found.add(name)
                pending.extend(self._behind(name))
        return tuple(name for name in self._provisioner.graph.order if name in found)

    def _behind(self, name: str) -> tuple[str, ...]:
        """Who needs or wants a resource, and what lives in it; whether it is there or not."""
        resources = self._provisioner.resources
        guests = (each.name for each in resources.values() if each.host == name)
        return (*self._provisioner.graph.dependents(name), *guests)


def _until_dead(holding: Holding) -> None:
    if holding.error is None:
        raise NotYetError(holding.state)
