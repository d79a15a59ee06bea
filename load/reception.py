"""The reception: in the process that leads a load, from its begin to what the last worker hands in.

Where Locust has several processes that is its master, whom workers send messages; else the one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust.runners import (
    STATE_MISSING,
    STATE_STOPPED,
    STATE_STOPPING,
    MasterRunner,
    WorkerRunner,
)

from load.desk import GONE, Desk, Handed
from load.settings import LoadSettings

__all__ = ["LOAD_OPTION", "SHARES_OPTION", "Reception", "settings_of", "share_of"]

# What Locust's processes are told: the settings of a load as JSON, and which worker has which
# share. The master tells its workers both when a load begins.
LOAD_OPTION, SHARES_OPTION = "load", "load_shares"

# Who sends what is due may be silent for a second or two; whoever has gone is silent for ever.
MISSED_MAX_S = 10.0

# What Locust is once it has ended a load, or is about to.
ENDED = frozenset({STATE_STOPPING, STATE_STOPPED})

# What messages of workers to their master are called.
MESSAGE = "load"

# And what the master's is called that tells them whether to give up.
GIVE_UP = "load_give_up"

# What nobody will answer any more is waited for so much longer.
LOOK_INTERVAL_S = 0.2


def settings_of(environment: Any) -> LoadSettings:
    """The settings of a load, as this process was told.

    Raises:
        UsageError: It wasn't, or they can't be read.
    """
    return LoadSettings.from_json(getattr(environment.parsed_options, LOAD_OPTION))


def share_of(environment: Any) -> int:
    """The number of this worker, of whose share nobody else takes anything.

    Not Locust's own: in place of a worker that has gone another one gets a new number there.
    """
    if not isinstance(environment.runner, WorkerRunner):
        return 0
    shares = json.loads(getattr(environment.parsed_options, SHARES_OPTION))
    return int(shares[environment.runner.client_id])


class Reception:
    """Takes what workers hand in, and ends a load when each of them is done.

    Args:
        environment: Locust's.

    Attributes:
        desk: Of the load that runs, or has run; None before the first.
        number: Of that load, in this process.
        over: Whether that is over.
        gone: Whether whom it is offered to is gone for good: who waits for them gives up.
    """

    def __init__(self, environment: Any) -> None:
        self.desk: Desk | None = None
        self.number, self.over, self.gone = 0, False, False
        self._environment = environment
        self._shares: dict[str, int] = {}
        self._done: set[int] = set()
        self._awaited = 0
        if isinstance(environment.runner, MasterRunner):
            environment.runner.register_message(MESSAGE, self._hear)
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(GIVE_UP, self._hear_whether_to_give_up)
        if not isinstance(environment.runner, WorkerRunner):
            environment.events.test_start.add_listener(self._begin)

    def hand_in(self, handed: Handed) -> None:
        """Hand something in, as a worker: to the master, where there is one."""
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(MESSAGE, asdict(handed))
            gevent.sleep(0)  # a history is many messages, and the master's heart is to be heard
        else:
            self._take(handed)

    def give_up(self, *, gone: bool) -> None:
        """Say in all processes of a load whether whom it is offered to is gone for good."""
        self.gone = gone
        if isinstance(self._environment.runner, MasterRunner):
            self._environment.runner.send_message(GIVE_UP, {"gone": gone})

    def _hear_whether_to_give_up(self, environment: Any, msg: Any, **_: Any) -> None:
        del environment
        self.gone = bool(msg.data["gone"])

    def _begin(self, **_: Any) -> None:
        """A load begins: say who does what."""
        settings = settings_of(self._environment)
        self.desk, self._awaited, self._done = Desk(settings.folder), settings.workers, set()
        self.number, self.over = self.number + 1, False
        self.desk.clear()
        self.give_up(gone=False)
        gevent.spawn(self._look_for_the_gone, self.number, settings.folder / GONE)
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            # Locust remembers one that has gone for a minute.
            there = (each for each in runner.clients.values() if each.state != STATE_MISSING)
            names = sorted(each.id for each in there)
            self._shares = {name: number for number, name in enumerate(names)}
            setattr(self._environment.parsed_options, SHARES_OPTION, json.dumps(self._shares))
            gevent.spawn(self._miss, self.number)

    def _look_for_the_gone(self, load: int, file: Path) -> None:
        """In a greenlet: hear whoever watches for a load whether there is somebody left."""
        while load == self.number and not self.over and not self.gone:
            if file.exists():
                self.give_up(gone=True)
            gevent.sleep(LOOK_INTERVAL_S)

    def _miss(self, load: int) -> None:
        """In a greenlet: end a load one of whose workers has gone with its share.

        Or that Locust has ended before them, as it does where it has heard of none for four
        seconds: they are told to stop then, and hand nothing in any more.
        """
        missed_s = dict.fromkeys(self._shares, 0.0)
        ended_s = 0.0
        while load == self.number and not self.over:
            gevent.sleep(1)
            ended_s = ended_s + 1 if self._environment.runner.state in ENDED else 0.0
            if ended_s > MISSED_MAX_S:
                self._take(Handed(0, "failure", "Locust has ended it before its workers had"))
            for name, number in self._shares.items():
                worker = self._environment.runner.clients.get(name)
                gone = worker is None or worker.state == STATE_MISSING
                missed_s[name] = missed_s[name] + 1 if gone else 0
                if missed_s[name] > MISSED_MAX_S and number not in self._done:
                    why = f"it has gone: nobody has heard of it for {MISSED_MAX_S:g} s"
                    self._take(Handed(number, "failure", why))

    def _hear(self, environment: Any, msg: Any, **_: Any) -> None:
        del environment
        self._take(Handed(**msg.data))

    def _take(self, handed: Handed) -> None:
        if self.desk is None or self.over or not self.desk.take(handed):
            return
        self._done.add(handed.worker)
        if handed.kind == "failure" or len(self._done) == self._awaited:
            self.over = True
            self._end()

    def _end(self) -> None:
        """End Locust; one with a web UI goes on, for somebody may start it again."""
        runner = self._environment.runner
        if self._environment.web_ui is None:
            runner.quit()
        else:
            gevent.spawn(runner.stop)  # it waits for users, one of whom may have come here
