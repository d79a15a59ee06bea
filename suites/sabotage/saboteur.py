"""The saboteur: a copy of the project, the environment that it keeps, and what runs there say."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import ExitCode, NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import ClientHello
from groundwork.keep.sweep import sweep
from groundwork.use.client import Client
from groundwork.use.kept import kept_environments
from suites.sabotage.injection import Edit, Injection
from suites.sabotage.living import Living
from suites.support.copies import copy_project

__all__ = ["SUITES", "Saboteur", "Said", "sabotaged"]

# Several times what a run takes that meets a server in pieces, on a busy machine.
RUN_TIMEOUT_S = 240.0

# A keeper whose ledger is gone sees it within seconds, and ends what it owns.
END_TIMEOUT_S = 40.0

# What is looked at: what needs no servers, first of all; on a cluster its objects, for the rest is
# the same everywhere.
WITHOUT_SERVERS = ("suites/smoke/test_declared.py", "suites/smoke/test_manifests.py")
ON_SERVERS = tuple(
    sorted(
        str(file.relative_to(ROOT))
        for file in (ROOT / "suites" / "smoke").glob("test_*.py")
        if str(file.relative_to(ROOT)) not in WITHOUT_SERVERS
    )
)
SUITES = {
    "local": ON_SERVERS,
    "kind": (
        "suites/connectivity/test_objects.py",
        "suites/connectivity/test_accounts.py",
        *ON_SERVERS,
    ),
}

# The lines of a run's output that somebody reads who wants to know what is wrong.
TOLD = re.compile(r"^(E  .*|FAILED .*|ERROR .*|groundwork: .*|.*: error: .*)$", re.MULTILINE)
PROGRESS = re.compile(r"^groundwork: .*( ready after |adopted|environment |fetch).*$")


@dataclass(frozen=True)
class Said:
    """What a run came to.

    Attributes:
        code: Its exit code.
        failed: The tests that failed.
        text: What it said of its failures.
        output: All that it printed.
    """

    code: int
    failed: tuple[str, ...]
    text: str
    output: str

    @property
    def green(self) -> bool:
        """Whether nobody would have noticed anything."""
        return self.code == ExitCode.OK


@dataclass
class Saboteur:
    """A copy of the project, and the environment that it keeps.

    Attributes:
        begun: The names of all environments that it has kept.
    """

    base: Path
    platform: str
    begun: list[str] = field(default_factory=list)
    _living: Living | None = None

    @property
    def root(self) -> Path:
        """The copy."""
        return self.base / "project"

    def call(self, *words: str, timeout_s: float = RUN_TIMEOUT_S) -> process.Completed:
        """A module's command in the copy."""
        own = {
            "GROUNDWORK_ENV": self.platform,
            "GROUNDWORK_STATE_DIR": str(self.base / "state"),
            "GROUNDWORK_OUT_DIR": str(self.base / "out"),
            "TMPDIR": str(self.base / "tmp"),
            "COLUMNS": "400",
        }
        return process.run(
            [sys.executable, "-m", *words],
            timeout_s=timeout_s,
            cwd=self.root,
            env=os.environ | own,
            check=False,
        )

    def living(self) -> Living:
        """The kept environment; begun where there is none."""
        if self._living is None:
            begun = self.call("groundwork", "up")
            assert begun.returncode == ExitCode.OK, begun.output
            (kept,) = kept_environments(self.base / "state")
            client = Client(kept.socket, ClientHello())
            self._living = Living(client.status(), kept.socket)
            self.begun.append(kept.folder.name)
            client.close()
        return self._living

    def end(self) -> None:
        """End the kept environment, if there is one."""
        self._living = None
        self.call("groundwork", "down")

    def run(self, *tests: str) -> Said:
        """What a run says, up to its first failure."""
        done = self.call("pytest", *tests, "-x", "--tb=short", "-q", "-p", "no:cacheprovider")
        lines = [line for line in TOLD.findall(done.output) if not PROGRESS.match(line)]
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.output, re.MULTILINE)
        return Said(done.returncode, tuple(failed), "\n".join(lines), done.output)

    def inject(self, injection: Injection) -> Said:
        """Do it, run the suites, and undo it."""
        if isinstance(injection.act, Edit):
            with injection.act.done(self.root):
                said = self.run(*WITHOUT_SERVERS)
                return said if not said.green else self.run(*ON_SERVERS)
        living = self.living()
        try:
            with injection.act(living):
                said = self.run(*SUITES[self.platform])
        finally:
            if injection.spoils:
                self.end()
        assert "adopted environment" in said.output, said.output
        return said


@contextmanager
def sabotaged(platform: str) -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    base = Path(tempfile.mkdtemp(prefix="gw-sab-"))
    (base / "tmp").mkdir()
    copy_project(base / "project")
    made = Saboteur(base, platform)
    try:
        yield made
    finally:
        made.end()
        errors = [error for _, found in sweep(base / "state") for error in found]
        await_ends(made.begun)
        shutil.rmtree(base)
    assert errors == []


def await_ends(environments: list[str]) -> None:
    """Wait until no process of an environment is left, whatever became of its ledger."""

    def look() -> None:
        left = [each for name in environments for each in process.find_by_token(f"{name}:")]
        if left:
            raise NotYetError(f"{len(left)} processes are")

    wait_for(look, deadline=Deadline.after(END_TIMEOUT_S), what="nothing to be left")
