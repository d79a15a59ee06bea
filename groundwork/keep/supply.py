"""The supply: what runs ask for is found, given its ports, and started, each thing once."""

from __future__ import annotations

import time
from collections.abc import Sequence

from groundwork.artifacts import Cache, Progress, Workshop, resolve_all
from groundwork.base import ports
from groundwork.base.errors import CancelledError, UsageError
from groundwork.base.ledger import Record
from groundwork.base.removal import attempt
from groundwork.declare.resource import Resource
from groundwork.declare.settings import Settings
from groundwork.declare.stage import Site, Stage
from groundwork.keep.chronicle import Chronicle
from groundwork.keep.events import ArtifactFound, Fetching, Refused
from groundwork.keep.judges import judge
from groundwork.keep.lease import Lease, Leases
from groundwork.keep.provisioner import Provisioner

__all__ = ["Supply"]


class Supply:
    """Starts what the run that uses an environment asks for.

    Attributes:
        refusal: Why that can't be started, where a user can mend it; the same for all who ask.
    """

    def __init__(
        self,
        site: Site,
        settings: Settings,
        provisioner: Provisioner,
        leases: Leases,
        chronicle: Chronicle,
    ) -> None:
        self.refusal: UsageError | None = None
        self._site = site
        self._settings = settings
        self._provisioner = provisioner
        self._leases = leases
        self._chronicle = chronicle

    def ask(self, names: Sequence[str]) -> tuple[str, ...]:
        """Start what is asked for and not there yet; the names of all that will be needed.

        Returns when artifacts and ports are found and all is judged, so that all that a user can
        mend is known; the resources start in the background.

        Raises:
            UsageError: Something that the user can mend.
            CancelledError: The run has ended.
        """
        asked_s = time.monotonic()
        with self._leases.asking:
            if self.refusal is not None:  # the same answer for every worker
                raise self.refusal
            lease = self._leases.current
            if lease is None or lease.cancel.is_set():
                raise CancelledError("the run has ended")
            try:
                missing = self._provisioner.missing(names)
                self._start(missing, lease, asked_s)
            except KeyError as error:
                raise UsageError(f"resource {error} is asked for, but not declared") from error
            except UsageError as error:
                self.refusal = error
                self._chronicle.note(Refused(str(error)))
                raise
        return self._provisioner.graph.closure(names)

    def _start(self, names: tuple[str, ...], lease: Lease, asked_s: float) -> None:
        resources = [self._provisioner.resources[name] for name in names]
        wanted = {a.name: a for r in resources for a in r.artifacts}
        fresh = [a for name, a in wanted.items() if name not in self._site.artifacts]
        if fresh:
            cache = Cache.open(self._settings.cache_dir)
            found = resolve_all(fresh, Workshop(cache, self._progress, lease.cancel))
            self._site.artifacts.update(found)
            for artifact in found.values():
                self._chronicle.note(
                    ArtifactFound(artifact.name, artifact.version, artifact.source, artifact.cached)
                )
        owners = self._assign_ports(resources, lease.run)
        stages = []
        for resource in resources:
            own = {port: self._site.ports[resource.name, port] for port in resource.ports}
            stages.append(Stage(self._site, resource.name, lease.run, own))
        self._site.stages.update({stage.resource: stage for stage in stages})
        try:
            judge(list(zip(resources, stages, strict=True)), lease.cancel)
        except BaseException:
            self._give_back(stages, owners, lease.run)
            raise
        self._provisioner.start(stages, lease.run, asked_s)

    def _give_back(self, stages: list[Stage], owners: list[Resource], run: str) -> None:
        """Nothing of what was judged is started: remove its folders, free its ports."""
        for stage in stages:
            self._provisioner.not_removed += attempt([stage.clean])
            self._site.stages.pop(stage.resource, None)
        for owner in owners:
            if owner.ports:
                given = Record("removed", "ports", owner.name, resource=owner.name, run=run)
                self._site.ledger.append(given)
            for port in owner.ports:
                self._site.ports.pop((owner.name, port), None)

    def _progress(self, progress: Progress) -> None:
        self._chronicle.tell(Fetching(progress))

    def _assign_ports(self, resources: list[Resource], run: str) -> list[Resource]:
        """Reserve the ports of resources that start, where they haven't any.

        A host's with those of all that it may house; those of what is wanted, for whoever wants it
        is told of them, also where it is started later or never.

        Returns:
            Whose ports were assigned.
        """
        hosts = {resource.name for resource in resources if not resource.host}
        told = hosts.union(*(each.wants for each in resources))
        owners = [
            resource
            for resource in self._provisioner.resources.values()
            if resource.host in hosts or (resource.name in told and not resource.host)
        ]
        owners = [r for r in owners if not all((r.name, p) in self._site.ports for p in r.ports)]
        fixed = {
            (r.name, r.ports[0]): self._settings.port[r.name]
            for r in owners
            if r.name in self._settings.port and r.ports
        }
        usual = {(r.name, p): n for r in owners for p, n in r.usual_ports.items() if p in r.ports}
        pairs = [(r.name, port) for r in owners for port in r.ports]
        self._site.ports.update(ports.assign(pairs, fixed, usual, self._site.ledger, run))
        return owners
