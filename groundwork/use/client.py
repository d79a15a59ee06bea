"""The keeper's clients: workers, commands, chaos and load; everything that isn't the controller."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from pydantic import SecretStr

from groundwork.base.errors import GroundworkError, KeeperLostError, OverdueError
from groundwork.base.footprint import Footprint
from groundwork.base.wire import Wire
from groundwork.declare.resource import Description
from groundwork.declare.variables import CLAIM, SOCKET
from groundwork.keep.answers import read_answer
from groundwork.keep.claims import LIMIT_S
from groundwork.keep.events import EVENTS, Event
from groundwork.keep.messages import (
    BROKEN_OFF,
    HELLOS,
    NUMBER,
    REQUESTS,
    Ask,
    AwaitReady,
    ClientHello,
    FindDeaths,
    Finish,
    Finished,
    GetSecret,
    GetStatus,
    GetStory,
    Heal,
    Healed,
    Hello,
    Inject,
    Injected,
    JobDone,
    JoinClaim,
    MeasureFootprints,
    Ping,
    RecordEvent,
    ReleaseClaim,
    RemoveAll,
    Removed,
    Request,
    RunJob,
    Status,
    TakeClaim,
    WatchHello,
)
from groundwork.use.kept import kept_socket

__all__ = ["Client", "Handle", "OpenFault"]

Answer = TypeVar("Answer")

# For a fault whose test doesn't say it: most are seen within seconds.
FAULT_LIMIT_S = 60.0

# How a claim's holder is called that isn't a test: with its number.
PROCESS = "process"

# What a claim for one fault has beyond it: healing, and seeing that all is healthy.
HEALING_S = 60.0

# The keeper answers a greeting at once; a Unix socket nobody accepts on would hang for ever.
CONNECT_TIMEOUT_S = 20.0

# Whoever waits for long sees at times that the keeper is well. A machine that is so busy that a
# thread isn't scheduled for as long was never seen.
PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 60.0


@dataclass(eq=False)
class Pending:
    """A request on its way.

    Attributes:
        message: As it travels.
        answer: Where its answer arrives; None where the keeper has died.
        number: Once it was sent.
    """

    message: dict[str, Any]
    answer: SimpleQueue[Mapping[str, Any] | None] = field(default_factory=SimpleQueue)
    number: int = 0


@dataclass(frozen=True)
class BrokenOff:
    """Whoever has asked waits no more: a signal's handler raised something."""

    pending: Pending


class Client:
    """One connection to the keeper.

    Whoever asks may be broken off in any moment by an exception out of a signal's handler (Ctrl-C,
    a test's time-out). Such handlers run in the main thread, so only threads of the client's own
    send and receive: what they are doing is never broken off in the middle, and a late answer finds
    that nobody waits for it. What both share are queues, which bear that; a lock might stay held.

    Args:
        path: The keeper's socket.
        hello: As whom to connect.

    Raises:
        KeeperLostError: Nobody answers there.
        GroundworkError: The keeper's error: it doesn't want this connection.
    """

    def __init__(self, path: Path, hello: Hello) -> None:
        self.path = path
        self._outgoing: SimpleQueue[Pending | BrokenOff | None] = SimpleQueue()
        self._waiting: dict[int, Pending] = {}  # the threads' alone
        self._lost = threading.Event()
        self._claimed = False
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(CONNECT_TIMEOUT_S)
            connection.connect(str(path))
            self._wire = Wire(connection)
            self._wire.send(HELLOS.pack(hello))
            _unpack(hello, self._wire.receive())
            connection.settimeout(None)  # from here on it is asked at times whether it is well
        except OSError as error:
            connection.close()
            raise KeeperLostError(f"can't reach the keeper at {path}: {error}") from error
        except BaseException:  # it isn't wanted, or whoever wanted it was broken off
            connection.close()
            raise
        if not isinstance(hello, WatchHello):
            threading.Thread(target=self._send, daemon=True).start()
            threading.Thread(target=self._receive, daemon=True).start()

    @classmethod
    def from_environment(cls, out_dir: Path | None = None) -> Client:
        """Connect as a process that isn't pytest: chaos, load, a person's script.

        Where the keeper has started the process, variables tell its socket and the claim to act
        under. Else it is the kept environment of the project that this is called in.

        Args:
            out_dir: Where a timeline of what happens until the connection ends is written, as
                ``timeline.jsonl``: without a run there is no other.

        Raises:
            UsageError: There is none, or several are kept; or the claim is over.
            KeeperLostError: Nobody answers there.
        """
        path = os.environ.get(SOCKET, "")
        hello = ClientHello(None if out_dir is None else out_dir.absolute())
        client = cls(Path(path) if path else kept_socket(), hello)
        key = os.environ.get(CLAIM, "")
        if key:
            try:
                client.join(key)
            except BaseException:
                client.close()
                raise
        return client

    def _request(self, request: Request[Answer]) -> Answer:
        """Ask for something and return the answer.

        Raises:
            GroundworkError: The error that the keeper met, as it was; KeeperLostError when it died.
        """
        pending = Pending(REQUESTS.pack(request))
        self._outgoing.put(pending)
        try:
            answer = self._await(pending)
        except BaseException:
            self._outgoing.put(BrokenOff(pending))
            raise
        try:
            return _unpack(request, answer)
        except OverdueError as error:
            raise OverdueError(self.with_story(str(error))) from error

    def _await(self, pending: Pending) -> Mapping[str, Any] | None:
        """Wait for an answer: the keeper's deadlines hold, as long as it answers at all.

        Raises:
            KeeperLostError: It doesn't any more.
        """
        while True:
            with contextlib.suppress(Empty):
                return pending.answer.get(timeout=PING_INTERVAL_S)
            ping = Pending(REQUESTS.pack(Ping()))
            self._outgoing.put(ping)
            try:
                ping.answer.get(timeout=PING_TIMEOUT_S)
            except Empty as error:
                raise KeeperLostError(f"it hasn't answered for {PING_TIMEOUT_S:g} s") from error

    def _send(self) -> None:
        """In a thread: number requests and send them, in turn."""
        numbers = itertools.count(1)
        while (item := self._outgoing.get()) is not None:
            if isinstance(item, BrokenOff):
                if self._waiting.pop(item.pending.number, None) is not None:
                    with contextlib.suppress(OSError):
                        self._wire.send({BROKEN_OFF: item.pending.number})
                continue
            item.number = next(numbers)
            self._waiting[item.number] = item
            try:
                self._wire.send(item.message | {NUMBER: item.number})
            except OSError:
                self._lost.set()
            if self._lost.is_set():  # also where that was seen before this one was waiting
                self._tell_lost()

    def _receive(self) -> None:
        """In a thread: take every answer to whoever waits for it."""
        with contextlib.suppress(GroundworkError):  # what isn't even a message has no number
            while (message := self._wire.receive()) is not None:
                pending = self._waiting.pop(message.get(NUMBER, 0), None)
                if pending is not None:
                    pending.answer.put(message)
        self._lost.set()
        self._tell_lost()

    def _tell_lost(self) -> None:
        for number in tuple(self._waiting):
            pending = self._waiting.pop(number, None)
            if pending is not None:
                pending.answer.put(None)

    def receive(self) -> Event | None:
        """The next event, of a connection that watches; None at its end."""
        message = self._wire.receive()
        return None if message is None else EVENTS.read(message)

    def close(self) -> None:
        """End the connection to the keeper."""
        self._outgoing.put(None)
        self._wire.close()

    # --- what may be asked for; each raises the error that the keeper met

    def ask(self, names: Iterable[str]) -> tuple[str, ...]:
        """Have resources started, with all they need; the names of all of them."""
        return self._request(Ask(tuple(sorted(names))))

    def await_ready(self, name: str) -> Handle:
        """Wait until a resource is ready (or has failed: ProvisionError)."""
        return Handle(self._request(AwaitReady(name)), self)

    def status(self) -> Status:
        """How the environment is now."""
        return self._request(GetStatus())

    def footprints(self, names: Iterable[str]) -> Mapping[str, Footprint]:
        """What resources take, by name, measured now; nothing of what isn't ready."""
        return self._request(MeasureFootprints(tuple(names)))

    def claim(
        self,
        exclusive: Iterable[str],
        shared: Iterable[str],
        *,
        holder: str,
        limit_s: float = LIMIT_S,
    ) -> str:
        """Hold resources until :meth:`release`, some of them alone.

        Args:
            exclusive: What is wanted alone.
            shared: What others may use, too.
            holder: Who wants it, for those who have to wait.
            limit_s: For how long, at most; whoever waits bears a minute more.

        Returns:
            The claim's key: other processes may join it, and act in its name.

        Raises:
            LockTimeoutError: Others hold on beyond the time that they have declared.
            UsageError: There is no such resource; or this connection has joined a claim that
                doesn't have it.
        """
        wanted, used = tuple(sorted(exclusive)), tuple(sorted(shared))
        key = self._request(TakeClaim(holder, wanted, used, limit_s))
        self._claimed = True
        return key

    def join(self, key: str) -> None:
        """Act under the claim of this key, until :meth:`release` or its end.

        Raises:
            UsageError: It is over, or there never was one.
        """
        self._request(JoinClaim(key))
        self._claimed = True

    def release(self) -> None:
        """Let go; what was disturbed is healed first, and must be healthy again.

        Of a claim that was joined only what this connection has disturbed is.
        """
        self._claimed = False  # before it is: whoever is broken off in between takes a new one
        self._request(ReleaseClaim())

    def check(self, names: Iterable[str], *, examine: bool = False) -> None:
        """Raise the error of the first resource among ``names``, or what they need, that died.

        With ``examine`` they are looked at now, so that one that is just dying is told as well.
        """
        deaths = self._request(FindDeaths(tuple(sorted(names)), examine))
        for failure in deaths.values():
            raise failure.error()

    @contextlib.contextmanager
    def fault(
        self,
        resource: str,
        name: str,
        target: str = "",
        *,
        limit_s: float = FAULT_LIMIT_S,
        **parameters: Any,
    ) -> Iterator[OpenFault]:
        """Break a resource for as long as the block runs; it is healed on every way out.

        Whoever holds no claim gets one of the resource for that long.

        Args:
            resource: Which resource.
            name: How: ``kill``, ``pause``, ``isolate``...
            target: One of its processes or pods; empty for all of it.
            limit_s: For how long at most: then the keeper heals it, and the block's end fails.
            parameters: What the fault is told besides, such as ``replicas``.

        Raises:
            UsageError: There is no such resource, fault or target; the resource can't bear it; or
                the claim doesn't have the resource alone.
            OverdueError: The block took longer than ``limit_s``.
        """
        own = not self._claimed
        if own:
            holder = f"{PROCESS} {os.getpid()}"
            self.claim([resource], [], holder=holder, limit_s=limit_s + HEALING_S)
        try:
            asked = Inject(resource, name, target, limit_s, parameters)
            opened = OpenFault(self, asked, self._request(asked))
            try:
                yield opened
            except BaseException:
                with contextlib.suppress(GroundworkError):  # what came first says more
                    opened.heal()
                raise
            opened.heal()
        finally:
            if own:
                self.release()

    def heal(self, fault_id: str) -> Healed:
        """Undo a fault; of one that is healed it is told how it was."""
        return self._request(Heal(fault_id))

    def job(
        self, name: str, arguments: Mapping[str, Any], out_dir: Path, timeout_s: float
    ) -> JobDone:
        """Run a job of the environment to its end, and tell what it has come to.

        It acts under the claim of this connection, where there is one; else it takes its own, and
        waits for that like everybody. It ends with this connection, its claim or the run.

        Args:
            name: As it is declared.
            arguments: What it is told; JSON holds them.
            out_dir: A folder of its own, in which its files, its log and a timeline are then.
            timeout_s: For how long at most: then the keeper ends it.

        Raises:
            UsageError: It isn't declared, doesn't take these arguments, or can't write there.
            OverdueError: It took longer than that, or its claim did.
        """
        return self._request(RunJob(name, arguments, out_dir.absolute(), timeout_s))

    def secret(self, name: str) -> SecretStr:
        """A secret of a resource that this connection holds, or that whoever it acts for does.

        Raises:
            UsageError: No resource has it, or none of the claim's.
        """
        return SecretStr(self._request(GetSecret(name)))

    def story(self) -> tuple[str, ...]:
        """What has happened last in the environment, a line for each event."""
        return self._request(GetStory())

    def with_story(self, text: str) -> str:
        """A text, and below it what has happened last."""
        return "\n".join([text, "--- the end of the timeline", *self.story()])

    def record(self, name: str, **fields: Any) -> None:
        """Put an event on the run's timeline; fields are what JSON holds."""
        self._request(RecordEvent(name, fields))

    def finish(self, *, keep: bool, collect: bool) -> Finished:
        """End the run: what it has made is kept or removed, its logs collected before."""
        return self._request(Finish(keep, collect))

    def remove_all(self) -> Removed:
        """End an environment that no run uses (else a UsageError)."""
        return self._request(RemoveAll())


def _unpack(request: Request[Answer], message: Mapping[str, Any] | None) -> Answer:
    if message is None:
        raise KeeperLostError("the keeper died; everything it owned is being removed")
    return read_answer(request, message)


@dataclass(frozen=True)
class OpenFault:
    """A fault, as whoever has injected it sees it.

    Attributes:
        asked: What was asked for.
        told: Its name, and what was to be seen of the resource before and after.
    """

    client: Client
    asked: Inject
    told: Injected

    def heal(self) -> Healed:
        """Undo it, once or again.

        Raises:
            OverdueError: The keeper has done it before: its time was up.
        """
        healed = self.client.heal(self.told.id)
        limits = {
            "overdue": "was to end with the time of its claim",
            "time": f"was to last {self.asked.limit_s:g} s at most",
        }
        if healed.by in limits:
            what = f"{self.asked.fault} of {self.asked.resource} {limits[healed.by]}"
            text = f"{what}: the keeper has healed it after {healed.lasted_s:g} s"
            raise OverdueError(self.client.with_story(text))
        return healed


@dataclass(frozen=True)
class Handle:
    """A resource that is ready, as tests see it."""

    description: Description
    client: Client

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.description.name

    @property
    def version(self) -> str:
        """The version that the resource has told of itself."""
        return self.description.version

    def endpoint(self, name: str = "") -> str:
        """One of its addresses; the first, unnamed."""
        return self.description.endpoint(name)

    def inside(self, name: str) -> str:
        """One of its addresses, for those that live in the same host."""
        return self.description.endpoints[name].inside or self.endpoint(name)

    def fault(
        self, name: str, target: str = "", *, limit_s: float = FAULT_LIMIT_S, **parameters: Any
    ) -> AbstractContextManager[OpenFault]:
        """Break it for as long as a block runs; the test must carry the marker ``disturbs``.

        See :meth:`Client.fault`.
        """
        return self.client.fault(self.name, name, target, limit_s=limit_s, **parameters)
