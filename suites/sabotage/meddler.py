"""The meddler: somebody who restarts a broker that isn't theirs, while an experiment runs."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import psutil

from groundwork.base import process
from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.timeline import read
from suites.support.exposure import processes_of

__all__ = ["Meddler"]

# Until an experiment has come to its fault: its environment starts first, and its clients.
MOMENT_TIMEOUT_S = 120.0


class Meddler(threading.Thread):
    """Restarts the broker once something is on an experiment's timeline.

    Args:
        base: The folder of the runs' state and output.
        event: What is waited for: ``phase``, ``landed``, ``healed``.
        delay_s: For how long after that.
    """

    def __init__(self, base: Path, event: str, delay_s: float) -> None:
        super().__init__(name="meddler", daemon=True)
        self._base = base
        self._event = event
        self._delay_s = delay_s
        self._over = threading.Event()
        self._child: Child | None = None
        self.done = False

    def run(self) -> None:
        """In a thread."""
        wait_for(
            self._look,
            deadline=Deadline.after(MOMENT_TIMEOUT_S),
            what=f"{self._event} on a timeline",
            cancel=self._over,
        )
        if not self._over.wait(self._delay_s):
            self._restart()

    def _look(self) -> None:
        lines = (self._base / "out").glob("*/experiments/*/timeline.jsonl")
        names = (type(each.event).__name__ for line in lines for each in read(line))
        told = {"phase": "Recorded", "landed": "FaultLanded", "healed": "FaultHealed"}
        if told[self._event] not in names:
            raise NotYetError("it isn't")

    def _restart(self) -> None:
        """Kill the broker, and start it again in the keeper's place, as the keeper had."""
        old = self._broker()
        argv, env, cwd = old.cmdline(), old.environ(), Path(old.cwd())
        old.send_signal(signal.SIGKILL)
        wait_for(
            lambda: self._expect_gone(old),
            deadline=Deadline.after(MOMENT_TIMEOUT_S),
            what="the broker to be gone",
        )
        log = self._base / "meddler.log"
        self._child = process.spawn(argv, env=env, cwd=cwd, log=log)
        self.done = True

    def _broker(self) -> psutil.Process:
        names = [folder.name for folder in (self._base / "state" / "envs").iterdir()]
        found = (each for name in names for each in processes_of(name))
        for resource, each in found:
            if resource == "broker":
                return each
        raise GroundworkError("there is no broker")

    @staticmethod
    def _expect_gone(old: psutil.Process) -> None:
        if old.is_running() and old.status() != psutil.STATUS_ZOMBIE:
            raise NotYetError("it lives")

    def end(self) -> None:
        """End what it has started."""
        self._over.set()
        self.join()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
