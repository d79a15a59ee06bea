"""The lease of an environment to a run, and its end: however a run ends, what it made goes with it.

A run that keeps its environment ends its lease alone; the next run takes it over.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from groundwork.base import process
from groundwork.base.errors import CancelledError, GroundworkError, UsageError
from groundwork.base.ledger import FILE as LEDGER
from groundwork.base.ledger import Record, Thing, things
from groundwork.base.ledger import read as read_ledger
from groundwork.base.process import Identity
from groundwork.base.removal import attempt, removals
from groundwork.declare.stage import Site
from groundwork.keep.chronicle import Chronicle
from groundwork.keep.claims import Claims
from groundwork.keep.events import RunAborted, RunEnded
from groundwork.keep.faults import Faults
from groundwork.keep.jobs import Jobs
from groundwork.keep.provisioner import Provisioner
from groundwork.keep.server import Connection
from groundwork.keep.sweep import end_strays

__all__ = ["Lease", "Leases"]

# A worker may be faster than its controller, whose hello follows within milliseconds; if it doesn't
# come the controller is dead, and so will the worker be.
HELLO_TIMEOUT_S = 10.0

# When a run has died, nobody waits for a clean shutdown of what is thrown away anyway.
ABORT_GRACE_S = 2.0


@dataclass(frozen=True)
class Lease:
    """The run that uses the environment now.

    Attributes:
        run: Its name.
        connection: Its controller's connection, whose end is the run's.
        out_dir: Where its output goes.
        cancel: Set when nothing more is to be fetched or started for it.
    """

    run: str
    connection: Connection
    out_dir: Path
    cancel: threading.Event


class Leases:
    """The leases of one environment, one at a time.

    Attributes:
        asking: Held while things are started for a run; a run's end waits for it.
        gone: Set when the environment is gone and everybody who asked for that has been told.
        greeted: Whether there ever was a run.
        kept: Whether the environment outlives its runs.
        leaving: Whether it is being removed, or has been.
    """

    def __init__(
        self,
        site: Site,
        provisioner: Provisioner,
        faults: Faults,
        jobs: Jobs,
        claims: Claims,
        chronicle: Chronicle,
    ) -> None:
        self.asking = threading.Lock()
        self.gone = threading.Event()
        self.greeted = False
        self.kept = False
        self.leaving = False
        self._site = site
        self._provisioner = provisioner
        self._faults = faults
        self._jobs = jobs
        self._claims = claims
        self._chronicle = chronicle
        self._current: Lease | None = None
        self._granted = threading.Event()
        self._dismissed_by: Connection | None = None
        self._opened = by_name(site.folder)  # by the porter; known though the ledger vanish
        self._ending = threading.Lock()

    # --- the beginning

    @property
    def current(self) -> Lease | None:
        """The lease that holds now."""
        return self._current

    @property
    def run(self) -> str:
        """The run that uses the environment now; empty where there is none."""
        lease = self._current
        return lease.run if lease is not None else ""

    def grant(self, run: str, out_dir: Path, connection: Connection) -> None:
        """Let a run have the environment.

        Raises:
            UsageError: Another run has it, or it is being removed.
        """
        if self.leaving:  # said at once: whoever removes it holds the lock for a while
            raise UsageError("it is being removed")
        with self._ending:
            if self.leaving:
                raise UsageError("it is being removed")
            if self._current is not None:
                raise UsageError("it is in use by another run")
            self._chronicle.begin(out_dir)
            self._current = Lease(run, connection, out_dir, threading.Event())
            self._granted.set()
            self.greeted = True

    def await_grant(self) -> None:
        """Wait for the run of a worker that was faster than its controller.

        Raises:
            CancelledError: It doesn't come.
        """
        if not self._granted.wait(HELLO_TIMEOUT_S):
            raise CancelledError("the run of this worker is dead")

    # --- the end

    def finish(self, lease: Lease, peer: Connection, *, keep: bool, collect: bool) -> None:
        """The normal end of a run: keep or remove what it has made.

        Args:
            lease: The run's.
            peer: Who asks; the environment is gone when its connection has ended.
            keep: Whether the environment outlives the run.
            collect: Whether its resources' logs are copied to the run's output before.
        """
        self._jobs.end_of(lease.run)
        if keep:
            self.kept = True
            self._site.ledger.append(Record("kept", run=lease.run))
            self._faults.heal_all(frozenset(self._provisioner.started()))
        else:
            self._end_asking(lease)
            logs_to = lease.out_dir / "logs" if collect else None
            self._remove(lease.run, grace_s=None, logs_to=logs_to)
        with contextlib.suppress(OSError):  # evidence of what was made and removed; not vital
            shutil.copyfile(self._site.folder / LEDGER, lease.out_dir / LEDGER)
        with self._ending:
            if self._current is lease:  # else it has died meanwhile, and all of this was done
                self._chronicle.note(RunEnded(lease.run))
                self._end()
                if not self._provisioner.started() and not self.kept:
                    self._dismissed_by = peer
                    self._leave()

    def abort(self, reason: str, of: Lease | None = None) -> None:
        """The run died (that ``of`` a lease): kill its workers, heal its faults, remove its things.

        Goes on past errors: what could not be removed stays on record.
        """
        with self._ending:
            lease = self._current
            if self.leaving or (of is not None and of is not lease):
                return  # it came to its normal end just before
            begun = things(read_ledger(self._site.folder))
            workers = [Identity(**thing.data) for thing in begun if thing.kind == "worker"]
            self._provisioner.not_removed += attempt([lambda: process.end(workers, grace_s=0)])
            if lease is not None:
                self._chronicle.note(RunAborted(reason))
                self._end_asking(lease)
            run = lease.run if lease is not None and self.kept else ""
            stays = self.kept and bool(self._others(run))
            self._jobs.end_of(run if stays else "")
            if stays:
                with contextlib.suppress(GroundworkError):  # seen again where its locks are let go
                    self._faults.heal_all(frozenset(self._provisioner.started()))
            else:
                self.leaving = True
                self._jobs.close()
                self._claims.close()
            self._remove(run, grace_s=ABORT_GRACE_S)
            if lease is not None:
                self._end()
            if not stays:
                try:
                    self._leave()
                finally:
                    self.gone.set()

    def abort_with(self, peer: Connection) -> None:
        """A connection has ended: where it was the run's, the run is dead."""
        lease = self._current
        if lease is not None and (lease.connection is peer or lease.run == peer.run):
            self.abort("the run died", of=lease)

    def remove_all(self, peer: Connection) -> None:
        """`groundwork down`: the end of a kept environment.

        Raises:
            UsageError: A run is using it.
        """
        with self._ending:
            if self._current is not None:
                raise UsageError(f"run {self._current.run} is using the environment; end it first")
            self._dismissed_by = peer
            if not self.leaving:
                self.kept, self.leaving = False, True
                self._jobs.close()
                self._jobs.end_of("")
                self._remove("", grace_s=None)
                self._leave()

    def dismiss(self, peer: Connection) -> None:
        """A connection is closed: where all was removed on its behalf, it has been told."""
        if peer is self._dismissed_by:
            self.gone.set()

    def terminate(self) -> None:
        """SIGTERM: stop everything, kept or not."""
        self.kept = False
        self.abort("the keeper was told to end")

    def _others(self, run: str) -> set[str]:
        return set(self._provisioner.started()) - set(self._provisioner.started(run))

    def _end_asking(self, lease: Lease) -> None:
        """End fetching and asking that is under way: nothing else will be started for the run."""
        lease.cancel.set()
        with self.asking:
            pass

    def _remove(self, run: str, *, grace_s: float | None, logs_to: Path | None = None) -> None:
        started = self._provisioner.started(run)
        self._provisioner.stop(started, grace_s=grace_s, logs_to=logs_to)

    def _end(self) -> None:
        self._current = None
        self._granted.clear()
        self._chronicle.end()

    def _leave(self) -> None:
        """Remove the environment's own traces: what could not be removed stays on record."""
        self.leaving = True
        told = bool(self._provisioner.not_removed)  # of what can't be removed: not tried once more
        left = {**self._opened, **by_name(self._site.folder)}.values()
        steps = removals((t for t in left if t.kind == "folder" or not told), self._site.root)
        self._provisioner.not_removed += attempt(
            [lambda: end_strays(self._site.token)] + [step for _, step in steps]
        )
        if self._provisioner.not_removed:
            sys.stderr.write("\n".join(["not removed:", *self._provisioner.not_removed, ""]))
            return
        self._site.ledger.delete()


def by_name(folder: Path) -> dict[tuple[str, str], Thing]:
    """What a ledger tells of and isn't removed, by kind and name."""
    return {(thing.kind, thing.name): thing for thing in things(read_ledger(folder))}
