"""A run, seen from its controller: it finds or starts a keeper, follows it, and ends it.

The controller starts a porter, which opens the environment and turns into its keeper when the first
process connects. So xdist's workers need to know only a path, and whatever is on disk has a process
that looks after it, also in the moment in which the controller dies.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.artifacts import Resolved
from groundwork.base import process
from groundwork.base.errors import (
    GroundworkError,
    KeeperLostError,
    NotYetError,
    UsageError,
    WaitTimeoutError,
)
from groundwork.base.footprint import Footprint
from groundwork.base.ledger import Ledger
from groundwork.base.process import TOKEN, Child
from groundwork.base.undisturbed import undisturbed
from groundwork.base.wait import Deadline, wait_for
from groundwork.base.wire import Wire
from groundwork.declare.environment import Declared
from groundwork.declare.resource import Description
from groundwork.declare.settings import Settings
from groundwork.keep.events import Event, RunEnded
from groundwork.keep.messages import Failure, RunHello, WatchHello
from groundwork.keep.porter import Orders, Sign
from groundwork.keep.sweep import RESOURCES, remove, sweep
from groundwork.use.client import Client
from groundwork.use.kept import kept_environments

__all__ = ["Lost", "Outcome", "Run"]


@dataclass(frozen=True)
class Lost:
    """The keeper is dead, and the environment with it: the one event that it can't tell itself."""

    error: str


Listener = Callable[[Event | Lost], None]

# A keeper leaves as soon as it has answered; a busy machine may need a moment to see it gone.
LEAVE_TIMEOUT_S = 20.0

# macOS allows 104 bytes for a socket's path; what is appended here takes 40.
SOCKET_BASE_BYTES_MAX = 60


@dataclass(frozen=True)
class Outcome:
    """How an environment was when its run ended; empty where there was none, or its keeper died.

    Attributes:
        refusal: Why what was asked for could not be started, where a user can mend it.
        resources: What was started, in starting order.
        footprints: What each took, before it was removed.
        failures: The errors of those that failed or died, by resource.
        artifacts: The programs that were found.
        errors: What could not be removed, and why.
        output_fault: Why not all of the run's output could be written.
    """

    refusal: str = ""
    resources: tuple[Description, ...] = ()
    footprints: Mapping[str, Footprint] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    artifacts: tuple[Resolved, ...] = ()
    errors: tuple[str, ...] = ()
    output_fault: str = ""


def socket_base() -> Path:
    """The temporary folder, or a shorter one where a socket's path would be too long in it."""
    preferred = Path(tempfile.gettempdir())
    short = len(str(preferred).encode()) <= SOCKET_BASE_BYTES_MAX
    return preferred if short else Path("/tmp")  # noqa: S108 - the folder in it is ours alone


class Run:
    """One run and the keeper that serves it.

    Args:
        declared: The environment.
        settings: The run's settings, checked.
        run_id: Names the run's output.
        out_dir: Where its timeline and collected logs go.
        listener: Told every event of the keeper, from a thread of its own.
    """

    def __init__(
        self,
        declared: Declared,
        settings: Settings,
        run_id: str,
        out_dir: Path,
        listener: Listener,
    ) -> None:
        self.settings = settings
        self.run_id = run_id
        self.out_dir = out_dir
        self.folder = settings.state_dir / "envs" / run_id  # or that of an adopted environment
        self.socket: Path | None = None
        self.notes: list[str] = []
        self.lost: KeeperLostError | None = None
        self.refusal = ""
        self._declared = declared
        self._listener = listener
        self._lifeline: Wire | None = None
        self._keeper: Child | None = None
        self._client: Client | None = None
        self._watch: Client | None = None
        self._finished = False
        self._closed = False
        self._opening = threading.Lock()
        self._starting = threading.Lock()
        self._losing = threading.Lock()
        self._buried = threading.Event()
        self._thread: threading.Thread | None = None
        self._follower: threading.Thread | None = None

    # --- the beginning

    def open(self) -> Path:
        """Make the socket that others may connect to; the keeper starts when somebody does.

        Sweeps what dead runs have left, and adopts a kept environment that fits and is free.
        Whoever is broken off while it waits leaves nothing half begun.
        """
        return undisturbed(self._open)

    def _open(self) -> Path:
        with self._opening:
            return self.socket if self.socket is not None else self._begin()

    def _begin(self) -> Path:
        for name, errors in sweep(self.settings.state_dir):
            self.notes.append(
                f"removed what run {name} had left"
                if not errors
                else f"could not remove what run {name} left: {'; '.join(errors)}"
            )
        fingerprint = self._declared.fingerprint(self.settings)
        adopted = self._adopt(fingerprint)
        if adopted is not None:
            self.socket = adopted
            return adopted
        self.socket = socket_base() / f"groundwork-{self.run_id}" / "keeper"
        self._start_porter(fingerprint, self.socket)
        self._thread = threading.Thread(target=self._join_on_demand, daemon=True)
        self._thread.start()
        return self.socket

    def _adopt(self, fingerprint: str) -> Path | None:
        for kept in kept_environments(self.settings.state_dir):
            if kept.fingerprint != fingerprint:
                self.notes.append(
                    f"environment {kept.folder.name} is kept, but differs in settings or files: "
                    "making another (`groundwork down` ends the kept one)"
                )
                continue
            try:
                self._connect(kept.socket)
            except KeeperLostError:
                self.notes.append(
                    f"environment {kept.folder.name} was kept, but its keeper doesn't answer: "
                    "`groundwork down` removes what is left once it is dead"
                )
            except UsageError as error:
                self.notes.append(f"environment {kept.folder.name}: {error}; making another")
            else:
                self.notes.append(f"adopted environment {kept.folder.name}")
                self.folder = kept.folder
                return kept.socket
        return None

    def _start_porter(self, fingerprint: str, path: Path) -> None:
        """Start the process that opens the environment; returns once it listens, or is dead."""
        ours, theirs = socket.socketpair()
        orders = Orders(
            root=str(self._declared.root),
            reference=self._declared.reference,
            folder=str(self.folder),
            socket=str(path),
            settings=self.settings.to_json(),
            opened={
                "fingerprint": fingerprint,
                "socket": str(path),
                "root": str(self._declared.root),
                "controller": process.myself().as_record(),
            },
            lifeline=theirs.fileno(),
        )
        secrets = self.settings.secret_names()
        env = {name: value for name, value in os.environ.items() if name not in secrets}
        with theirs:
            self._keeper = process.spawn(
                [sys.executable, "-m", "groundwork.keep.porter"],
                env=env | {TOKEN: f"{self.run_id}:keeper"},
                log=Path(os.devnull),  # what it has to say comes over the lifeline
                cwd=self._declared.root,
                stdin=orders.to_json(),
                pass_fds=(theirs.fileno(),),
            )
        self._lifeline = Wire(ours)
        sign = Sign.receive(self._lifeline)
        if sign is None:
            self._lose(KeeperLostError("it died before it had opened the environment"))
        elif sign.error:
            raise UsageError(
                f"can't write the state folder {self.settings.state_dir}: {sign.error}; set "
                "GROUNDWORK_STATE_DIR to a folder that you can write"
            )

    def _join_on_demand(self) -> None:
        """Say hello as soon as somebody else has woken the keeper, and see it die before that."""
        lifeline = self._lifeline
        if lifeline is None:
            return
        if Sign.receive(lifeline) is not None:
            self.activate()
        elif self._client is None and not self._closed:
            self._lose(KeeperLostError("the keeper died; what it owned was removed"))

    def activate(self) -> None:
        """Wake the keeper, unless that has happened, and follow it."""
        with self._starting:
            if self._client is not None or self.socket is None or self._closed:
                return
            try:
                self._connect(self.socket)
            except (KeeperLostError, UsageError) as error:
                said = process.tail_of(self.folder / "keeper.log")
                self._lose(KeeperLostError(f"it did not start: {error}\n{said}"))

    def _connect(self, path: Path) -> None:
        client = Client(path, RunHello(self.run_id, self.out_dir))
        try:
            watch = Client(path, WatchHello(self.run_id))
        except BaseException:
            client.close()
            raise
        self._client, self._watch = client, watch
        self._follower = threading.Thread(target=self.follow, args=(watch,), daemon=True)
        self._follower.start()

    def follow(self, watch: Client) -> None:
        """Pass on events until the connection ends; if that is too early, clean up at once."""
        ended = False
        while (event := watch.receive()) is not None:
            # Its keeper may be gone before whoever has ended the run has read its answer.
            ended = ended or event == RunEnded(self.run_id)
            self._listener(event)
        if not (self._finished or ended):
            self._lose(KeeperLostError("the keeper died; what it owned was removed"))

    def _lose(self, error: KeeperLostError) -> None:
        """The keeper is dead: remove what its ledger tells of."""
        with self._losing:
            if self.lost is not None:
                return
            self.lost = error
        self._listener(Lost(str(error)))
        try:
            self._bury()
        finally:
            self._buried.set()

    def _bury(self) -> None:
        if self._keeper is not None:
            self._keeper.kill()  # it may be stuck rather than dead: its lock must be free

        def seize() -> Ledger | None:
            book = Ledger.seize(self.folder)
            if book is None and self.folder.exists():
                # A child of the keeper's, between fork and exec, has all of its descriptors.
                raise NotYetError("the dead keeper's lock is held")
            return book

        try:
            book = wait_for(
                seize, deadline=Deadline.after(LEAVE_TIMEOUT_S), what="the keeper's lock"
            )
        except WaitTimeoutError:  # it was adopted, and is stuck: it isn't ours to kill
            self.notes.append(f"the keeper of {self.folder.name} lives, but doesn't answer")
            return
        if book is not None:
            for problem in remove(book, kinds=RESOURCES):
                self.notes.append(f"not removed: {problem}")

    # --- in between

    @property
    def active(self) -> bool:
        """Whether anything was asked of a keeper."""
        return self._client is not None or self.lost is not None

    def client(self) -> Client:
        """The controller's own connection; starts the keeper if need be.

        Raises:
            KeeperLostError: It died, or can't be started.
        """
        if self._client is None:
            self.open()
            undisturbed(self.activate)
        if self.lost is not None:
            raise self.lost
        if self._client is None:
            raise KeeperLostError("the run has ended")
        return self._client

    # --- the end

    def finish(self, *, keep: bool, collect: bool) -> Outcome:
        """End the run: what the run has made is removed, or kept."""
        self._discard()
        client = self._client
        if client is None and self.lost is None:
            return Outcome()
        if client is None or self.lost is not None:
            return self._await_burial()
        try:
            footprints = client.footprints(each.name for each in client.status().resources)
            finished = client.finish(keep=keep, collect=collect)
        except KeeperLostError as error:  # dead, or it doesn't answer any more
            self._lose(error)
            return self._await_burial()
        except GroundworkError as error:
            return Outcome(errors=(str(error),))
        self.hang_up()
        if self._keeper is not None and not keep:
            keeper = self._keeper
            leave(keeper)
        status = finished.status
        return Outcome(
            refusal=status.refusal,
            resources=status.resources,
            footprints=footprints,
            failures=status.failures,
            artifacts=status.artifacts,
            errors=finished.not_removed,
            output_fault=finished.output_fault,
        )

    def _await_burial(self) -> Outcome:
        """Wait until the thread that saw the keeper die has removed what it left."""
        if not self._buried.wait(LEAVE_TIMEOUT_S):
            self.notes.append(
                "not all is removed that the dead keeper left: call `groundwork down`"
            )
        return Outcome()

    def hang_up(self) -> None:
        """Close the connections without the keeper's taking it for our death."""
        self._finished = True
        for connection in (self._watch, self._client):
            if connection is not None:
                connection.close()

    def _discard(self) -> None:
        """Send the porter of a run that nobody has asked anything of away."""
        with self._opening, self._starting:  # whatever is being begun has begun
            self._closed = True
            lifeline, porter = self._lifeline, self._keeper
            if self._client is not None or lifeline is None or porter is None:
                return
        lifeline.close()
        leave(porter)
        self._bury()


def leave(keeper: Child) -> None:
    """Wait until a keeper, or the porter that it was, is gone, and bury it."""
    process.await_end([keeper.identity], timeout_s=LEAVE_TIMEOUT_S, what="the keeper to leave")
    keeper.wait()
