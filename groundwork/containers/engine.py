"""Docker or Podman, through its command line: what a run asks of it, and what it has it make."""

from __future__ import annotations

import json
import re
import textwrap
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from groundwork.base import process
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.process import ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.containers.freezer import thaw
from groundwork.containers.host import examine_host
from groundwork.containers.netavark import forget_chain

__all__ = ["ANSWER_TIMEOUT_S", "LABEL", "Engine", "reason_of"]

# An engine answers at once, or its daemon hangs.
ANSWER_TIMEOUT_S = 20.0
# Removing three nodes took 15 s on two busy cores.
REMOVE_TIMEOUT_S = 60.0
# A node has a hundred processes to bury.
KILL_TIMEOUT_S = 20.0
# A person waits for the answer before anything starts.
OFFER_TIMEOUT_S = 3.0
# As much of an engine's own words as fits into a line of ours.
LINE_WIDTH = 80
LOAD_TIMEOUT_S = 600.0

LABEL = "dev.groundwork.environment"

# How Docker and Podman say that something isn't there.
GONE = re.compile(r"no such|not found|unable to find", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True)
class Engine:
    """Docker or Podman, through its command line.

    Attributes:
        name: ``docker`` or ``podman``.
        program: Its command.
        version: The version it told.
        why: Why this one was chosen, for the run's table.
        settings: Environment variables that it needs here.
    """

    name: str
    program: Path
    version: str
    why: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The engine's name and version, for people."""
        return f"{self.name.capitalize()} {self.version}"

    def environment(self) -> dict[str, str]:
        """The environment of the engine's command, and of kind, which calls it."""
        return process.plain_environment(self.settings)

    def run(
        self,
        *args: str | Path,
        timeout_s: float = ANSWER_TIMEOUT_S,
        check: bool = True,
        cancel: threading.Event | None = None,
    ) -> str:
        """Run one command of the engine; its output.

        Raises:
            ProcessFailedError: It failed, or took too long.
        """
        return process.run(
            [self.program, *args],
            timeout_s=timeout_s,
            env=self.environment(),
            check=check,
            cancel=cancel,
        ).output.strip()

    def listed(self, *args: str) -> list[str]:
        """The lines of a command that lists something; see :meth:`look`."""
        return self.look(lambda: self.run(*args).splitlines())

    def look(self, read: Callable[[], T]) -> T:
        """Read what there is, again where something has gone while it was read.

        An engine lists names first and looks each of them up afterwards; whatever somebody else
        removes in between is an error to it.

        Raises:
            ProcessFailedError: The engine can't tell.
        """

        def attempt() -> T:
            try:
                return read()
            except ProcessFailedError as error:
                if GONE.search(str(error)) is None:
                    raise
                raise NotYetError(str(error).partition("\n")[0]) from error

        try:
            return wait_for(
                attempt, deadline=Deadline.after(ANSWER_TIMEOUT_S), what=f"{self.title} to answer"
            )
        except WaitTimeoutError as error:
            raise ProcessFailedError(str(error)) from error

    # --- images

    def image_id(self, reference: str) -> str:
        """The id of an image, empty where there is none."""
        shown = process.run(
            [self.program, "image", "inspect", "--format", "{{.Id}}", reference],
            timeout_s=ANSWER_TIMEOUT_S,
            env=self.environment(),
            check=False,
        )
        return shown.output.strip().removeprefix("sha256:") if shown.returncode == 0 else ""

    def refusal_of(self, reference: str) -> str:
        """Why an image can't be pulled; empty where its registry offers it, in a few seconds."""
        try:
            self.run("manifest", "inspect", reference, timeout_s=OFFER_TIMEOUT_S)
        except ProcessFailedError as error:
            said = str(error).partition("\n")[0].partition("Error: ")[2]
            return textwrap.shorten(said, LINE_WIDTH, placeholder=" ...") or "no answer in time"
        return ""

    def load(self, archive: Path, cancel: threading.Event | None = None) -> None:
        """Load an image from an archive."""
        self.run("load", "--quiet", "--input", archive, timeout_s=LOAD_TIMEOUT_S, cancel=cancel)

    def build(
        self,
        tag: str,
        context: Path,
        archive: Path,
        cancel: threading.Event | None = None,
    ) -> None:
        """Build an image from a folder with a Dockerfile, and save it as an archive."""
        for argv in (
            ("build", "--quiet", "--tag", tag, str(context)),
            ("save", "--output", str(archive), tag),
        ):
            self.run(*argv, timeout_s=LOAD_TIMEOUT_S, cancel=cancel)

    # --- what a run makes

    def labelled(self, label: str) -> list[str]:
        """The names of all containers with a label."""
        return self.listed("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}")

    def volumes_of(self, prefix: str) -> list[str]:
        """The names of all volumes that have a label whose name begins so."""

        def inspect() -> str:
            names = self.volumes()
            return self.run("volume", "inspect", *names) if names else "[]"

        return [
            each["Name"]
            for each in json.loads(self.look(inspect))
            if any(label.startswith(prefix) for label in each.get("Labels") or {})
        ]

    def volumes(self) -> list[str]:
        """The names of all volumes."""
        return self.listed("volume", "ls", "--format", "{{.Name}}")

    def networks(self) -> list[str]:
        """The names of all networks."""
        return self.listed("network", "ls", "--format", "{{.Name}}")

    def make_network(self, name: str, token: str) -> None:
        """Make a bridge network of the run's own; the command carries the run's token.

        No other command does: a container's supervisor and the engine's name server would inherit
        it, and the latter serves other people's networks too.
        """
        process.run(
            [self.program, "network", "create", "--label", f"{LABEL}={token}", name],
            timeout_s=ANSWER_TIMEOUT_S,
            env=self.environment() | {process.TOKEN: f"{token}:network"},
        )

    def remove_containers(self, names: Sequence[str]) -> None:
        """Kill containers and remove them with their anonymous volumes; what is gone is gone."""
        there = self.listed("ps", "--all", "--format", "{{.Names}}")
        left = [name for name in names if name in there]
        if left:
            for name in set(left) & set(self.paused()):
                self.unpause(name)  # what stands still doesn't die of a kill
            if examine_host().cgroup_v1:
                self._kill(left)
            now = ["--time", "0"] if self.name == "podman" else []
            self.run("rm", "--force", "--volumes", *now, *left, timeout_s=REMOVE_TIMEOUT_S)

    def pause(self, name: str) -> None:
        """Have a container stand still, with all that is in it."""
        if name not in self.paused():
            self.run("pause", name)

    def unpause(self, name: str) -> None:
        """Let a container go on; one that does isn't touched."""
        if name in self.paused():
            self.run("unpause", name)

    def paused(self) -> list[str]:
        """The names of all containers that stand still."""
        return self.listed("ps", "--filter", "status=paused", "--format", "{{.Names}}")

    def _kill(self, names: Sequence[str]) -> None:
        """Kill containers, and see to it that they end where some of their processes are frozen."""
        self.run("kill", *names, check=False)  # what doesn't run can't be killed
        shown = self.run("inspect", "--format", "{{.Id}} {{.State.Pid}}", *names)
        pids = {words[0]: int(words[1]) for words in map(str.split, shown.splitlines())}

        def look() -> None:
            thaw(pids)
            alive = [pid for pid in pids.values() if pid and psutil.pid_exists(pid)]
            if alive:
                raise NotYetError(f"first processes that live: {alive}")

        wait_for(look, deadline=Deadline.after(KILL_TIMEOUT_S), what="killed containers to end")

    def remove_volumes(self, names: Sequence[str]) -> None:
        """Remove volumes."""
        if names:
            self.run("volume", "rm", *names, timeout_s=REMOVE_TIMEOUT_S)

    def remove_network(self, name: str) -> None:
        """Remove a network that nothing uses any more; it may be gone already."""
        if name in self.networks():
            self.run("network", "rm", name, timeout_s=REMOVE_TIMEOUT_S)
        if self.name == "podman":
            forget_chain(name)

    def stopped(self, label: str) -> tuple[str, ...]:
        """The names of the containers with a label that neither run nor are paused."""

        def inspect() -> str:
            names = self.labelled(label)
            form = "{{.Name}} {{.State.Status}}"
            return self.run("inspect", "--format", form, *names) if names else ""

        pairs = (line.removeprefix("/").split() for line in self.look(inspect).splitlines())
        return tuple(name for name, state in pairs if state not in {"running", "paused"})

    def tails(self, label: str) -> str:
        """The last lines that each container with a label has printed."""
        return "\n".join(
            f"--- last log lines of {name}\n{self.run('logs', '--tail', '10', name, check=False)}"
            for name in self.labelled(label)
        )


def reason_of(error: Exception) -> str:
    """The last line of an error, which names the cause."""
    return str(error).strip().splitlines()[-1][:200]
