"""Locust in a cluster, from outside: told to begin a load, followed, and asked for its files."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from groundwork.base.errors import GroundworkError, NotYetError, TerminalStateError
from groundwork.base.wait import Deadline, wait_for
from load.desk import FILES, FOLLOWED, GONE, PROGRESS
from load.settings import LoadSettings
from load.watch import Watch

__all__ = ["Remote"]

TIMEOUT_S = 10.0

# Workers are there as soon as the resource is ready; one that was just replaced takes so long.
WORKERS_TIMEOUT_S = 30.0

# Histories are hundreds of megabytes.
FILE_TIMEOUT_S = 120.0
PIECE_BYTES = 1024**2

# Whom nobody has heard for so long is gone: its node port is led nowhere for seconds at most.
SILENCE_MAX_S = 15.0


@dataclass(frozen=True)
class State:
    """What a master says of its loads.

    Attributes:
        version: Of Locust.
        number: Of the load that runs, or was the last.
        workers: How many are connected.
        over: Whether that load is over.
        files: What has been handed in, by name, in bytes.
    """

    version: str
    number: int
    workers: int
    over: bool
    files: dict[str, int]


@dataclass(frozen=True)
class Remote:
    """A master.

    Attributes:
        url: Where it answers.
    """

    url: str

    def offer(self, settings: LoadSettings, folder: Path, timeout_s: float, watch: Watch) -> None:
        """Have a load offered; what workers hand in is in the folder then.

        Args:
            settings: Of the load, as its workers find broker and service.
            folder: Where files go; what tells of its progress grows there meanwhile.
            timeout_s: For all of it.
            watch: Tells when there is nobody left to offer it to.

        Raises:
            GroundworkError: It can't be begun, or the master has gone meanwhile.
        """
        number = self._await_workers(settings.workers).number + 1
        self._post(
            "/swarm",
            user_count=settings.workers,
            spawn_rate=settings.workers,
            load=settings.model_dump_json(),
        )
        over: State | None = None
        try:
            over = self._follow(number, folder, Deadline.after(timeout_s), watch)
        finally:
            if over is None:
                with contextlib.suppress(GroundworkError):
                    self._post("/stop")
        for name in over.files:
            wait_for(
                partial(self._fetch, name, folder),
                deadline=Deadline.after(FILE_TIMEOUT_S),
                what=f"{name} of a load in the cluster",
            )

    def _await_workers(self, wanted: int) -> State:
        def look() -> State:
            found = self._state()
            if found.workers != wanted:
                raise NotYetError(f"{found.workers} of {wanted} workers are connected")
            return found

        return wait_for(
            look,
            deadline=Deadline.after(WORKERS_TIMEOUT_S),
            what="Locust's workers in the cluster",
            hint="are there as many generators as workers were asked for?",
        )

    def _follow(self, number: int, folder: Path, deadline: Deadline, watch: Watch) -> State:
        """Until a load is over."""
        silence, shown, told = Deadline.after(SILENCE_MAX_S), 0, False

        def look() -> State:
            nonlocal silence, shown, told
            if watch.gone.is_set() and not told:
                self._post(f"{FILES}/{GONE}")
                told = True
            if not silence.left_s():
                raise TerminalStateError(
                    f"Locust's master at {self.url} hasn't told of this load for "
                    f"{SILENCE_MAX_S:g} s"
                )
            found = self._state()
            if found.number != number:
                raise NotYetError("it hasn't begun")
            silence = Deadline.after(SILENCE_MAX_S)
            if found.files.get(PROGRESS, 0) > shown:
                shown = found.files[PROGRESS]
                self._fetch(PROGRESS, folder)
            if not found.over:
                raise NotYetError("it runs")
            return found

        return wait_for(look, deadline=deadline, what="a load in the cluster", cancel=watch.overdue)

    def _state(self) -> State:
        """What it says; raises NotYetError where it doesn't answer."""
        try:
            answer = requests.get(f"{self.url}{FILES}?{FOLLOWED}", timeout=TIMEOUT_S)
            answer.raise_for_status()
            return State(**answer.json())
        except requests.RequestException as error:
            raise NotYetError(f"Locust's master at {self.url}: {error}") from error

    def _fetch(self, name: str, folder: Path) -> None:
        """Have a file; raises NotYetError where it doesn't come."""
        url = f"{self.url}{FILES}/{name}"
        try:
            with requests.get(url, timeout=TIMEOUT_S, stream=True) as answer:
                answer.raise_for_status()
                with (folder / name).open("wb") as file:
                    for piece in answer.iter_content(PIECE_BYTES):
                        file.write(piece)
        except requests.RequestException as error:
            raise NotYetError(f"{url}: {error}") from error

    def _post(self, path: str, **form: Any) -> None:
        try:
            answer = requests.post(f"{self.url}{path}", data=form, timeout=TIMEOUT_S)
            answer.raise_for_status()
            said = answer.json()
        except requests.RequestException as error:
            raise GroundworkError(f"Locust's master at {self.url}: {error}") from error
        if not said["success"]:
            raise GroundworkError(f"Locust's master can't do it: {said['message']}")
