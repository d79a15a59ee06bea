"""The keeper: the one process that owns an environment.

It starts, records and removes resources, and is the only one that spawns anything that outlives a
call. It has a session of its own, so neither Ctrl-C nor a closed terminal reaches it; it ends with
the run that started it, however that run ends, unless the environment is kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundwork.base import process
from groundwork.base.errors import ProvisionError, UsageError
from groundwork.base.ledger import Ledger, Record
from groundwork.base.wire import Wire
from groundwork.declare import environment
from groundwork.declare.settings import Settings
from groundwork.declare.stage import Site
from groundwork.declare.variables import SOCKET
from groundwork.keep.chronicle import Chronicle
from groundwork.keep.claims import Claims
from groundwork.keep.events import NAMES, Recorded, RunBegun, Step, Waiting
from groundwork.keep.faults import Faults
from groundwork.keep.health import Health
from groundwork.keep.jobs import Jobs
from groundwork.keep.lease import Leases
from groundwork.keep.messages import (
    Ask,
    AwaitReady,
    ClientHello,
    Failure,
    FindDeaths,
    Finish,
    Finished,
    GetSecret,
    GetStatus,
    GetStory,
    Heal,
    Hello,
    Inject,
    JoinClaim,
    MeasureFootprints,
    Ping,
    RecordEvent,
    ReleaseClaim,
    RemoveAll,
    Removed,
    Request,
    RunHello,
    RunJob,
    Status,
    TakeClaim,
    WatchHello,
    WorkerHello,
)
from groundwork.keep.porter import Orders, Sign
from groundwork.keep.provisioner import Provisioner
from groundwork.keep.server import Connection, Server
from groundwork.keep.supply import Supply
from groundwork.keep.tenancy import Tenancy
from groundwork.keep.timeline import OWN

__all__ = ["Keeper"]

# How often a keeper looks whether its ledger is there still, while nobody asks it anything.
LEDGER_INTERVAL_S = 2.0


class Keeper:
    """Serves one environment until it is gone."""

    def __init__(self, orders: Orders) -> None:
        declared = environment.load(Path(orders.root), orders.reference)
        self.settings: Settings = declared.environment.settings.from_json(orders.settings)
        self.folder = Path(orders.folder)
        self.ledger = Ledger.inherit(self.folder, orders.lock)
        self.chronicle = Chronicle()
        note = self.chronicle.note
        self.claims = Claims(lambda holder, why: note(Waiting(holder, why)))
        self.site = Site(
            token=self.folder.name,
            root=declared.root,
            folder=self.folder,
            ledger=self.ledger,
            artifacts={},
            step=lambda resource, text: note(Step(resource, text)),
            on_exit=self._on_exit,
        )
        self.provisioner = Provisioner(
            self.site, declared.resources(self.settings), note, self.chronicle.blame
        )
        self.health = Health(self.provisioner, declared.environment.recovery_s(self.settings), note)
        self.faults = Faults(self.provisioner, self.health, self.ledger, self.claims, note)
        self.jobs = Jobs(
            self.site,
            {SOCKET: orders.socket, "PYTHONPATH": str(declared.root)},
            declared.jobs(self.settings),
            self.claims,
            note,
            self.chronicle.follow,
        )
        self.tenancy = Tenancy(
            self.claims, self.faults, self.jobs, self.provisioner, self.health, note
        )
        self.leases = Leases(
            self.site, self.provisioner, self.faults, self.jobs, self.claims, self.chronicle
        )
        self.supply = Supply(
            self.site, self.settings, self.provisioner, self.leases, self.chronicle
        )
        self._server = Server(socket.socket(fileno=orders.listener), self)
        self._lifeline = Wire(socket.socket(fileno=orders.lifeline))
        self._operations: dict[type[Request[Any]], Callable[[Connection, Any], object]] = {
            Ask: lambda _, request: self.supply.ask(request.names),
            AwaitReady: lambda _, request: self.provisioner.await_ready(request.name),
            GetStatus: lambda *_: self._status(),
            GetStory: lambda *_: self.chronicle.story(),
            Ping: lambda *_: None,
            MeasureFootprints: lambda _, request: self.provisioner.footprints(request.names),
            FindDeaths: self._find_deaths,
            JoinClaim: lambda peer, request: self.tenancy.join(peer.number, request.key),
            ReleaseClaim: lambda peer, _: self.tenancy.release(peer.number),
            Inject: lambda peer, request: self.faults.inject(peer.number, request),
            Heal: lambda peer, request: self.faults.heal(peer.number, request.id),
            GetSecret: lambda peer, request: self.tenancy.secret(peer.number, request.name),
            RecordEvent: self._record_event,
            Finish: self._finish,
            RemoveAll: self._remove_all,
        }

    def _on_exit(self, resource: str, name: str, code: int) -> None:
        self.provisioner.on_exit(resource, name, code, self.faults.behind(resource))

    def serve(self) -> None:
        """Answer until the environment is gone."""
        self._server.start()
        threading.Thread(target=self._follow_lifeline, daemon=True).start()
        while not self.leases.gone.wait(LEDGER_INTERVAL_S):
            # A kept environment is found by its ledger, and by nothing else: it would stay.
            if self.leases.kept and not self.leases.run and self.ledger.fault():
                self.leases.terminate()

    def _follow_lifeline(self) -> None:
        """Tell the controller that somebody has connected; it may be dead before it says hello."""
        with contextlib.suppress(OSError):
            Sign("active").send(self._lifeline)
        while self._lifeline.receive() is not None:
            pass  # it says nothing: only its end matters
        if not self.leases.greeted:  # else the end of the run's own connection tells
            self.leases.abort("the run died before it said hello")

    # --- what the server asks

    @property
    def leaving(self) -> bool:
        """Whether connections end with the answer that is being given."""
        return self.leases.leaving

    def welcome(self, peer: Connection, hello: Hello) -> None:
        """Take a connection in.

        Raises:
            UsageError: It is a run, and can't have the environment.
            CancelledError: It is a worker whose run is dead.
        """
        match hello:
            case RunHello():
                self.leases.grant(hello.run, hello.out_dir, peer)
                self.supply.refusal = None
                self.chronicle.note(RunBegun(hello.run))
            case WatchHello():
                peer.run = hello.run
                self.chronicle.watch(peer)
            case WorkerHello():
                self.leases.await_grant()
                identity = process.identify(hello.pid)
                if identity is not None:
                    name = f"worker-{peer.number}"
                    self._record("intent", name, identity.as_record())
                    peer.worker = name
            case ClientHello():
                if hello.out_dir is not None:
                    self.chronicle.accompany(peer, hello.out_dir)

    def answer(
        self, peer: Connection, request: Request[Any], broken_off: threading.Event
    ) -> object:
        """Do what a connection asks for."""
        match request:  # those that take as long as others want
            case TakeClaim():
                return self.tenancy.take(peer.number, request, broken_off)
            case RunJob():
                return self.jobs.run(peer.number, request, self.leases.run, broken_off)
        return self._operations[type(request)](peer, request)

    def goodbye(self, peer: Connection) -> None:
        """A connection has ended: what it held is let go; if it was the run, so is everything."""
        self.leases.abort_with(peer)
        self.tenancy.end(peer.number)
        if peer.worker:
            self._record("removed", peer.worker, {})
        self.chronicle.forget(peer)
        peer.wire.close()
        self.leases.dismiss(peer)

    def _record(self, step: str, worker: str, data: dict[str, Any]) -> None:
        self.ledger.append(Record(step, "worker", worker, run=self.leases.run, data=data))

    # --- operations

    def _status(self) -> Status:
        lease = self.leases.current
        return Status(
            folder=self.folder,
            keeper=process.myself(),
            platform=self.settings.env,
            settings=self.settings.public(),
            run=lease.run if lease is not None else "",
            out_dir=lease.out_dir if lease is not None else None,
            kept=self.leases.kept,
            refusal=str(self.supply.refusal or ""),
            resources=tuple(map(self.provisioner.describe, self.provisioner.started())),
            failures=self._failures(),
            artifacts=tuple(self.site.artifacts.values()),
        )

    def _failures(self) -> dict[str, Failure]:
        found = {n: Failure.of(e) for n, e in self.provisioner.failures().items()}
        fault = self.ledger.fault()
        if fault:
            text = f"somebody else has touched its ledger: {fault}"
            found["keeper"] = Failure.of(ProvisionError("keeper", text))
        return found

    def _find_deaths(self, _: Connection, request: FindDeaths) -> dict[str, Failure]:
        if request.examine:
            self.health.examine(request.names)
        deaths = self.provisioner.deaths(request.names)
        return {name: Failure.of(error) for name, error in deaths.items()}

    def _record_event(self, _: Connection, request: RecordEvent) -> None:
        if request.name in NAMES:
            raise UsageError(f"{request.name!r} is an event of the engine's: choose another name")
        if OWN & request.fields.keys():
            taken = ", ".join(sorted(OWN & request.fields.keys()))
            raise UsageError(f"{request.name}: every line has {taken}: choose another name")
        self.chronicle.note(Recorded(request.name, request.fields))

    # --- the end

    def _finish(self, peer: Connection, request: Finish) -> Finished:
        """The normal end of a run: report, then keep or remove what the run has made."""
        lease = self.leases.current
        if lease is None:
            raise ProvisionError("keeper", "the run has ended already")
        status = self._status()
        self.leases.finish(lease, peer, keep=request.keep, collect=request.collect)
        return Finished(status, tuple(self.provisioner.not_removed), self.chronicle.fault)

    def _remove_all(self, peer: Connection, _: RemoveAll) -> Removed:
        self.leases.remove_all(peer)
        return Removed(process.myself())


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
        threading.Thread(target=keeper.leases.terminate).start()

    signal.signal(signal.SIGTERM, on_term)
    keeper.serve()
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
