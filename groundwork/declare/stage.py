"""The stage of a resource: all that it may do to the outside world, each step on record.

A resource never spawns or makes anything by itself. It asks its stage, which writes the intent
into the ledger, does the thing with a run token, and writes the identity.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from groundwork.artifacts import Resolved
from groundwork.base import descriptors, process
from groundwork.base.complaint import COMPLAINT, complaint_of
from groundwork.base.errors import (
    CancelledError,
    NotYetError,
    ProvisionError,
    TerminalStateError,
)
from groundwork.base.ledger import Ledger, Record, Thing
from groundwork.base.process import Child, Identity, ProcessFailedError
from groundwork.base.removal import FOLDER, attempt, removals
from groundwork.base.wait import Deadline, wait_for

__all__ = ["Site", "Stage"]

# A process stops within milliseconds, unless it waits for a disk.
STOP_TIMEOUT_S = 10.0

# The slowest server, three nodes that move leadership around, ends within nine seconds of being
# asked to; the hook that asks has half a minute.
END_TIMEOUT_S = 25.0


@dataclass(frozen=True)
class Site:
    """What all stages of an environment share.

    Attributes:
        token: Marks every process of the environment; begins with the environment's id.
        root: The project's folder: removers may be the project's own.
        folder: The environment's own folder, in the user's state folder.
        step: Tells people what a resource's long creation is doing: its name, and a text.
        ports: All ports that were assigned, by resource and port name.
        on_exit: Told the resource, the process and the exit code when a process ends unasked.
    """

    token: str
    root: Path
    folder: Path
    ledger: Ledger
    artifacts: dict[str, Resolved]
    step: Callable[[str, str], None]
    on_exit: Callable[[str, str, int], None]
    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """How a process was started, so that it can be started again after a fault."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path


class Stage:
    """One resource's hands. ``ports`` are on 127.0.0.1 and were reserved before any launch."""

    def __init__(self, site: Site, resource: str, run: str, ports: Mapping[str, int]) -> None:
        self.resource = resource
        self.run_id = run
        self.ports = dict(ports)
        self.cancel = threading.Event()
        self.judged: Any = None  # what the resource's judge has made, for its launch
        self.handle: Any = None  # what those who need the resource use of it, inside the keeper
        self._site = site
        self._commands: dict[str, Command] = {}
        self._children: dict[str, Child] = {}
        self._expected: set[int] = set()
        # How many descriptors those could have that have none left, by a fault.
        self._allowed: dict[Identity, int] = {}
        # What was made, besides processes: also where the ledger has vanished meanwhile.
        self._things: dict[tuple[str, str], Thing] = {}
        # Starting excludes ending: what a fault's healing starts while all is stopped would stay.
        self._starting = threading.Lock()

    @property
    def workdir(self) -> Path:
        """A folder of the resource's own; made on first use, removed with the resource."""
        folder = self._site.folder / "work" / self.resource
        if not folder.exists():
            self.intend("folder", str(folder), FOLDER)
            folder.mkdir(parents=True)
        return folder

    @property
    def folder(self) -> Path:
        """The environment's own folder, which goes last: what its removal needs lies here."""
        return self._site.folder

    @property
    def log_dir(self) -> Path:
        """Where the logs of the environment's processes lie."""
        folder = self._site.folder / "logs"
        folder.mkdir(exist_ok=True)
        return folder

    def artifact(self, name: str) -> Resolved:
        """The artifact that the resource has declared."""
        return self._site.artifacts[name]

    def peer(self, resource: str) -> Stage:
        """The stage of a resource that this one needs: for its ports."""
        return self._site.stages[resource]

    def port_of(self, resource: str, port: str) -> int:
        """The port of a resource that lives in this one or that it wants, started yet or not."""
        return self._site.ports[resource, port]

    def url(self, port: str = "http") -> str:
        """The address of what serves HTTP on one of the resource's ports."""
        return f"http://127.0.0.1:{self.ports[port]}"

    def step(self, text: str) -> None:
        """Tell people what a long creation is doing."""
        self._site.step(self.resource, text)

    @property
    def token(self) -> str:
        """The environment's name: the mark of everything that is made for it."""
        return self._site.token

    # --- things that aren't processes

    def intend(self, kind: str, name: str, remover: str, **data: Any) -> None:
        """Write down what is about to be made, and who takes it away again.

        It is removed at the resource's end, after its logs were collected; or by whoever sweeps.

        Args:
            kind: What sort of thing, for people: ``cluster``, ``mount``...
            name: Which one; its remover gets it.
            remover: ``package.module:function``; see :mod:`groundwork.base.removal`.
            data: What else the remover needs to know, as JSON holds it.
        """
        whole = {"remover": remover, **data}
        self._things[kind, name] = Thing(kind, name, self.resource, self.run_id, whole)
        self._record("intent", kind, name, **whole)

    def identify(self, kind: str, name: str, **data: Any) -> None:
        """Write down what tells the thing that was made from all others; its remover gets it."""
        known = self._things[kind, name]
        self._things[kind, name] = replace(known, data=known.data | data)
        self._record("identity", kind, name, **data)

    def undone(self, kind: str, name: str) -> None:
        """Tell that a thing isn't there any more, by somebody else than its remover."""
        if self._things.pop((kind, name), None) is not None:
            self._record("removed", kind, name)

    def died(self, process: str, code: int) -> None:
        """Tell that a part of the resource has ended unasked."""
        self._site.on_exit(self.resource, process, code)

    def died_of(self, resource: str, process: str, code: int) -> None:
        """Tell that a part of another resource, which lives in this one, has ended unasked."""
        self._site.on_exit(resource, process, code)

    # --- processes

    def spawn(
        self,
        argv: Sequence[str | Path],
        *,
        name: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Identity:
        """Start a process that lives as long as the resource; by default it has the same name."""
        command = Command(tuple(map(str, argv)), dict(env or {}), cwd or self.workdir)
        name = name or self.resource
        self._commands[name] = command
        return self._start(name, command)

    def _start(self, name: str, command: Command) -> Identity:
        with self._starting:
            if self.cancel.is_set():
                raise CancelledError(f"{self.resource} is being stopped")
            token = f"{self._site.token}:{self.resource}:{name}"
            self._record("intent", "process", name, token=token)
            child = process.spawn(
                command.argv,
                env=process.plain_environment(command.env | {process.TOKEN: token}),
                cwd=command.cwd,
                log=self.log_dir / f"{name}.log",
            )
            self._children[name] = child
            self._record("identity", "process", name, **child.identity.as_record())
        threading.Thread(target=self._watch, args=(name, child), daemon=True).start()
        return child.identity

    def _watch(self, name: str, child: Child) -> None:
        """Wait for a process's end: no zombies, and no death goes unseen."""
        code = child.wait()
        if child.pid not in self._expected:
            self._site.on_exit(self.resource, name, code)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        lifeline_s: float = 0.0,
    ) -> str:
        """Run a short command that is part of a creation; its output.

        With ``lifeline_s`` (see :func:`groundwork.base.process.run`) it doesn't carry the run's
        token: it may start what isn't of this run alone, and must not be ended with the run.
        """
        own = dict(env or {})
        if not lifeline_s:
            own[process.TOKEN] = f"{self._site.token}:{self.resource}:command"
        completed = process.run(
            argv,
            timeout_s=timeout_s,
            env=process.plain_environment(own),
            cwd=self.workdir,
            cancel=self.cancel,
            lifeline_s=lifeline_s,
        )
        return completed.output

    def check_alive(self) -> None:
        """Raise TerminalStateError where a process of the resource has ended unasked."""
        for name, child in self._children.items():
            if child.pid not in self._expected and not child.identity.alive():
                raise TerminalStateError(f"process {name} ended with exit code {child.wait()}")

    def identities(self) -> tuple[Identity, ...]:
        """The processes of the resource that run now."""
        return tuple(c.identity for c in self._children.values() if c.exit_code() is None)

    def processes(self) -> tuple[str, ...]:
        """The names of the processes that were started, whether they run now or not."""
        return tuple(self._commands)

    def states(self) -> dict[str, str]:
        """What the kernel tells of each process: running, sleeping, stopped, or that it is gone."""
        return {name: state_of(child) for name, child in self._children.items()}

    # --- faults; the keeper has recorded them before it calls

    def kill(self, name: str = "") -> None:
        """SIGKILL a process (all of them, unnamed) and don't take it for an accident."""
        for each in self._chosen(name):
            child = self._children[each]
            self._expected.add(child.pid)
            child.kill()
            self._record("removed", "process", each)

    def terminate(self, name: str = "") -> None:
        """SIGTERM to a process, or all of them; returns when they have ended.

        Raises:
            ProcessFailedError: One of them didn't, and was killed: that is no clean end.
        """
        names = [each for each in self._chosen(name) if self._children[each].exit_code() is None]
        self._expected.update(self._children[each].pid for each in names)
        late = self._end(names, END_TIMEOUT_S)
        for each in names:
            if self._children[each].exit_code() is not None:
                self._record("removed", "process", each)
        if late:
            raise ProcessFailedError(
                f"{', '.join(late)} didn't end within {END_TIMEOUT_S:g} s of SIGTERM; killed"
            )

    def revive(self, name: str = "") -> None:
        """Start again, in the same way, what isn't running."""
        for each in [name] if name else list(self._commands):
            child = self._children.get(each)
            if child is None or child.exit_code() is not None:
                self._start(each, self._commands[each])

    def pause(self, name: str = "") -> None:
        """SIGSTOP a process, or all of them; returns when they have stopped.

        Until one of its threads was woken by the signal the others go on: on a busy machine they
        were seen to answer requests.
        """
        self._signal(signal.SIGSTOP, name)
        wait_for(
            lambda: self._expect_stopped(name),
            deadline=Deadline.after(STOP_TIMEOUT_S),
            what=f"{name or self.resource} to stop",
        )

    def _chosen(self, name: str) -> list[str]:
        """A process, or all of them, unnamed."""
        return [name] if name else list(self._children)

    def _expect_stopped(self, name: str) -> None:
        for each in self._chosen(name):
            state = state_of(self._children[each])
            if not state.startswith(("stopped", "gone")):
                raise NotYetError(f"{each} is {state}")

    def resume(self, name: str = "") -> None:
        """SIGCONT a process, or all of them."""
        self._signal(signal.SIGCONT, name)

    def exhaust(self, name: str = "", *, spare: int) -> None:
        """Let a process, or each of them, open so many more descriptors than it has open."""
        for each in self._chosen(name):
            identity = self._children[each].identity
            before = descriptors.allowed(identity)
            if before is not None:
                self._allowed.setdefault(identity, before)  # once more: it had more at first
                descriptors.leave(identity, spare)

    def replenish(self, name: str = "") -> None:
        """Let a process, or each of them, have as many descriptors as before; another is let be."""
        for each in self._chosen(name):
            identity = self._children[each].identity
            if identity in self._allowed:
                descriptors.allow(identity, self._allowed[identity])
                del self._allowed[identity]

    def hang_up(self, name: str = "") -> None:
        """SIGHUP a process, or all of them: most servers read their configuration again then."""
        self._signal(signal.SIGHUP, name)

    def _signal(self, number: signal.Signals, name: str) -> None:
        for each in self._chosen(name):
            self._children[each].signal(number)

    # --- the end

    def log_files(self) -> tuple[Path, ...]:
        """The log files of the resource's processes, and of its pods once they were fetched."""
        files = [self.log_dir / f"{name}.log" for name in self._commands]
        files += (self.log_dir / self.resource).glob("*.log")
        return tuple(file for file in files if file.exists())

    def logs(self, lines: int = 20) -> str:
        """The last complaint and the last log lines of every process, under its name."""
        parts = []
        for name in self._commands:
            log = self.log_dir / f"{name}.log"
            text, complaint = process.tail_of(log, lines), complaint_of(log)
            parts += [f"{COMPLAINT}{complaint}"] if complaint else []
            parts.append(f"--- last log lines of {name}\n{text}" if text else f"--- {name}: no log")
        return "\n".join(parts)

    def stop(self, grace_s: float) -> None:
        """End all processes, the last started first, together where there are several.

        None starts any more: whoever is starting one is waited for, and whoever comes later gets a
        CancelledError.

        Raises:
            ProcessFailedError: Some process can't be ended; the others have been.
        """
        self.cancel.set()
        with self._starting:
            self._expected.update(child.pid for child in self._children.values())
        names = list(reversed(self._children))
        self._end(names, grace_s)
        left = []
        for name in names:
            if self._children[name].exit_code() is None:
                left.append(name)
            else:
                self._record("removed", "process", name)
        strays = process.find_by_token(f"{self._site.token}:{self.resource}:")
        process.end(strays, grace_s=0)
        if left:
            raise ProcessFailedError(f"can't end {', '.join(left)}")

    def _end(self, names: Sequence[str], grace_s: float) -> list[str]:
        """End processes together: SIGTERM, and SIGKILL to those that are late; who was late."""
        willing = set()

        def end(name: str) -> None:
            if self._children[name].stop(grace_s):
                willing.add(name)

        threads = [threading.Thread(target=end, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [name for name in names if name not in willing]

    def collect(self, target: Path | None) -> None:
        """Copy its logs to a run's output, into a folder of its own."""
        logs = self.log_files()
        if target is not None and logs:
            folder = target / self.resource
            folder.mkdir(parents=True, exist_ok=True)
            for log in sorted(logs):
                shutil.copy2(log, folder / log.name)

    def clean(self) -> None:
        """Remove what the resource has made and written, newest first, past errors.

        Raises:
            ProvisionError: Some of it is there still.
        """
        errors = []
        for thing, step in removals(self._things.values(), self._site.root):
            failed = attempt([step])
            errors += failed
            if not failed:
                self.undone(thing.kind, thing.name)
        if errors:
            raise ProvisionError(self.resource, "; ".join(errors))

    def _record(self, step: str, kind: str, name: str, **data: Any) -> None:
        self._site.ledger.append(
            Record(step, kind, name, resource=self.resource, run=self.run_id, data=data)
        )


def state_of(child: Child) -> str:
    """What the kernel tells of a process: with its number, and how many descriptors it may have."""
    if child.exit_code() is not None:
        return f"gone ({child.exit_code()})"
    try:
        status = psutil.Process(child.pid).status()
    except psutil.Error:
        return "gone"
    limit = descriptors.allowed(child.identity)
    more = "" if limit is None else f", {limit} descriptors at most"
    return f"{status} (pid {child.pid}{more})"
