"""The scratch project of the selftests: its environment is tiny real processes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from fixtures.paths import ROOT
from groundwork.base import ledger, process
from groundwork.base.errors import NotYetError
from groundwork.base.ledger import Ledger
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.stage import Site, Stage

__all__ = ["RUN_TIMEOUT_S", "SCRATCH", "Pond", "site_of", "stage_of"]

SCRATCH = ROOT / "suites" / "selftest" / "scratch"

# Many times what such a run takes; a machine under load must not fail the test.
RUN_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Pond:
    """A copy of the scratch project with state and cache folders of its own."""

    root: Path

    @property
    def state_dir(self) -> Path:
        """Where its ledgers lie."""
        return self.root / "state"

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of a run of the project."""
        own = {
            "GROUNDWORK_STATE_DIR": str(self.state_dir),
            "GROUNDWORK_CACHE_DIR": str(self.root / "cache"),
            "TMPDIR": str(self.root / "tmp"),
            "POND": str(self.root),
        }
        return process.plain_environment(own | dict(extra))

    def command(self, *args: str) -> list[str]:
        """The command line of a pytest run of the project."""
        return [sys.executable, "-m", "pytest", "check_pond.py", *args]

    def call(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> process.Completed:
        """Run any command to its end, in the project's folder unless told otherwise."""
        return process.run(
            argv,
            timeout_s=RUN_TIMEOUT_S,
            cwd=cwd or self.root,
            env=self.environment(env or {}),
            check=False,
        )

    def pytest(self, *args: str, env: Mapping[str, str] | None = None) -> process.Completed:
        """Run the project's tests to their end."""
        return self.call(self.command(*args), env)

    def groundwork(self, *args: str, env: Mapping[str, str] | None = None) -> process.Completed:
        """Run a command of the engine."""
        return self.call([sys.executable, "-m", "groundwork", *args], env)

    def steps(self, resource: str) -> dict[str, int]:
        """How often the last run launched a resource, saw it ready, and stopped it.

        Counted from the ledger, of which a run that ends keeps a copy.
        """
        run = (self.root / "reports/out/latest").resolve()
        steps = [
            record.step
            for record in ledger.read(run)
            if (record.kind, record.name, record.run) == ("resource", resource, run.name)
        ]
        return {step: steps.count(step) for step in dict.fromkeys(steps)}

    def processes(self) -> list[psutil.Process]:
        """What runs of the project by itself: its folder is named by the environment variables.

        Those of a server, too, and of what it has started: its temporary folder is passed on.
        """
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # it has just gone, or isn't ours
                if any(str(self.root) in value for value in each.environ().values()):
                    found.append(each)
        return found

    def leftovers(self) -> list[str]:
        """What is left of any run: processes, temporary folders, ledgers."""
        found = [
            f"process {each.pid}: {' '.join(command_of(each))[:100]}" for each in self.processes()
        ]
        # pytest's own folder of numbered bases, made by its workers, is meant to stay.
        temporary = (self.root / "tmp").iterdir()
        found.extend(str(path) for path in temporary if not path.name.startswith("pytest-of-"))
        found.extend(str(path) for path in ledger.environments(self.state_dir))
        return found

    def await_test(self) -> None:
        """Wait until the test that waits (``POND_PLAN=wait``) has begun."""

        def begun() -> None:
            if not (self.root / "waiting").exists():
                raise NotYetError("not begun")

        wait_for(begun, deadline=Deadline.after(RUN_TIMEOUT_S), what="the test that waits")

    def await_nothing_left(self, timeout_s: float) -> None:
        """Wait until no trace of any run is left."""

        def look() -> None:
            left = self.leftovers()
            if left:
                raise NotYetError("; ".join(left))

        wait_for(look, deadline=Deadline.after(timeout_s), what="nothing to be left")


def site_of(book: Ledger) -> Site:
    """What all resources have in common of an environment that has no keeper."""
    return Site(
        token=f"{book.folder.name}-{book.folder.parent.name}",
        root=ROOT,
        folder=book.folder,
        ledger=book,
        artifacts={},
        step=lambda *_: None,
        on_exit=lambda *_: None,
    )


def stage_of(book: Ledger, resource: str) -> Stage:
    """The stage of a resource of such an environment."""
    return Stage(site_of(book), resource, "run", {})


def command_of(each: psutil.Process) -> list[str]:
    """The command line of a process, empty when it has just gone."""
    try:
        return each.cmdline()
    except psutil.Error:
        return []
