"""Handling: a consumer that commits after it has handled is killed, and what came of it.

At least once: every record that was acknowledged is handled; what was in the middle is so twice.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient

from chaos.handler import COMMITTED, ENTRY
from chaos.sightings import Sightings
from fixtures.paths import ROOT
from fixtures.scratch import ADMIN_TIMEOUT_S, ScratchTopic
from groundwork.base import process
from groundwork.base.errors import GroundworkError, NotYetError, WaitTimeoutError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import NONE, History, Kind, Outcome

__all__ = ["Handled", "Handling", "Loss"]

# A batch takes a third of a second, and there is one after another.
MIDDLE_TIMEOUT_S = 20.0

# The session of one that was killed ends after six seconds, and then the group turns to the next.
MEMBER_TIMEOUT_S = 40.0

# All that there is, of some thousand records a second that are handled.
END_TIMEOUT_S = 60.0

STOP_GRACE_S = 10.0


@dataclass(frozen=True)
class Handled:
    """What handlers have done.

    Attributes:
        records: How many different ones were handled.
        missing: How many were acknowledged and never handled.
        again: How often one was that had been before.
    """

    records: int
    missing: int
    again: int


class Handling:
    """Handlers of a topic, one after the other, each a process.

    Args:
        topic: What they read.
        folder: Where their diaries go.
    """

    def __init__(self, topic: ScratchTopic, folder: Path) -> None:
        self._topic = topic
        self._folder = folder
        self._group = f"{topic.name}-handled"
        self._children: list[Child] = []

    @property
    def current(self) -> Child:
        """The one that is at work."""
        return self._children[-1]

    def start(self) -> None:
        """Have another one at work, and wait until it is."""
        number = len(self._children) + 1
        log, diary = self._folder / "handler.log", self._diary(number)
        words = (self._topic.bootstrap, self._topic.name, self._group, str(diary))
        argv = [sys.executable, "-m", "chaos.handler", *words]
        # With the run's token among them, by which it is found whoever is killed.
        env = dict(os.environ)
        self._children.append(process.spawn(argv, env=env, log=log, cwd=ROOT))

        def look() -> None:
            if self.current.exit_code() is not None:
                raise GroundworkError(f"the handler has ended: {process.tail_of(log)}")
            if COMMITTED not in entries_of(diary):
                raise NotYetError("it has committed nothing yet")

        deadline = Deadline.after(MEMBER_TIMEOUT_S)
        wait_for(look, deadline=deadline, what="the handler to be at work")

    def _diary(self, number: int) -> Path:
        return self._folder / f"handler-{number}.diary"

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Kill the one that is at work in the middle of a batch; afterwards have another one.

        Raises:
            GroundworkError: It is never in the middle of one.
        """
        diary = self._diary(len(self._children))

        def look() -> None:
            # Stopped first: what is seen of it then is so still when it is killed.
            self.current.signal(signal.SIGSTOP)
            if not in_middle(entries_of(diary)):
                self.current.signal(signal.SIGCONT)
                raise NotYetError("it isn't")

        deadline = Deadline.after(MIDDLE_TIMEOUT_S)
        wait_for(look, deadline=deadline, what="the handler to be in the middle of a batch")
        self.current.kill()
        try:
            yield
        finally:
            self.start()

    def members(self) -> frozenset[str]:
        """The members of the group, by the broker's word; none where it can't tell."""
        admin = AdminClient({"bootstrap.servers": self._topic.bootstrap, "log_level": 0})
        told = admin.describe_consumer_groups([self._group])[self._group].result(ADMIN_TIMEOUT_S)
        return frozenset(each.member_id for each in told.members)

    def middle(self) -> bool:
        """Whether the diary of the one that was there last ends in the middle of a batch."""
        return in_middle(entries_of(self._diary(len(self._children))))

    def finish(self, history: History) -> Handled:
        """Wait until all that was acknowledged has been handled, end it, and tell what came of it.

        What isn't handled in time is missing.
        """
        diaries = [self._diary(number + 1) for number in range(len(self._children))]

        def look() -> None:
            if (found := handled_of(history, diaries)).missing:
                raise NotYetError(f"{found.missing} are missing")

        deadline = Deadline.after(END_TIMEOUT_S)
        with suppress(WaitTimeoutError):  # what is missing is counted
            wait_for(look, deadline=deadline, what="all records to be handled")
        self.current.stop(STOP_GRACE_S)
        return handled_of(history, diaries)

    def close(self) -> None:
        """End whoever is left."""
        for each in self._children:
            each.kill()


def entries_of(diary: Path) -> tuple[int, ...]:
    """What a handler has written down; nothing, where it has written nothing yet."""
    text = diary.read_bytes() if diary.is_file() else b""
    whole = len(text) // ENTRY.size * ENTRY.size
    return tuple(each for (each,) in ENTRY.iter_unpack(text[:whole]))


def in_middle(entries: Sequence[int]) -> bool:
    """Whether something of a batch was handled, and not all of it committed."""
    return bool(entries) and entries[-1] >= 0


def handled_of(history: History, diaries: Sequence[Path]) -> Handled:
    """Hold what was handled to what was acknowledged, outside of transactions.

    Args:
        history: What clients have seen.
        diaries: Of all handlers.
    """
    entries = [each for diary in diaries for each in entries_of(diary) if each >= 0]
    columns = history.columns
    sent = (columns["kind"] == Kind.SEND) & (columns["outcome"] == Outcome.OK)
    sent &= columns["transaction"] == NONE
    different = frozenset(entries)
    missing = set(columns["value"][sent].tolist()) - different
    return Handled(len(different), len(missing), len(entries) - len(different))


class Loss:
    """Of a handler that is killed in the middle: it is gone, and another member takes its place.

    Args:
        handling: Whose handler it is.
    """

    def __init__(self, handling: Handling) -> None:
        self.sightings = Sightings()
        self._handling = handling
        self._old = handling.current
        self._members: frozenset[str] = frozenset()

    def look_before(self) -> None:
        """It lives, and is the group's member."""
        self._members = self._handling.members()
        self.sightings.expect(
            so=len(self._members) == 1 and psutil.pid_exists(self._old.pid),
            seen=f"the group's one member is process {self._old.pid}",
            doubt=f"the group was to have one member, and has {len(self._members)}",
        )

    def look_during(self) -> None:
        """It is gone, in the middle of a batch."""
        self.sightings.expect(
            so=not self._old.identity.alive(),
            seen=f"process {self._old.pid} has ended",
            doubt=f"process {self._old.pid} was to end, and lives",
        )
        self.sightings.expect(
            so=self._handling.middle(),
            seen="it had handled a part of a batch, and committed none of that",
            doubt="it was to end in the middle of a batch, and didn't",
        )

    def look_after(self) -> None:
        """The broker knows another member, which is another process."""
        now = self._handling.members()
        new = self._handling.current
        self.sightings.expect(
            so=len(now) == 1 and now != self._members and new.pid != self._old.pid,
            seen=f"the group's one member is another, process {new.pid}",
            doubt=f"another process was to be the group's one member: {len(now)} of them",
        )
