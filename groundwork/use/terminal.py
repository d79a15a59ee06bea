"""What an operator sees while a keeper works: short lines, and bars where somebody looks on."""

from __future__ import annotations

import os
from typing import TextIO, cast

from rich import progress as bars
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn

from groundwork.artifacts import Progress
from groundwork.base.complaint import COMPLAINT
from groundwork.keep.events import (
    Died,
    Event,
    Failed,
    Fetching,
    JobEnded,
    JobStarted,
    Ready,
    Step,
)
from groundwork.use.run import Lost
from groundwork.use.streams import Bearing

__all__ = ["Terminal"]


class Terminal:
    """Shows a keeper's events.

    Args:
        descriptor: The terminal, or whatever standard error is.
        quiet: Say nothing but errors.
    """

    def __init__(self, descriptor: int, *, quiet: bool = False) -> None:
        # Rich's own answer to a broken pipe is to silence standard output and to exit.
        stream = cast("TextIO", Bearing(os.dup(descriptor)))
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._bars: bars.Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._announced: set[str] = set()

    def show(self, event: Event | Lost) -> None:
        """Show one event, if it is one for people."""
        match event:
            case Fetching():
                self._fetching(event.progress)
            case Step() if not self._quiet:
                self.say(f"{event.resource}: {event.text}")
            case Ready() if not self._quiet:
                named = f"{event.resource} {event.version}".rstrip()
                self.say(f"{named} ready after {event.ready_s:.1f} s")
            case Failed() if not event.because_of:
                self.say(in_one_line(event.error))
            case Died() if event.fault:
                self.say(f"{event.resource} died of {event.fault}")
            case Died():
                self.say(f"{event.resource} died during the run")
            case JobStarted() if not self._quiet:
                self.say(f"job {event.id} runs: {' '.join(event.argv[1:])}")
            case JobEnded() if not self._quiet:
                self.say(f"job {event.id} ended after {event.lasted_s:.0f} s: {event.exit_code}")
            case Lost():
                self.say(f"infrastructure failure: {event.error.splitlines()[0]}")

    def say(self, text: str) -> None:
        """Print one line, marked as the engine's."""
        self._console.print(f"groundwork: {text}", markup=False)

    def _fetching(self, progress: Progress) -> None:
        """A bar per artifact on a terminal; elsewhere a line at its begin and one at its end."""
        name = progress.artifact
        if not self._console.is_terminal or os.environ.get("CI"):
            if progress.finished:
                if name in self._announced:
                    self._announced.remove(name)  # others that are made of it find it, silently
                    self.say(f"{name} fetched")
            elif name not in self._announced or progress.note:
                self._announced.add(name)
                self.say(f"fetching {name} {progress.note}".rstrip())
            return
        if self._bars is None:
            self._bars = bars.Progress(
                TextColumn("groundwork: {task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=progress.total)
        self._bars.update(
            self._tasks[name],
            completed=progress.done,
            total=progress.done if progress.finished else progress.total,
            description=f"{name} {progress.note}".rstrip(),
        )
        if progress.finished and all(task.finished for task in self._bars.tasks):
            self._bars.stop()
            self._bars = None
            self._tasks.clear()


def in_one_line(error: str) -> str:
    """What happened, the last state seen, the last complaint, and the hint.

    The log lines in between are left out.
    """
    first, *rest = error.splitlines()
    told = next((line for line in rest if line.startswith(COMPLAINT)), "")
    complaint = f"; {told}" if told else ""
    state = next((f" ({line})" for line in rest if line.startswith("last state: ")), "")
    hint = next((f"; {line.removeprefix('hint: ')}" for line in rest if "hint: " in line[:6]), "")
    return f"{first}{state}{complaint}{hint}"
