"""Finding the container engine: Docker if it can run a privileged container, else Podman."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.artifacts import Artifact, Resolved, Workshop, default_cache_dir
from groundwork.base import process
from groundwork.base.errors import UsageError
from groundwork.base.process import ProcessFailedError
from groundwork.containers.engine import ANSWER_TIMEOUT_S, Engine, reason_of
from groundwork.containers.host import DEFAULT_NOFILE, examine_host

__all__ = ["ENGINE", "EngineArtifact", "find_engine"]

# Podman lowers its own limit of processes before it starts a container: who may not raise limits
# was given 32,768 and refused 65,536. A node was never seen to use 1,000.
CONFINED_NPROC = 4096


@dataclass(frozen=True)
class EngineArtifact(Artifact):
    """The engine as an artifact: found before anything starts, so that its lack is told first."""

    name: str = "engine"

    def key(self) -> str:
        """Nothing: which engine there is, is the machine's affair."""
        return ""

    def resolve(self, workshop: Workshop) -> Resolved:
        """Find the engine.

        Raises:
            UsageError: There is none that can be used; says what to do.
        """
        del workshop
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
