"""What one pytest process has to do with the environment; the plugin's hooks only call it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from groundwork.base.errors import ExitCode, GroundworkError, KeeperLostError, OverdueError
from groundwork.base.undisturbed import undisturbed
from groundwork.declare.environment import Declared
from groundwork.declare.variables import CLAIM, SOCKET
from groundwork.keep.claims import LIMIT_S, MACHINE
from groundwork.keep.events import ClaimOverdue, Event
from groundwork.keep.messages import Failure, WatchHello, WorkerHello
from groundwork.use import bundle
from groundwork.use.alarm import Alarm
from groundwork.use.bundle import Tally
from groundwork.use.client import Client, Handle
from groundwork.use.hygiene import LOGS, failures_of
from groundwork.use.interrupts import Hearing, ImpatientError
from groundwork.use.run import Lost, Outcome, Run
from groundwork.use.terminal import Terminal

__all__ = ["EnvironmentSession", "Needs", "Workers"]


class Workers:
    """xdist's workers, in the controller.

    A terminal's Ctrl-C reaches them, too; a signal to the controller alone doesn't, and xdist would
    wait five seconds before it does the same as here.
    """

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._ready: list[Any] = []

    def add(self, node: Any) -> None:
        """One is being started."""
        self._nodes.append(node)

    def ready(self, node: Any) -> None:
        """One has started: it knows how to end."""
        self._ready.append(node)

    def interrupt(self) -> None:
        """Have all of them end; those that are only being made have nothing to see to."""
        for node in self._nodes:
            popen = getattr(getattr(node.gateway, "_io", None), "popen", None)
            if popen is not None and popen.poll() is None:  # one on another machine has none
                popen.send_signal(signal.SIGINT if node in self._ready else signal.SIGKILL)


@dataclass(frozen=True)
class Needs:
    """What a test wants of the environment.

    Attributes:
        used: The resources behind its fixtures, and those that it disturbs.
        disturbed: Those that it breaks, and has alone.
        alone: Whether it measures: no other test runs beside it.
        limit_s: For how long it wants all that.
    """

    used: frozenset[str] = frozenset()
    disturbed: frozenset[str] = frozenset()
    alone: bool = False
    limit_s: float = LIMIT_S


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
        self._connecting = threading.Lock()
        self._holds = False
        self._test = ""  # that runs, and holds something
        self._key = ""  # of its claim
        self.measures = False  # whether any test of the run has the machine alone
        self.passed = False
        self.output_fault = ""  # why not all of the run's output could be written
        self.hearing = Hearing(self._tell_heard)
        self.workers = Workers()
        self.finished = False
        self.only_collects = False

    def client(self) -> Client:
        """The connection to the keeper."""
        if self.run is not None:
            return self.run.client()
        return self._client or undisturbed(self._connect)

    def _connect(self) -> Client:
        """In a worker: connect, and watch; whoever is broken off meanwhile finds both."""
        with self._connecting:
            if self._client is None:
                if self._socket is None:
                    raise KeeperLostError("the controller gave no socket to this worker")
                client = Client(self._socket, WorkerHello(os.getpid()))
                watch = Client(self._socket, WatchHello())
                threading.Thread(target=self._follow, args=(watch,), daemon=True).start()
                self._client = client
            return self._client

    def _follow(self, watch: Client) -> None:
        """In a worker: wait for the keeper's death. The end of a run comes after the last test."""
        while (event := watch.receive()) is not None:
            self._heed(event)
        self.alarm.ring(KeeperLostError("the keeper died during the test"))

    def listen(self, event: Event | Lost) -> None:
        """In the controller: what the keeper tells."""
        self.terminal.show(event)
        if isinstance(event, Lost):
            self.alarm.ring(KeeperLostError("the keeper died during the test"))
        else:
            self._heed(event)

    def _heed(self, event: Event) -> None:
        """End the running test where the keeper has just ended what it had open."""
        if not isinstance(event, ClaimOverdue) or event.holder != self._test:
            return
        open_now = ", ".join((*event.faults, *event.jobs))
        text = f"{event.reason}: the keeper ends what is open: {open_now}"
        with contextlib.suppress(GroundworkError):  # the keeper is dying: that is told by itself
            text = self.client().with_story(text)
        self.alarm.ring(OverdueError(text), lasting=False)

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

    def hold(self, test: str, needs: Needs) -> None:
        """Hold what a test uses for as long as it runs, and what it disturbs alone."""
        self.passed = False
        self._let_go()  # of what is held still where the last test was broken off at its end
        if needs.used or needs.alone or self.measures:
            names: tuple[str, ...] = ()
            if needs.used:
                self.client().check(needs.used)
                names = self.client().ask(needs.used)
            machine = {MACHINE}
            exclusive = needs.disturbed | machine if needs.alone else needs.disturbed
            self._test = test
            self._holds = True  # before it does: whoever is broken off in between lets go, too
            self._key = self.client().claim(
                exclusive, machine.union(names), holder=test, limit_s=needs.limit_s
            )

    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to act in the name of the running test.

        It finds both by :meth:`groundwork.use.client.Client.from_environment`.
        """
        found = {SOCKET: str(self.client().path)}
        return found | {CLAIM: self._key} if self._holds else found

    def release(self, used: AbstractSet[str]) -> None:
        """Let go of what a test held; an error where it has not survived a test that passed."""
        if self._let_go() and self.passed:  # otherwise the test has told why already
            self.client().check(used)

    def _let_go(self) -> bool:
        """Let go of what is held; whether there may have been anything."""
        held = self._holds
        self._test = ""
        if held:
            try:
                self.client().release()
            except GroundworkError:
                self._holds = False
                raise
            self._holds = False
        return held

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
        self.finished = True
        outcome = self._end(run)
        if exit_code in {ExitCode.OK, ExitCode.NO_TESTS} and self._sound(run, outcome):
            outcome = self._see_to_logs(run, outcome, exit_code)
        self.tally.outcome = outcome
        self.output_fault = self.output_fault or outcome.output_fault
        if self.hearing.presses:
            self.tally.interrupted = True
            if exit_code in {ExitCode.OK, ExitCode.TESTS_FAILED, ExitCode.NO_TESTS}:
                exit_code = ExitCode.INTERRUPTED
        if outcome.refusal and not run.refusal:  # a worker was refused: it has nobody to tell
            run.refusal = outcome.refusal
            self.terminal.say(outcome.refusal)
        if run.refusal:
            return ExitCode.USAGE
        product = [each for each in outcome.failures.values() if each.of_the_product]
        infrastructure = len(outcome.failures) > len(product)
        if run.lost is not None or infrastructure or outcome.errors or self.output_fault:
            return ExitCode.INFRASTRUCTURE
        nothing_failed = exit_code in {ExitCode.OK, ExitCode.NO_TESTS}
        strict = run.settings.strict_env and self.tally.left_out
        if nothing_failed and (product or strict):
            return ExitCode.TESTS_FAILED
        return exit_code

    def _sound(self, run: Run, outcome: Outcome) -> bool:
        """Whether nothing but a log can speak against the run."""
        wrong = outcome.failures or outcome.errors or outcome.output_fault or self.output_fault
        ended = run.lost is None and not (outcome.refusal or run.refusal or self.hearing.presses)
        return ended and not wrong

    def _see_to_logs(self, run: Run, outcome: Outcome, exit_code: int) -> Outcome:
        """Judge the logs of a run that has passed; they stay where they speak against it."""
        found: dict[str, Failure] = {}
        if exit_code == ExitCode.OK and outcome.resources:
            found = failures_of(
                self.declared, run.settings, run.out_dir, outcome.resources, self.tally.passing
            )
        if not found:
            shutil.rmtree(run.out_dir / LOGS, ignore_errors=True)
        return replace(outcome, failures=found)

    def _end(self, run: Run) -> Outcome:
        try:
            return self.hearing.patiently(
                lambda: run.finish(keep=run.settings.keep_env, collect=True)
            )
        except ImpatientError:
            run.notes.append("interrupted again and again: the keeper removes the rest by itself")
            return Outcome()

    def _tell_heard(self) -> None:
        if self.run is not None:
            self.terminal.say("interrupted; what was started is being removed")

    def interrupt(self) -> None:
        """Ctrl-C has ended the tests: from here on it is only heard, and workers end, too."""
        self.hearing.begin()
        self.workers.interrupt()

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
        if run.refusal or not (run.active or self.tally.interrupted):
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
