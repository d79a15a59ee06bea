"""The provisioner: launches resources in parallel, waits for them, stops them in reverse.

It lives in the keeper. Every resource has a thread of its own while it starts and while it stops;
what others may know of it is its state, guarded by one lock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from groundwork.base.errors import (
    CancelledError,
    GroundworkError,
    NeedFailedError,
    ProvisionError,
    ResourceDiedError,
    ResourceError,
    TerminalStateError,
    WaitTimeoutError,
)
from groundwork.base.footprint import Footprint
from groundwork.base.graph import Graph
from groundwork.base.ledger import Record
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.capability import capabilities
from groundwork.declare.resource import Description, Resource
from groundwork.declare.stage import Site, Stage
from groundwork.keep.events import (
    Died,
    Event,
    Failed,
    Launched,
    Ready,
    Stopped,
    Stopping,
)
from groundwork.keep.messages import DESCRIPTIONS

__all__ = ["Cause", "Holding", "Provisioner"]

# What a probe meets while a server starts: refused and reset connections, time-outs. The errors of
# requests are among them.
PROBE_ERRORS = (OSError,)


@dataclass(frozen=True)
class Cause:
    """A fault that explains what a resource suffers.

    Attributes:
        id: Its name.
        what: What was done, for people: `kill of broker`.
        healed_s: When it was healed, on the monotonic clock; None while it isn't.
    """

    id: str
    what: str
    healed_s: float | None


@dataclass
class Holding:
    """One resource of the environment as the keeper holds it."""

    resource: Resource
    stage: Stage
    run: str
    asked_s: float
    state: str = "starting"
    description: Description | None = None  # from its readiness on
    error: ResourceError | None = None
    settled: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)


class Provisioner:
    """Starts, watches and stops the resources of one environment.

    Args:
        site: What their stages share.
        resources: All that are declared.
        note: Told what happens.
        blame: Told what of the run's output can't be written.

    Attributes:
        not_removed: What stopping has failed to remove, and why; it goes on past errors.
    """

    def __init__(
        self,
        site: Site,
        resources: Iterable[Resource],
        note: Callable[[Event], None],
        blame: Callable[[OSError], None],
    ) -> None:
        self.resources = {resource.name: resource for resource in resources}
        self.graph = Graph(
            {name: each.needs for name, each in self.resources.items()},
            {name: each.wants for name, each in self.resources.items()},
        )
        self._site = site
        self._note = note
        self._blame = blame
        self._lock = threading.RLock()
        self._holdings: dict[str, Holding] = {}
        self.not_removed: list[str] = []

    # --- starting

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Which of the named resources and their needs haven't been started yet, in order."""
        with self._lock:
            return tuple(n for n in self.graph.closure(names) if n not in self._holdings)

    def start(self, stages: Iterable[Stage], run: str, asked_s: float) -> None:
        """Launch resources, all at once; returns at once. ``asked_s`` is on the monotonic clock."""
        with self._lock:
            fresh = []
            for stage in stages:
                resource = self.resources[stage.resource]
                holding = Holding(resource, stage, run, asked_s)
                self._holdings[resource.name] = holding
                self._site.stages[resource.name] = stage
                fresh.append(holding)
            for holding in fresh:
                threading.Thread(target=self._bring_up, args=(holding,), daemon=True).start()

    def _bring_up(self, holding: Holding) -> None:
        """The life of one resource from launch to readiness; never raises, the holding tells."""
        name = holding.resource.name
        try:
            if holding.resource.host:
                self._await_need(holding, holding.resource.host)
            self._record("launch", holding)
            self._note(Launched(name))
            holding.resource.launch(holding.stage)
            self._await_needs(holding)
            version = self.wait_ready(holding)
            holding.resource.configure(holding.stage)
            endpoints = holding.resource.endpoints(holding.stage)
            described = replace(_describe(holding), version=version, endpoints=endpoints)
            DESCRIPTIONS.pack(described)  # what a declaration has given must be fit to travel
        except CancelledError:
            self.fail(holding, ProvisionError(name, "the run ended while it was starting"))
        except ResourceDiedError as error:
            self.fail(holding, error)
        except TerminalStateError as error:
            self.fail(holding, ResourceDiedError(name, f"died while starting: {error}"))
        except NeedFailedError as error:
            self.fail(holding, NeedFailedError(name, f"not started: {error}"), error.resource)
        except ProvisionError as error:
            self.fail(holding, ProvisionError(name, f"not started: {error.message}"))
        except WaitTimeoutError as error:
            self.fail(holding, ProvisionError(name, f"not ready: {error}"))
        except Exception as error:  # noqa: BLE001 - whatever a declaration raises is this resource's
            text = (
                f"{type(error).__name__}: {error}"
                if not isinstance(error, GroundworkError)
                else error
            )
            self.fail(
                holding,
                ProvisionError(
                    name, f"can't be started: {text}\n{holding.resource.logs(holding.stage)}"
                ),
            )
        else:
            self._succeed(holding, described)
        finally:
            holding.settled.set()

    def _await_needs(self, holding: Holding) -> None:
        """Wait for all that it needs, and for what it wants as far as that is asked for."""
        for need in holding.resource.needs:
            self._await_need(holding, need)
        for want in holding.resource.wants:
            with self._lock:
                asked = want in self._holdings
            if asked:
                with contextlib.suppress(NeedFailedError):  # it does without, and that one tells
                    self._await_need(holding, want)

    def _await_need(self, holding: Holding, need: str) -> None:
        needed = self._holdings[need]
        while not needed.settled.wait(timeout=0.2):
            if holding.stage.cancel.is_set():
                raise CancelledError("the run ended")
        if needed.error is not None:
            raise NeedFailedError(need, needed.error.message.partition("\n")[0])

    def wait_ready(self, holding: Holding, deadline: Deadline | None = None) -> str:
        """Wait until a resource is ready, or is so again; its version.

        Raises:
            WaitTimeoutError: It isn't by the deadline, or in the time that its start may take.
            TerminalStateError: It never will be.
        """
        resource, stage = holding.resource, holding.stage

        def look() -> str:
            try:
                version = resource.probe(stage)
            except TerminalStateError:
                raise
            except Exception:
                resource.check_alive(stage)  # a death explains a failed probe better than the probe
                raise
            resource.check_alive(stage)
            return version

        return wait_for(
            look,
            deadline=deadline or Deadline.after(resource.ready_timeout_s),
            what=f"{resource.name} to be ready",
            describe=lambda: resource.logs(stage),
            hint=resource.hint,
            retry_on=PROBE_ERRORS,
            cancel=stage.cancel,
        )

    def _succeed(self, holding: Holding, described: Description) -> None:
        with self._lock:
            if holding.error is not None:  # it died between its readiness and now
                return
            holding.state = "ready"
            ready_s = round(time.monotonic() - holding.asked_s, 3)
            holding.description = replace(described, ready_s=ready_s)
        self._record("ready", holding)
        self._note(Ready(holding.resource.name, described.version, ready_s))

    def _record(self, step: str, holding: Holding) -> None:
        name = holding.resource.name
        self._site.ledger.append(Record(step, "resource", name, resource=name, run=holding.run))

    def fail(self, holding: Holding, error: ResourceError, because_of: str = "") -> None:
        """A resource isn't there; ``because_of`` names the one whose failure was told already."""
        with self._lock:
            if holding.error is None:
                holding.error = error
                holding.state = "failed"
        name = holding.resource.name
        self._note(Failed(name, str(error), because_of))

    def await_ready(self, name: str) -> Description:
        """Block until a resource that was asked for is ready, and describe it.

        Raises:
            ProvisionError: It failed, or one that it needs did.
        """
        holding = self._holdings[name]
        holding.settled.wait()  # bounded: every step of a start has a deadline
        if holding.error is not None:
            raise holding.error
        return self.describe(name)

    # --- watching

    def on_exit(self, resource: str, process: str, code: int, cause: Cause | None = None) -> None:
        """A process ended unasked: an accident, unless the resource is still starting.

        Nor is it one where a fault is its cause; then the resource has its time to recover.
        """
        with self._lock:
            holding = self._holdings.get(resource)
            if holding is None or holding.state != "ready":
                return  # a start sees it by itself, a stop expects it
            if cause is None:
                holding.state = "dead"
        if cause is not None:
            self._note(Died(resource, process, code, cause.id))
            return
        with self._lock:
            what = f"process {process} ended with exit code {code} during the run"
            holding.error = ResourceDiedError(resource, what)
        logs = holding.resource.logs(holding.stage)  # may take a while: others needn't wait
        holding.error = ResourceDiedError(resource, f"{what}\n{logs}")
        self._note(Died(resource, process, code))

    def deaths(self, names: Iterable[str]) -> dict[str, ResourceError]:
        """The errors of the named resources and of all they need."""
        with self._lock:
            found = {}
            for name in self.graph.closure(names):
                holding = self._holdings.get(name)
                if holding is not None and holding.error is not None:
                    found[name] = holding.error
            return found

    def failures(self) -> dict[str, ResourceError]:
        """The errors of all resources."""
        return self.deaths(self._holdings)

    def held(self, name: str) -> Holding | None:
        """A resource as it is held; None where it isn't there."""
        with self._lock:
            return self._holdings.get(name)

    def stage(self, name: str) -> Stage:
        """The stage of a resource that was started.

        Raises:
            CancelledError: It was removed meanwhile.
        """
        holding = self.held(name)
        if holding is None:
            raise CancelledError(f"{name} was removed")
        return holding.stage

    def describe(self, name: str) -> Description:
        """What others are told of a resource."""
        with self._lock:
            holding = self._holdings.get(name)
            if holding is None:
                return Description(name, "not started", self.resources[name].needs)
            if holding.description is None:
                return _describe(holding)
            return replace(holding.description, state=holding.state)

    def footprints(self, names: Iterable[str]) -> dict[str, Footprint]:
        """What resources take now; nothing of those that aren't ready."""
        found = dict.fromkeys(names, Footprint())
        for name in found:
            holding = self.held(name)
            if holding is not None and holding.state in {"ready", "dead"}:
                found[name] = holding.resource.footprint(holding.stage)
        return found

    def started(self, run: str = "") -> tuple[str, ...]:
        """The names of the resources that were started (by this run), in starting order."""
        with self._lock:
            return tuple(
                name
                for name in self.graph.order
                if name in self._holdings and run in {"", self._holdings[name].run}
            )

    # --- stopping

    def stop(self, names: Iterable[str], *, grace_s: float | None, logs_to: Path | None) -> None:
        """Stop resources, each after those that need it, and note what can't be removed.

        Args:
            names: Which ones; those who need them should be among them.
            grace_s: From SIGTERM to SIGKILL; None for each resource's own.
            logs_to: Where their logs are copied, between stop and clean; None for not at all.
        """
        with self._lock:
            ending = {name: self._holdings[name] for name in names if name in self._holdings}
            fresh = [name for name, holding in ending.items() if holding.state != "stopping"]
            for name in fresh:
                ending[name].state = "stopping"

        def take_down(name: str, holding: Holding) -> None:
            holding.stage.cancel.set()
            holding.settled.wait()
            for dependent in self.graph.dependents(name):
                if dependent in ending:
                    ending[dependent].stopped.wait()
            self._note(Stopping(name))
            grace = holding.resource.stop_grace_s if grace_s is None else grace_s
            steps: list[Callable[[], None]] = [
                lambda: holding.resource.stop(holding.stage, grace),
                lambda: self._collect(holding.stage, logs_to),
                holding.stage.clean,
                lambda: self._give_back_ports(holding),
            ]
            for step in steps:
                try:
                    step()
                except Exception as error:  # noqa: BLE001 - cleaning goes on past any error
                    self.not_removed.append(f"{name}: {type(error).__name__}: {error}")
            self._record("stopped", holding)
            self._note(Stopped(name))
            holding.stopped.set()

        for name in fresh:
            threading.Thread(target=take_down, args=(name, ending[name]), daemon=True).start()
        for holding in ending.values():
            holding.stopped.wait()
        with self._lock:
            for name in fresh:
                self._holdings.pop(name, None)
                self._site.stages.pop(name, None)

    def _give_back_ports(self, gone: Holding) -> None:
        """Give back the ports of a resource that is gone, and of those that it alone was told of.

        What lives in a host keeps its numbers as long as the host: they are mapped with it.
        """
        with self._lock:
            held = [each for each in self._holdings.values() if each is not gone]
        living = [each.resource for each in held if not each.stopped.is_set()]
        needed = {name for each in living for name in (each.name, *each.wants)}
        guests = (each.name for each in self.resources.values() if each.host == gone.resource.name)
        for name in (gone.resource.name, *gone.resource.wants, *guests):
            resource = self.resources[name]
            if name in needed or not any(
                (name, port) in self._site.ports for port in resource.ports
            ):
                continue
            given = Record("removed", "ports", name, resource=name, run=gone.run)
            self._site.ledger.append(given)
            if resource.host in needed:
                continue
            for port in resource.ports:
                self._site.ports.pop((name, port), None)

    def _collect(self, stage: Stage, logs_to: Path | None) -> None:
        """Copy logs; where there is no room for them, what they are of is removed all the same."""
        try:
            stage.collect(logs_to)
        except OSError as error:
            self._blame(error)


def _describe(holding: Holding) -> Description:
    """A resource at this moment, as far as that can be told before it is ready."""
    return Description(
        name=holding.resource.name,
        state=holding.state,
        needs=holding.resource.needs,
        capabilities=capabilities(holding.resource),
        processes=holding.stage.processes(),
        log_dir=str(holding.stage.log_dir),
        ports=dict(holding.stage.ports),
    )
