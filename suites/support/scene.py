"""Runs of this project as a user starts them, in folders of their own, and what they leave."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.containers.finding import find_engine
from groundwork.keep.sweep import sweep
from groundwork.use.inventory import Inventory, Scope, take

__all__ = ["Scene", "options_of", "scene_of"]

MARK = "GROUNDWORK_SCENE"

# A kubeconfig that is the user's: runs have no business with it.
KUBECONFIG = "apiVersion: v1\nkind: Config\ncurrent-context: mine\ncontexts: []\n"


@dataclass
class Scene:
    """Folders that some runs have to themselves, and the runs.

    Attributes:
        base: The folder of the folders.
        options: What every run is given, such as ``--env kind``.
        scope: Where to look for what is left.
    """

    SMOKE: ClassVar = ("suites/smoke", "-p", "no:cacheprovider")

    base: Path
    options: tuple[str, ...]
    scope: Scope
    runs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """The environment variables of a run."""
        name, _, value = self.scope.mark.partition("=")
        return os.environ | {
            name: value,
            "GROUNDWORK_STATE_DIR": str(self.scope.state_dir),
            "GROUNDWORK_OUT_DIR": str(self.base / "out"),
            "KUBECONFIG": str(self.base / "kubeconfig"),
            "TMPDIR": str(self.scope.tmp_dir),
        }

    def start(self, module: str, *args: str) -> subprocess.Popen[bytes]:
        """Begin `python -m MODULE ARGS`, with the scene's options."""
        with (self.base / "run.log").open("wb") as log:
            run = subprocess.Popen(  # noqa: S603 - the run must be this process's own child
                [sys.executable, "-m", module, *args, *self.options],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.runs.append(run)
        return run

    def smoke(self, *args: str) -> subprocess.Popen[bytes]:
        """Begin a run of the smoke suite."""
        return self.start("pytest", *self.SMOKE, *args)

    def call(self, module: str, *args: str, timeout_s: float) -> str:
        """Run `python -m MODULE ARGS` to its end; what it printed. It must succeed."""
        run = self.start(module, *args)
        code = run.wait(timeout_s)
        assert code == 0, self.log()
        return self.text()

    def kill(self) -> None:
        """Kill the latest run with all of its group, to which no environment belongs."""
        run = self.runs[-1]
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()

    def text(self) -> str:
        """All that the latest run has printed."""
        return (self.base / "run.log").read_text()

    def log(self) -> str:
        """The last lines that the latest run printed."""
        return process.tail_of(self.base / "run.log", 30)

    def inventory(self) -> Inventory:
        """What there is now."""
        return take(self.scope)

    def await_nothing_left(self, before: Inventory, timeout_s: float) -> None:
        """Wait until there is nothing that was not there before, and all that was."""

        def look() -> None:
            left = self.inventory().difference(before)
            if left:
                raise NotYetError("; ".join(left))

        wait_for(
            look,
            deadline=Deadline.after(timeout_s),
            what="nothing to be left",
            describe=self.log,
        )


@contextmanager
def scene_of(options: tuple[str, ...], *, engine: bool) -> Iterator[Scene]:
    """A scene in short paths, for the sockets in them; what failed tests leave is removed."""
    base = Path(tempfile.mkdtemp(prefix="gw-scene-"))
    (base / "tmp").mkdir()
    own = base / "kubeconfig"
    own.write_text(KUBECONFIG)
    scope = Scope(
        f"{MARK}={base.name}",
        base / "state",
        base / "tmp",
        find_engine() if engine else None,
        (own, Path.home() / ".kube" / "config"),
    )
    made = Scene(base, options, scope)
    try:
        yield made
    finally:
        for run in made.runs:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()
        for name, errors in sweep(scope.state_dir):
            print(name, errors)  # noqa: T201 - part of the failure's story
        shutil.rmtree(base)


def options_of(config: pytest.Config) -> tuple[str, ...]:
    """The options that this run was given, for the runs that it starts."""
    found: list[str] = []
    for option in FoundationSettings.options():
        value = config.getoption(f"groundwork_{option.field}")
        if option.kind == "value" and value is not None:
            found += [option.flag, str(value)]
    return tuple(found)
