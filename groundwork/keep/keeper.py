"""The keeper: the one process that owns an environment.

It starts, records and removes resources, and is the only one that spawns anything that outlives a
call. It has a session of its own, so neither Ctrl-C nor a closed terminal reaches it; it ends with
the run that started it, however that run ends, unless the environment is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundwork.artifacts import Cache, Progress, Workshop, resolve_all
from groundwork.base import ports, process
from groundwork.base.errors import CancelledError, GroundworkError, ProvisionError, UsageError
from groundwork.base.ledger import FILE as LEDGER
from groundwork.base.ledger import Ledger, Record, things
from groundwork.base.ledger import read as read_ledger
from groundwork.base.process import Identity
from groundwork.base.removal import attempt, removals
from groundwork.base.timeline import Timeline
from groundwork.base.wait import Deadline
from groundwork.base.wire import Wire, encode_error
from groundwork.declare import environment
from groundwork.declare.resource import Resource
from groundwork.declare.settings import Settings
from groundwork.declare.stage import Site, Stage
from groundwork.keep.faults import Faults
from groundwork.keep.locks import Locks
from groundwork.keep.porter import Orders
from groundwork.keep.provisioner import Provisioner
from groundwork.keep.sweep import end_strays

__all__ = ["Keeper"]

# A worker may be faster than its controller, whose hello follows within milliseconds; if it doesn't
# come the controller is dead, and so will the worker be.
HELLO_TIMEOUT_S = 10.0

# When a run has died, nobody waits for a clean shutdown of what is thrown away anyway.
ABORT_GRACE_S = 2.0


@dataclass(eq=False)
class Connection:
    """One process that talks to the keeper.

    ``role`` is ``run`` (the controller: its end is the run's end), ``worker`` (one of its
    processes), ``client`` (chaos, load, commands) or ``watch`` (wants to hear events). ``run``
    names the run whose controller watches: its end is heard while it waits for an answer, too.
    """

    number: int
    wire: Wire
    role: str = ""
    run: str = ""


@dataclass(frozen=True)
class Lease:
    """The run that uses the environment now."""

    run: str
    connection: Connection
    timeline: Timeline
    out_dir: Path
    cancel: threading.Event


class Keeper:
    """Serves one environment until it is gone."""

    def __init__(self, orders: Orders) -> None:
        declared = environment.load(Path(orders.root), orders.reference)
        self.settings: Settings = declared.environment.settings.from_json(orders.settings)
        self.folder = Path(orders.folder)
        self.ledger = Ledger.inherit(self.folder, orders.lock)
        self.locks = Locks()
        self.done = threading.Event()
        self._listener = socket.socket(fileno=orders.listener)
        self._lifeline = Wire(socket.socket(fileno=orders.lifeline))
        self._lease: Lease | None = None
        self._leased = threading.Event()
        self._greeted = False
        self._kept = False
        self._leaving = False
        self._dismissed_by: Connection | None = None
        self._refusal: UsageError | None = None
        self._asking = threading.Lock()
        self._ending = threading.Lock()
        self._watchers: list[Connection] = []
        self._connections = 0
        site = Site(
            token=self.folder.name,
            folder=self.folder,
            ledger=self.ledger,
            artifacts={},
            note=self.note,
            on_exit=self._on_exit,
        )
        self.site = site
        self.provisioner = Provisioner(site, declared.resources(self.settings))
        self.faults = Faults(self.provisioner, self.ledger, self.locks, self.note)
        self._operations: dict[str, Callable[[Connection, dict[str, Any]], object]] = {
            "ask": self._ask,
            "await": lambda _, args: asdict(self.provisioner.await_ready(args["name"])),
            "status": lambda *_: self._status(),
            "deaths": lambda _, args: self._deaths(args["names"], examine=args["examine"]),
            "lock": self._take_locks,
            "release": self._release,
            "act": self._act,
            "record": lambda _, args: self.note(args["event"], **args["fields"]),
            "finish": self._finish,
            "remove": lambda peer, _: self._remove_all(peer),
        }

    # --- serving

    def serve(self) -> None:
        """Answer until the environment is gone."""
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._follow_lifeline, daemon=True).start()
        self.done.wait()

    def _follow_lifeline(self) -> None:
        """Tell the controller that somebody has connected; it may be dead before it says hello."""
        with contextlib.suppress(OSError):
            self._lifeline.send({"event": "active"})
        while self._lifeline.receive() is not None:
            pass  # it says nothing: only its end matters
        if not self._greeted:  # else the end of the run's own connection tells
            self._abort("the run died before it said hello")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            peer = Connection(self._connections, Wire(connection))
            threading.Thread(target=self._converse, args=(peer,), daemon=True).start()

    def _converse(self, peer: Connection) -> None:
        """Answer one connection's requests, one after the other, until it ends."""
        worker: str = ""
        try:
            hello = peer.wire.receive()
            if hello is None:
                return
            try:
                worker = self._welcome(peer, hello)
                peer.wire.send({"ok": self.folder.name})
            except GroundworkError as error:
                peer.wire.send({"error": encode_error(error)})
                return
            while (request := peer.wire.receive()) is not None:
                peer.wire.send(self._answer(peer, request))
                if self._leaving:  # only after the answer that says so
                    return
        except OSError:
            pass  # it died while we answered: what follows is the same as for a closed connection
        finally:
            self._goodbye(peer, worker)

    def _answer(self, peer: Connection, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"ok": self._operations[request["op"]](peer, request)}
        except Exception as error:  # noqa: BLE001 - the asker gets it, whatever it is
            return {"error": encode_error(error)}

    def _welcome(self, peer: Connection, hello: dict[str, Any]) -> str:
        """Give a connection its role; the ledger's name of it where it is a worker."""
        role = hello["role"]
        if role == "run":
            if self._leaving:  # said at once: whoever removes it holds the lock for a while
                raise UsageError("it is being removed")
            with self._ending:
                if self._leaving:
                    raise UsageError("it is being removed")
                if self._lease is not None:
                    raise UsageError("it is in use by another run")
                out_dir = Path(hello["out_dir"])
                timeline = Timeline(out_dir / "timeline.jsonl")
                self._lease = Lease(hello["run"], peer, timeline, out_dir, threading.Event())
                self._leased.set()
                self._greeted = True
            self._refusal = None
            self.note("run", run=hello["run"])
        elif role == "watch":
            peer.run = hello.get("run", "")
            self._watchers.append(peer)
        elif role == "worker":
            if not self._leased.wait(HELLO_TIMEOUT_S):
                raise CancelledError("the run of this worker is dead")
            identity = process.identify(hello["pid"])
            if identity is not None:
                name = f"worker-{peer.number}"
                self._record("intent", "worker", name, identity.as_record())
                peer.role = role
                return name
        peer.role = role
        return ""

    def _goodbye(self, peer: Connection, worker: str) -> None:
        """A connection has ended: what it held is let go; if it was the run, so is everything."""
        lease = self._lease
        if lease is not None and (lease.connection is peer or lease.run == peer.run):
            self._abort("the run died", of=lease)
        self._let_go(peer)
        if worker:
            self._record("removed", "worker", worker, {})
        if peer in self._watchers:
            self._watchers.remove(peer)
        peer.wire.close()
        if peer is self._dismissed_by:  # all is removed, and this one has been told
            self.done.set()

    def _record(self, step: str, kind: str, name: str, data: dict[str, Any]) -> None:
        self.ledger.append(Record(step, kind, name, run=self._run, data=data))

    @property
    def _run(self) -> str:
        return self._lease.run if self._lease is not None else ""

    def _on_exit(self, resource: str, name: str, code: int) -> None:
        self.provisioner.on_exit(resource, name, code)

    def note(self, event: str, **fields: Any) -> None:
        """Put an event on the run's timeline and tell those who watch."""
        lease = self._lease
        entry = lease.timeline.record(event, **fields) if lease is not None else {"event": event}
        self._tell(entry)

    def _tell(self, entry: dict[str, Any]) -> None:
        for watcher in tuple(self._watchers):
            with contextlib.suppress(OSError):  # it is gone; its own thread will notice
                watcher.wire.send(entry)

    def _progress(self, progress: Progress) -> None:
        self._tell({"event": "artifact", "progress": progress.__dict__})

    # --- operations

    def _ask(self, _: Connection, request: dict[str, Any]) -> object:
        """Start what is asked for and not there yet; the names of all that will be needed.

        Returns when artifacts and ports are found, so that all that a user can mend is known; the
        resources start in the background.
        """
        asked_s = time.monotonic()
        with self._asking:
            if self._refusal is not None:  # the same answer for every worker
                raise self._refusal
            lease = self._lease
            if lease is None or lease.cancel.is_set():
                raise CancelledError("the run has ended")
            try:
                missing = self.provisioner.missing(request["names"])
                self._start(missing, lease, asked_s)
            except KeyError as error:
                raise UsageError(f"resource {error} is asked for, but not declared") from error
            except UsageError as error:
                self._refusal = error
                self.note("refused", error=str(error))
                raise
        return list(self.provisioner.graph.closure(request["names"]))

    def _start(self, names: tuple[str, ...], lease: Lease, asked_s: float) -> None:
        resources = [self.provisioner.resources[name] for name in names]
        wanted = {a.name: a for r in resources for a in r.artifacts}
        fresh = [a for name, a in wanted.items() if name not in self.site.artifacts]
        if fresh:
            cache = Cache.open(self.settings.cache_dir)
            found = resolve_all(fresh, Workshop(cache, self._progress, lease.cancel))
            self.site.artifacts.update(found)
            for artifact in found.values():
                self.note(
                    "artifact",
                    artifact=artifact.name,
                    version=artifact.version,
                    source=artifact.source,
                    cached=artifact.cached,
                )
        self._assign_ports(resources, lease.run)
        stages = []
        for resource in resources:
            own = {port: self.site.ports[resource.name, port] for port in resource.ports}
            stages.append(Stage(self.site, resource.name, lease.run, own))
        if lease.cancel.is_set():
            raise CancelledError("the run has ended")
        self.provisioner.start(stages, lease.run, asked_s)

    def _assign_ports(self, resources: list[Resource], run: str) -> None:
        """Reserve the ports of resources that start; a host's with those of all it may house."""
        hosts = {resource.name for resource in resources if not resource.host}
        owners = [
            resource
            for resource in self.provisioner.resources.values()
            if resource.name in hosts or resource.host in hosts
        ]
        fixed = {
            (r.name, r.ports[0]): self.settings.port[r.name]
            for r in owners
            if r.name in self.settings.port and r.ports
        }
        usual = {(r.name, p): n for r in owners for p, n in r.usual_ports.items() if p in r.ports}
        pairs = [(r.name, port) for r in owners for port in r.ports]
        self.site.ports.update(ports.assign(pairs, fixed, usual, self.ledger, run))

    def _status(self) -> dict[str, object]:
        return {
            "folder": str(self.folder),
            "platform": self.settings.env,
            "settings": self.settings.public(),
            "kept": self._kept,
            "refusal": str(self._refusal) if self._refusal is not None else "",
            "run": self._run,
            "failures": {n: encode_error(e) for n, e in self.provisioner.failures().items()},
            "resources": [asdict(self.provisioner.describe(n)) for n in self.provisioner.started()],
            "artifacts": [
                {"name": a.name, "version": a.version, "source": a.source}
                for a in self.site.artifacts.values()
            ],
        }

    def _deaths(self, names: list[str], *, examine: bool) -> dict[str, dict[str, str]]:
        if examine:
            self.provisioner.examine(names)
        return {name: encode_error(e) for name, e in self.provisioner.deaths(names).items()}

    def _take_locks(self, peer: Connection, request: dict[str, Any]) -> None:
        deadline = Deadline.after(request["timeout_s"])
        self.locks.acquire(peer.number, request["exclusive"], request["shared"], deadline)

    def _release(self, peer: Connection, _: dict[str, Any]) -> None:
        """Heal what the connection broke, see that it is healthy, and let others have it."""
        disturbed = self.locks.disturbed_by(peer.number)
        try:
            try:
                self.faults.heal_all(disturbed)
            finally:  # what could not be healed must be known as broken before others meet it
                self.provisioner.check_health(disturbed)
        finally:
            self.locks.release(peer.number)

    def _let_go(self, peer: Connection) -> None:
        # A worker died in the middle of a disturbance: the others must find things healthy.
        with contextlib.suppress(GroundworkError):  # the provisioner has noted the failure
            self._release(peer, {})

    def _act(self, peer: Connection, request: dict[str, Any]) -> None:
        self.faults.act(peer.number, request["resource"], request["action"], request["target"])

    # --- the end of a run

    def _finish(self, peer: Connection, request: dict[str, Any]) -> object:
        """The normal end of a run: report, then keep or remove what the run has made."""
        lease = self._lease
        if lease is None:
            raise ProvisionError("keeper", "the run has ended already")
        status = self._status()
        if request["keep"]:
            self._kept = True
            self.ledger.append(Record("kept", run=lease.run))
            self.faults.heal_all(frozenset(self.provisioner.started()))
        else:
            self._end_asking(lease)
            logs_to = lease.out_dir / "logs" if request["collect"] else None
            self._remove(lease.run, grace_s=None, logs_to=logs_to)
        with contextlib.suppress(OSError):  # evidence of what was made and removed; not vital
            shutil.copyfile(self.folder / LEDGER, lease.out_dir / LEDGER)
        with self._ending:
            if self._lease is lease:  # else it has died meanwhile, and all of this was done
                self.note("end", run=lease.run)
                self._end_lease(lease)
                if not self.provisioner.started() and not self._kept:
                    self._dismissed_by = peer
                    self._leave()
        return status | {"errors": self.provisioner.not_removed}

    def _others(self, run: str) -> set[str]:
        return set(self.provisioner.started()) - set(self.provisioner.started(run))

    def _end_asking(self, lease: Lease) -> None:
        """End fetching and asking that is under way: nothing else will be started for the run."""
        lease.cancel.set()
        with self._asking:
            pass

    def _remove(self, run: str, *, grace_s: float | None, logs_to: Path | None = None) -> None:
        self.provisioner.stop(self.provisioner.started(run), grace_s=grace_s, logs_to=logs_to)

    def _end_lease(self, lease: Lease) -> None:
        self._lease = None
        self._leased.clear()
        lease.timeline.close()

    def _abort(self, reason: str, of: Lease | None = None) -> None:
        """The run died (that ``of`` a lease): kill its workers, heal its faults, remove its things.

        Goes on past errors: what could not be removed stays on record.
        """
        with self._ending:
            lease = self._lease
            if self._leaving or (of is not None and of is not lease):
                return  # it came to its normal end just before
            begun = things(read_ledger(self.folder))
            workers = [Identity(**thing.data) for thing in begun if thing.kind == "worker"]
            self.provisioner.not_removed += attempt([lambda: process.end(workers, grace_s=0)])
            if lease is not None:
                self.note("abort", reason=reason)
                self._end_asking(lease)
            run = lease.run if lease is not None and self._kept else ""
            stays = self._kept and bool(self._others(run))
            if stays:
                with contextlib.suppress(GroundworkError):  # seen again where its locks are let go
                    self.faults.heal_all(frozenset(self.provisioner.started()))
            else:
                self._leaving = True
                self.locks.close()
            self._remove(run, grace_s=ABORT_GRACE_S)
            if lease is not None:
                self._end_lease(lease)
            if not stays:
                try:
                    self._leave()
                finally:
                    self.done.set()

    def _remove_all(self, peer: Connection) -> dict[str, object]:
        """`groundwork down`: the end of a kept environment.

        Raises:
            UsageError: A run is using it.
        """
        with self._ending:
            if self._lease is not None:
                raise UsageError(f"run {self._lease.run} is using the environment; end it first")
            self._dismissed_by = peer
            if not self._leaving:
                self._kept, self._leaving = False, True
                self._remove("", grace_s=None)
                self._leave()
        return {"errors": self.provisioner.not_removed, "keeper": process.myself().as_record()}

    def _leave(self) -> None:
        """Remove the environment's own traces: what could not be removed stays on record."""
        self._leaving = True
        told = bool(self.provisioner.not_removed)  # of what can't be removed: not tried once more
        steps = removals(self.folder, lambda thing: thing.kind == "folder" or not told)
        self.provisioner.not_removed += attempt(
            [lambda: end_strays(self.site.token)] + [step for _, step in steps]
        )
        if self.provisioner.not_removed:
            sys.stderr.write("\n".join(["not removed:", *self.provisioner.not_removed, ""]))
            return
        self.ledger.delete()

    def terminate(self) -> None:
        """SIGTERM: stop everything, kept or not."""
        self._kept = False
        self._abort("the keeper was told to end")


def main() -> int:
    """Run a keeper: orders come on standard input, nothing by arguments or environment."""
    orders = Orders.receive()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library puts into temporary files (clients' keys, say) goes with the environment.
    scratch = Path(orders.folder) / "tmp"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    keeper = Keeper(orders)

    def on_term(*_: object) -> None:
        threading.Thread(target=keeper.terminate).start()

    signal.signal(signal.SIGTERM, on_term)
    keeper.serve()
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
