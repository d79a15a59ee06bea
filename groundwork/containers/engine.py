"""The container engine: Docker if it can run a privileged container, else Podman.

The only module that calls one. What the host lacks is detected, never assumed: an ordinary laptop
needs none of the concessions that a confined machine does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import resource
import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from groundwork.artifacts import Artifact, Cache, Report, Resolved, default_cache_dir
from groundwork.base import process
from groundwork.base.errors import NotYetError, UsageError, WaitTimeoutError
from groundwork.base.process import ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.containers.freezer import thaw
from groundwork.containers.netavark import forget_chain

__all__ = ["Engine", "EngineArtifact", "Host", "examine_host", "find_engine"]

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

# What Podman gives a container unless told otherwise, whether or not it may.
DEFAULT_NOFILE = 1_048_576

# Podman lowers its own limit of processes before it starts a container: who may not raise limits
# was given 32,768 and refused 65,536. A node was never seen to use 1,000.
CONFINED_NPROC = 4096

CAP_SYS_RESOURCE = 24  # linux/capability.h

LABEL = "dev.groundwork.environment"

# How Docker and Podman say that something isn't there.
GONE = re.compile(r"no such|not found|unable to find", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True)
class Host:
    """What of the host a cluster must make concessions for.

    Attributes:
        cgroup_v1: Kubernetes refuses to run on the old control groups unless it is told to, and
            not every runtime knows them.
        confined: Not even root may raise limits (no CAP_SYS_RESOURCE), so nothing may ask for it.
        nofile: The hard limit of open files.
        nproc: The hard limit of processes.
    """

    cgroup_v1: bool
    confined: bool
    nofile: int
    nproc: int


@functools.cache
def examine_host() -> Host:
    """Look at this machine; elsewhere than on Linux containers run in a machine of their own."""
    if sys.platform != "linux":
        return Host(cgroup_v1=False, confined=False, nofile=DEFAULT_NOFILE, nproc=DEFAULT_NOFILE)
    capabilities = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            capabilities = int(line.split()[1], 16)
    nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    nproc = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return Host(
        cgroup_v1=not Path("/sys/fs/cgroup/cgroup.controllers").exists(),
        confined=not capabilities >> CAP_SYS_RESOURCE & 1,
        nofile=DEFAULT_NOFILE if nofile == resource.RLIM_INFINITY else nofile,
        nproc=DEFAULT_NOFILE if nproc == resource.RLIM_INFINITY else nproc,
    )


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
        """Name and version, for people."""
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
            if examine_host().cgroup_v1:
                self._kill(left)
            now = ["--time", "0"] if self.name == "podman" else []
            self.run("rm", "--force", "--volumes", *now, *left, timeout_s=REMOVE_TIMEOUT_S)

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


@dataclass(frozen=True)
class EngineArtifact:
    """The engine as an artifact: found before anything starts, so that its lack is told first."""

    name: str = "engine"

    def key(self) -> str:
        """There is nothing to choose."""
        return ""

    def resolve(
        self, cache: Cache, report: Report, cancel: threading.Event | None = None
    ) -> Resolved:
        """Find the engine.

        Raises:
            UsageError: There is none that can be used; says what to do.
        """
        del cache, report, cancel
        engine = find_engine()
        return Resolved(self.name, engine.title, engine.why, engine.program.parent, cached=True)


FINDING = threading.Lock()
ENGINE: Artifact = EngineArtifact()


def find_engine() -> Engine:
    """Docker if it can run a privileged container, else Podman.

    Raises:
        UsageError: Neither can be used; says why not, each, and what to do.
    """
    with FINDING:
        return _find_engine(default_cache_dir())


@functools.cache
def _find_engine(cache_root: Path) -> Engine:
    reasons = []
    for name, look in (("docker", look_at_docker), ("podman", look_at_podman)):
        program = shutil.which(name)
        if program is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            found = look(Path(program), cache_root)
        except (ProcessFailedError, ValueError) as error:
            reasons.append(f"{name} can't be used ({reason_of(error)})")
            continue
        why = "; ".join(reasons) or "the first choice"
        return Engine(name, Path(program), found.version, why, found.settings)
    raise UsageError(
        f"no container engine: {'; '.join(reasons)}; start Docker or install Podman (as root on "
        "Debian or Ubuntu: `groundwork engine`)"
    )


@dataclass(frozen=True)
class Found:
    """What looking at an engine has shown."""

    version: str
    settings: Mapping[str, str] = field(default_factory=dict)


def look_at_docker(program: Path, cache_root: Path) -> Found:
    """Docker serves: its daemon answers and runs privileged containers.

    Whether it may can't be seen but by trying, which needs an image; a daemon that runs where root
    lacks a capability fails every time, so that is what is looked for.

    Raises:
        ProcessFailedError: It doesn't answer.
        ValueError: It answers, but can't run such containers.
    """
    del cache_root
    shown = process.run(
        [program, "info", "--format", "{{json .}}"],
        timeout_s=ANSWER_TIMEOUT_S,
        env=process.plain_environment(docker_settings()),
    ).output
    info = json.loads(shown[shown.index("{") :])
    if info.get("ServerErrors"):
        raise ValueError(info["ServerErrors"][0])
    if sys.platform == "linux" and examine_host().confined:
        raise ValueError("its privileged containers need a capability that this machine lacks")
    return Found(info["ServerVersion"], docker_settings())


def docker_settings() -> dict[str, str]:
    """Where the user has told Docker's command to look."""
    names = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR")
    return {name: os.environ[name] for name in names if name in os.environ}


def look_at_podman(program: Path, cache_root: Path) -> Found:
    """Podman serves: it answers, and what kind mounts is there.

    Raises:
        ProcessFailedError: It doesn't answer.
        ValueError: Something that it needs is missing.
    """
    host = examine_host()
    if os.geteuid() != 0 and (host.cgroup_v1 or host.confined):  # asked, it would make folders
        raise ValueError("without root it can't run nodes on this machine")
    settings = {"KIND_EXPERIMENTAL_PROVIDER": "podman"} | docker_settings()
    settings |= podman_settings(cache_root)
    shown = process.run(
        [program, "version", "--format", "{{.Client.Version}}"],
        timeout_s=ANSWER_TIMEOUT_S,
        env=process.plain_environment(settings),
    ).output
    version = shown.split()[-1]
    process.run(
        [program, "ps", "--quiet"],
        timeout_s=ANSWER_TIMEOUT_S,
        env=process.plain_environment(settings),
    )
    if sys.platform == "linux" and not Path("/lib/modules").is_dir():
        raise ValueError("/lib/modules is missing, which kind mounts: call `groundwork engine`")
    return Found(version, settings)


def podman_settings(cache_root: Path) -> dict[str, str]:
    """A configuration of our own for a machine where Podman's defaults don't work.

    Its default limits may be above those of the machine; crun refuses control groups of which some
    are of the old kind, runc takes them.
    """
    host = examine_host()
    lines = []
    if host.confined:
        nofile, nproc = min(host.nofile, DEFAULT_NOFILE), min(host.nproc, CONFINED_NPROC)
        limits = f'["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]'
        lines += ["[containers]", f"default_ulimits = {limits}"]
    if host.cgroup_v1 and shutil.which("runc") is not None:
        lines += ["[engine]", 'runtime = "runc"']
    if not lines:
        return {}
    text = "".join(f"{line}\n" for line in lines)
    name = hashlib.sha256(text.encode()).hexdigest()[:12]
    file = cache_root / "engine" / f"containers-{name}.conf"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.replace(file)
    return {"CONTAINERS_CONF": str(file)}


def reason_of(error: Exception) -> str:
    """The last line of an error, which names the cause."""
    return str(error).strip().splitlines()[-1][:200]
