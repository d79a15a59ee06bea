"""What a resource is.

A resource is declared by a small class: how it is launched, when it is ready, what it offers. It
takes part in the life of an environment only through the hooks below; each gets the resource's
:class:`~groundwork.declare.stage.Stage`. What may be done to it besides is told by its
:mod:`~groundwork.declare.capability`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from groundwork.artifacts import Artifact
from groundwork.base.footprint import Footprint
from groundwork.base.process import footprint
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.logformat import LogFormat
from groundwork.declare.stage import Stage

__all__ = ["Description", "Resource"]


class Resource(ABC):
    """One declared dependency; subclass it (a frozen dataclass is a good fit).

    Attributes:
        name: Unique in the environment.
        needs: The resources that must be ready before this one counts as ready. All are launched
            at once: a need orders readiness, not launching.
        wants: The resources that it is told of where they are, whether they are there or not: their
            ports are reserved with its own (:meth:`Stage.port_of`), and it does without them. Where
            both are asked for, they are ready before it counts as ready.
        host: The resource that it lives in, such as a cluster; empty for one of its own. It is
            launched once its host is ready, and its ports are assigned with its host's.
        artifacts: The programs that it runs, or is judged by; all are resolved before the first
            resource starts.
        ports: Names of the ports it listens on; ``--port NAME=NUMBER`` fixes the first.
        usual_ports: The numbers that some of them have unless they are taken.
        ready_timeout_s: From the readiness of its needs to its own.
        stop_grace_s: From SIGTERM to SIGKILL at a normal end.
        secrets: What whoever holds it may be told of it (``client.secret``), by name; nobody else,
            and in no description.
        hint: What to do where it isn't ready in time.
        log_format: The form of its logs' entries, by which errors in them are known; None for a log
            that tells no levels, of which only a dying program's last words are errors.
        on_demand: Whether it is left out where simply everything is to be started (``groundwork
            up``): what takes minutes to be had is for those who name it, or whose tests use it.
    """

    name: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    host: str = ""
    artifacts: tuple[Artifact, ...] = ()
    ports: tuple[str, ...] = ()
    usual_ports: Mapping[str, int] = MappingProxyType({})
    ready_timeout_s: float = 60.0
    stop_grace_s: float = 10.0
    hint: str = ""
    log_format: LogFormat | None = None
    on_demand: bool = False
    secrets: Mapping[str, str] = MappingProxyType({})

    def judge(self, stage: Stage) -> None:
        """Look at what is to run with its own tools, before anything is launched.

        Called when artifacts are found and ports assigned, for all that is about to start, at the
        same time: whatever it needs of others is their ports, and it must not take long. What it
        writes into the stage's folder is there for the launch.

        Raises:
            UsageError: It can't run so; one line with file and line. Nothing is started then.
        """
        del stage  # by default there is nothing to be judged

    @abstractmethod
    def launch(self, stage: Stage) -> None:
        """Create what the resource is made of, and return without waiting for it."""

    @abstractmethod
    def probe(self, stage: Stage) -> str:
        """Look once whether the resource is ready, and return its version.

        Raises:
            NotYetError: It isn't yet; the text is the state seen.
            TerminalStateError: It never will be.
        """

    def bears(self, fault: str) -> bool:
        """Whether it bears a fault, of those that it has the hooks of: not all do everywhere."""
        del fault  # by default it does
        return True

    def targets(self, stage: Stage, fault: str) -> Collection[str]:
        """The parts of it that a fault may be aimed at; by default those that are to be seen."""
        del fault
        return self.observe(stage).keys()

    def observe(self, stage: Stage) -> Mapping[str, str]:
        """What is to be seen of it without asking it: evidence that a fault landed, or is healed.

        By default the state of each of its processes, as the kernel tells it.
        """
        return stage.states()

    def excuse(self, stage: Stage) -> None:
        """A fault has to do with it, begins or is healed: what happened before counts no more.

        For what a probe holds against a resource, such as how often it has ended.
        """
        del stage  # by default a probe looks at the present alone

    def configure(self, stage: Stage) -> None:
        """What is to be done once after the resource is ready; must bear being done again."""
        del stage  # by default there is nothing to configure

    @abstractmethod
    def endpoints(self, stage: Stage) -> dict[str, Endpoint]:
        """What it serves, by name; the first one's address is shown in the run's table."""

    def check_alive(self, stage: Stage) -> None:
        """Raise TerminalStateError where a part of it has ended unasked and won't come back."""
        stage.check_alive()

    def logs(self, stage: Stage) -> str:
        """The last log lines of all its parts, for an error's text."""
        return stage.logs()

    def footprint(self, stage: Stage) -> Footprint:
        """What all its parts take of a machine."""
        return footprint(stage.identities())

    def stop(self, stage: Stage, grace_s: float) -> None:
        """End it, and leave its logs in ``stage.log_dir``; goes on past errors."""
        stage.stop(grace_s)


@dataclass(frozen=True)
class Description:
    """What others are told of a resource: enough to use it, from any process.

    Made once, when the resource gets ready, and the same for everybody from then on, but for its
    state. Before that it is of the moment, and has no endpoints.

    Attributes:
        state: ``not started``, ``starting``, ``ready``, ``failed``, ``dead`` or ``stopping``.
        ready_s: Seconds from the moment it was asked for to its readiness; 0 while it is not.
        processes: The names of its processes; each logs to ``log_dir``, under its name.
        ports: The numbers of its ports, by the names that it declares.
    """

    name: str
    state: str
    needs: tuple[str, ...] = ()
    version: str = ""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    ready_s: float = 0.0
    processes: tuple[str, ...] = ()
    log_dir: str = ""
    ports: dict[str, int] = field(default_factory=dict)

    def endpoint(self, name: str = "") -> str:
        """An address by its name; the first one, unnamed.

        Raises:
            KeyError: The resource has no such endpoint; says which it has.
        """
        if not name:
            return next(iter(self.endpoints.values())).address
        if name not in self.endpoints:
            raise KeyError(
                f"{self.name} has no endpoint {name!r}, only {', '.join(self.endpoints)}"
            )
        return self.endpoints[name].address
