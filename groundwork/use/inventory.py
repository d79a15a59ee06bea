"""What there is on the machine that a run could leave behind: compared before and after."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from groundwork.base import ledger, ports, process
from groundwork.base.process import TOKEN
from groundwork.containers.engine import Engine

__all__ = ["Inventory", "Scope", "take"]

ANSWER_TIMEOUT_S = 20.0

# Podman mounts its storage upon itself while it uses it, and lets go of it whenever it likes.
STORAGE = "/containers/storage/overlay"

# What a container's engine leaves running with it.
SUPERVISORS = frozenset({"conmon", "aardvark-dns", "containerd-shim-runc-v2", "docker-proxy"})


@dataclass(frozen=True)
class Scope:
    """Where to look.

    Attributes:
        mark: NAME=VALUE in the environment of every run that is looked for.
        state_dir: The state folder of these runs.
        tmp_dir: Their temporary folder, which is theirs alone.
        engine: Whose containers, networks, volumes and images are meant; None for no engine's.
        kubeconfigs: Files that no run may write.
    """

    mark: str
    state_dir: Path
    tmp_dir: Path
    engine: Engine | None = None
    kubeconfigs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """Everything of a run's kind, at one moment: what kind of thing, and which."""

    things: frozenset[tuple[str, str]]

    def beyond(self, before: Inventory) -> list[str]:
        """What is here and was not before, in words."""
        return [f"{kind}: {name}" for kind, name in sorted(self.things - before.things)]

    def difference(self, before: Inventory) -> list[str]:
        """What is here and was not before, and the other way round: somebody else's, perhaps."""
        lost = [f"gone, {kind}: {name}" for kind, name in sorted(before.things - self.things)]
        return self.beyond(before) + lost


def take(scope: Scope) -> Inventory:
    """Look around.

    Raises:
        ProcessFailedError: The engine or the firewall can't be asked.
    """
    found = [*runs(scope), *machine()]
    if scope.engine is not None:
        found += engines(scope.engine)
    for file in scope.kubeconfigs:
        content = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "absent"
        found.append(("kubeconfig", f"{file} {content}"))
    return Inventory(frozenset(found))


def runs(scope: Scope) -> Iterator[tuple[str, str]]:
    """What runs have by themselves: processes, ports, sockets, folders, ledgers."""
    yield from (("process", text) for text in marked(scope.mark))
    for connection in psutil.net_connections("tcp"):
        port = connection.laddr.port if connection.laddr else 0
        if connection.status == "LISTEN" and ports.FIRST <= port <= ports.LAST:
            yield "port", str(port)
    for connection in psutil.net_connections("unix"):
        if "groundwork-" in str(connection.laddr):
            yield "socket", str(connection.laddr)
    for path in Path(tempfile.gettempdir()).glob("groundwork-*"):
        yield "folder", str(path)
    for path in scope.tmp_dir.iterdir():
        if not path.name.startswith("pytest-of-"):  # pytest keeps its numbered folders on purpose
            yield "folder", str(path)
    yield from (("environment", str(path)) for path in ledger.environments(scope.state_dir))


def marked(mark: str) -> Iterator[str]:
    """Processes of marked runs, those with an environment's token, and containers' supervisors."""
    name, _, value = mark.partition("=")
    for each in psutil.process_iter():
        try:
            if each.pid == os.getpid() or each.status() == psutil.STATUS_ZOMBIE:
                continue
            environ = each.environ()
            if environ.get(name) == value or TOKEN in environ or each.name() in SUPERVISORS:
                line = " ".join(each.cmdline())[:120]
                yield f"{each.pid} since {each.create_time():.2f}: {line}"
        except psutil.Error:  # it has just ended, or isn't ours
            continue


def machine() -> Iterator[tuple[str, str]]:
    """On Linux: what containers have of the kernel."""
    if sys.platform != "linux":
        return
    for folder in (Path("/run/netns"), Path("/run/docker/netns")):
        if folder.is_dir():
            yield from (("network namespace", each.name) for each in folder.iterdir())
    yield from (("interface", each.name) for each in Path("/sys/class/net").iterdir())
    yield from (("mount", mount) for mount in mounts())
    if os.geteuid() == 0:  # nobody else may read the rules
        for command in ("iptables-save", "ip6tables-save"):
            program = shutil.which(command)
            if program is not None:
                output = process.run([program], timeout_s=ANSWER_TIMEOUT_S).output
                for line in output.splitlines():
                    if line.startswith(("-A", ":")):
                        yield "firewall rule", f"{command}: {line.partition(' [')[0]}"


def mounts() -> Iterator[str]:
    """What is mounted where, but for the engine's own storage."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        what, where, kind = line.split()[:3]
        if not where.endswith(STORAGE):
            yield f"{what} {where} {kind}"


def engines(engine: Engine) -> Iterator[tuple[str, str]]:
    """The containers, networks, volumes and images that an engine knows."""
    for kind, argv in (
        ("container", ["ps", "--all", "--format", "{{.ID}} {{.Names}}"]),
        ("network", ["network", "ls", "--format", "{{.Name}}"]),
        ("volume", ["volume", "ls", "--format", "{{.Name}}"]),
        ("image", ["images", "--all", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"]),
    ):
        yield from ((kind, line) for line in engine.listed(*argv) if line)
