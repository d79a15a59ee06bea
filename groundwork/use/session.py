"""What one pytest process has to do with the environment; the plugin's hooks only call it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from groundwork.base.errors import ExitCode, KeeperLostError
from groundwork.declare.environment import Declared
from groundwork.keep.events import Event
from groundwork.keep.messages import WatchHello, WorkerHello
from groundwork.use import bundle
from groundwork.use.alarm import Alarm
from groundwork.use.bundle import Tally
from groundwork.use.client import Client, Handle
from groundwork.use.run import Lost, Run
from groundwork.use.terminal import Terminal

__all__ = ["EnvironmentSession"]


class EnvironmentSession:
    """What one pytest process has to do with the environment: the controller or a worker."""

    def __init__(
        self,
        declared: Declared,
        terminal: Terminal,
        *,
        socket: Path | None = None,
    ) -> None:
        self.declared = declared
        self.run: Run | None = None
        self.terminal = terminal
        self.tally = Tally()
        self.asked = False
        self.unexpressed: list[tuple[str, str]] = []  # patterns of tests, each with its reason
        self.alarm = Alarm()
        self._socket = socket
        self._client: Client | None = None
        self._holds = False
        self.passed = False
        self.output_fault = ""  # why not all of the run's output could be written

    def client(self) -> Client:
        """The connection to the keeper."""
        if self.run is not None:
            return self.run.client()
        if self._client is None:
            if self._socket is None:
                raise KeeperLostError("the controller gave no socket to this worker")
            self._client = Client(self._socket, WorkerHello(os.getpid()))
            watch = Client(self._socket, WatchHello())
            threading.Thread(target=self._follow, args=(watch,), daemon=True).start()
        return self._client

    def _follow(self, watch: Client) -> None:
        """In a worker: wait for the keeper's death. The end of a run comes after the last test."""
        while watch.receive() is not None:
            pass
        self.alarm.ring(KeeperLostError("the keeper died during the test"))

    def listen(self, event: Event | Lost) -> None:
        """In the controller: what the keeper tells."""
        self.terminal.show(event)
        if isinstance(event, Lost):
            self.alarm.ring(KeeperLostError("the keeper died during the test"))

    def await_ready(self, resource: str) -> Handle:
        """A resource's handle, as soon as it is ready."""
        if not self.asked:  # a fixture that was asked for by name, at run time
            self.client().ask([resource])
        return self.client().await_ready(resource)

    def ask(self, names: AbstractSet[str]) -> None:
        """Have everything started that the collected tests use."""
        if names:
            self.client().ask(names)
            self.asked = True

    def lock(self, disturbed: Iterable[str], used: AbstractSet[str]) -> None:
        """Hold what a test uses for as long as it runs, and what it disturbs alone."""
        self.passed = False
        if used:
            self.client().check(used)
            names = self.client().ask(used)
            self._holds = True  # whoever is broken off in the next line may hold them, or not
            self.client().lock(disturbed, names)

    def release(self, used: AbstractSet[str]) -> None:
        """Let go of what a test held; an error where it has not survived a test that passed."""
        if self._holds:
            self._holds = False
            self.client().release()
            if self.passed:  # otherwise the test has told why already
                self.client().check(used)

    def finish(self, exit_code: int) -> int:
        """In the controller: stop or keep the environment, after the last worker.

        Args:
            exit_code: What the tests came to.

        Returns:
            What the run came to: wrong use and a failure of the infrastructure outweigh the tests.
        """
        run = self.run
        if run is None:
            return exit_code
        failed = bool(self.tally.failed or self.tally.errors)
        outcome = run.finish(keep=run.settings.keep_env, collect=failed)
        self.tally.outcome = outcome
        if outcome.refusal and not run.refusal:  # a worker was refused: it has nobody to tell
            run.refusal = outcome.refusal
            self.terminal.say(outcome.refusal)
        if run.refusal:
            return ExitCode.USAGE
        if run.lost is not None or outcome.failures or outcome.errors or self.output_fault:
            return ExitCode.INFRASTRUCTURE
        nothing_failed = exit_code in {ExitCode.OK, ExitCode.NO_TESTS}
        if run.settings.strict_env and self.tally.left_out and nothing_failed:
            return ExitCode.TESTS_FAILED
        return exit_code

    def blame_output(self, error: OSError, folder: Path) -> None:
        """Something of the run's output can't be written: the first that is tells why.

        Args:
            error: What was met.
            folder: Where it was to be written.
        """
        if not self.output_fault:
            self.output_fault = f"can't write {error.filename or folder}: {error.strerror}"

    def write(self, exit_code: int) -> dict[str, Any] | None:
        """Write the run down; what run.json holds.

        None where nothing ran that anybody looks up, or where it can't be written.
        """
        run = self.run
        if run is None:
            return None
        if not run.active or run.refusal:
            shutil.rmtree(run.out_dir, ignore_errors=True)
            return None
        self.tally.exit_code = exit_code
        try:
            return bundle.write(self.declared, run, self.tally)
        except OSError as error:
            self.blame_output(error, run.out_dir)
            return None

    # --- what a worker and its controller tell each other

    def learn(self, told: Mapping[str, Any]) -> None:
        """In the controller: take in what a worker has told at its end."""
        self.tally.deselected = max(self.tally.deselected, told.get("groundwork_deselected", 0))
        self.tally.left_out.update(told.get("groundwork_left_out", {}))
        self.asked = self.asked or told.get("groundwork_asked", False)
        self.output_fault = self.output_fault or told.get("groundwork_output_fault", "")

    def tell(self, output: dict[str, Any]) -> None:
        """In a worker: tell at its end what the controller can't see."""
        output["groundwork_deselected"] = self.tally.deselected
        output["groundwork_left_out"] = self.tally.left_out
        output["groundwork_asked"] = self.asked
        output["groundwork_output_fault"] = self.output_fault
