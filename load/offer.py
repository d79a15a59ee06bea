"""The offer: one worker's share of a load, from its first message to the last answer."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from groundwork.checkers.history import SECOND_NS
from load.arrivals import CHUNK_NS, Arrivals
from load.generator import Generator, Sender
from load.kafka_sender import DELIVERY_TIMEOUT_MS
from load.result import MS_US, Moment, Result
from load.settings import LoadSettings
from load.tally import Second, Tally
from load.usage import Usage
from load.vitals import Vital

__all__ = ["ANSWERS_TIMEOUT_S", "Offer"]

CHUNKS_PER_SECOND = SECOND_NS // CHUNK_NS

# What is under way when the schedule is over has as long as its deliveries may take, and a bit.
ANSWERS_TIMEOUT_S = DELIVERY_TIMEOUT_MS / 1000 + 5
ANSWER_PAUSE_S = 0.005

# While something is under way nobody sleeps longer, or an answer would be heard, and be measured,
# with the next message that is due. What sleeps in gevent does so for whole milliseconds.
HEARD_WITHIN_S = 0.001

# The schedule begins a little later than it is made: its first messages aren't late.
LEAD_NS = 200_000_000


class OfferingSender(Sender, Protocol):
    """A sender, from its first message to the last answer."""

    def connect(self) -> None:
        """Find whom to send to: the first message is to wait for nothing.

        Raises:
            GroundworkError: They can't be found.
        """

    def waiting(self) -> int:
        """How many messages nobody has answered yet."""

    def vital(self) -> Vital:
        """What its client has told of itself last."""

    def give_up(self) -> None:
        """Wait for no answer any more."""


class Offer:
    """Offers a worker's share: first what is not measured, for so long that a broker is warm.

    Args:
        settings: Of the load.
        sender: Who sends it.
        tally: Where the sender writes down what it sees.
        pause: Sleeps, and lets others in this process get on.
        tell: Told of each second as it ends.
        say: Told a line of each, for whoever waits; by the first worker.
        alone: Whether whom it offers to is gone for good.

    Attributes:
        tally: What was sent, and what became of it.
    """

    def __init__(
        self,
        settings: LoadSettings,
        sender: OfferingSender,
        tally: Tally,
        pause: Callable[[float], None],
        tell: Callable[[Second], None],
        say: Callable[[str], None],
        alone: Callable[[], bool],
    ) -> None:
        self.tally = tally
        self._settings = settings
        self._sender = sender
        self._pause = pause
        self._tell = tell
        self._say = say
        self._alone = alone
        self._usage = Usage(settings.pids)
        self._moments: list[Moment] = []
        self._generators = (
            self._generator(settings.warming(), -settings.warm_up_s),
            self._generator(settings.schedule(), 0.0),
        )

    def _generator(self, schedule: Arrivals, begin_s: float) -> Generator:
        """Who sends this worker's share of a schedule, which begins so late."""
        own = schedule.split(self.tally.worker, self._settings.workers)
        return Generator(own, self._sender, self._rest, partial(self._fold, begin_s))

    def _rest(self, pause_s: float) -> None:
        """Sleep until something is due, or so short that an answer is heard in time."""
        self._pause(min(pause_s, HEARD_WITHIN_S) if self._sender.waiting() else pause_s)

    def run(self) -> Result:
        """Offer all of it, and hear what becomes of it."""
        self._sender.connect()
        warming, measured = self._generators
        with uncollected():
            self._usage.look()
            begin_ns = time.monotonic_ns() + LEAD_NS
            started_ns = begin_ns + round(self._settings.warm_up_s * SECOND_NS)
            self.tally.measured_from_ns = started_ns
            number = warming.run(begin_ns)
            if self._settings.warming().chunks % CHUNKS_PER_SECOND:
                self._end_second(0.0)  # the rest of one
            measured.run(started_ns, number)
            self._await_answers(started_ns)
        return Result.of(self.tally, started_ns, self._moments)

    def write_history(self, file: Path) -> None:
        """Put every operation into a file, as columns of a history."""
        columns = dict(self.tally.columns())
        np.savez(file, **columns)  # type: ignore[arg-type] # taken for its options

    def stop(self) -> None:
        """Offer no more; what was sent is waited for."""
        for each in self._generators:
            each.stopped = True

    def _fold(self, begin_s: float, chunk: int) -> None:
        """A chunk is over, of a schedule that began so long after the measured one."""
        self.tally.fold()
        if self._alone():
            self.stop()
        if (chunk + 1) % CHUNKS_PER_SECOND == 0:
            self._end_second(begin_s + (chunk + 1) / CHUNKS_PER_SECOND)

    def _end_second(self, at_s: float) -> None:
        second = self.tally.end_second(at_s)
        moment = moment_of(second, self._usage, self._sender.vital())
        self._moments.append(moment)
        self._tell(second)
        if self.tally.worker == 0:
            self._say(line_of(moment, self.tally))

    def _await_answers(self, started_ns: int) -> None:
        """Until each message is answered, or nobody will answer any more."""
        began_s = told_s = time.monotonic()
        until_s = began_s + ANSWERS_TIMEOUT_S
        while self._sender.waiting() and time.monotonic() < until_s and not self._alone():
            self._sender.poll()
            self._pause(ANSWER_PAUSE_S)
            if time.monotonic() - told_s >= 1:
                told_s = time.monotonic()
                self.tally.fold()
                self._end_second((time.monotonic_ns() - started_ns) / SECOND_NS)
        self._sender.give_up()
        self.tally.fold()
        self._end_second((time.monotonic_ns() - started_ns) / SECOND_NS)


def moment_of(second: Second, usage: Usage, vital: Vital) -> Moment:
    """A second, in numbers that can be shown."""
    return Moment(
        at_s=second.at_s,
        scheduled=second.scheduled,
        acknowledged=second.acknowledged,
        p50_ms=second.latency.percentile(50) / MS_US,
        p99_ms=second.latency.percentile(99) / MS_US,
        max_ms=second.latency.max_us / MS_US,
        lateness_p99_ms=second.lateness.percentile(99) / MS_US,
        cpu=usage.look(),
        waited=usage.waited,
        resident_mb=usage.resident_mb(),
        vital=vital,
    )


def line_of(moment: Moment, tally: Tally) -> str:
    """A second, for whoever waits."""
    waiting = tally.sent - tally.acknowledged - tally.failed - tally.unknown
    warming = " (warming up)" if moment.at_s <= 0 else ""
    return (
        f"load: {moment.at_s:.0f} s{warming}: {moment.scheduled} due, {moment.acknowledged} "
        f"acknowledged, {waiting} under way; p50 {moment.p50_ms:.1f} ms, p99 {moment.p99_ms:.1f} "
        f"ms, at most {moment.max_ms:.1f} ms; 99 of 100 late by {moment.lateness_p99_ms:.1f} ms "
        "at most"
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage: at 100,000 messages a second a collection makes hundreds of them late.

    There is none to speak of: what is kept are plain numbers, and what a message needs goes by
    itself when its answer is there.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
