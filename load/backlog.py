"""The backlog of a load that reads: written before it begins, as many records as will be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.wait import Deadline, wait_for
from load.consume_sender import portion_of
from load.destination import Destination
from load.generator import SENT_BETWEEN_POLLS
from load.kafka_sender import KafkaSender, configuration
from load.offer import ANSWERS_TIMEOUT_S
from load.settings import LoadSettings
from load.tally import Tally

__all__ = ["count_of", "fill", "others_of"]

# Under way at a time: a second of what one producer writes, and 20 MB of small records.
WAITING_MAX = 100_000


def count_of(settings: LoadSettings, worker: int) -> int:
    """How many records a worker will read, those before what is measured among them."""
    both = settings.warming(), settings.schedule()
    return sum(each.split(worker, settings.workers).count for each in both)


def fill(settings: LoadSettings, cancel: threading.Event) -> tuple[Tally, ...]:
    """Write what each worker will read to its partitions; what was sent, by worker.

    Raises:
        GroundworkError: Not all of it was acknowledged, or ``cancel`` was set meanwhile.
    """
    return tuple(filled(settings, worker, cancel) for worker in range(settings.workers))


def filled(settings: LoadSettings, worker: int, cancel: threading.Event) -> Tally:
    """Write what one worker will read, as fast as it goes.

    Raises:
        GroundworkError: Not all of it was acknowledged.
    """
    tally, count = Tally(worker, keep=settings.keep), count_of(settings, worker)
    # The broker gives whole batches: were they larger, so would be what is read ahead.
    batch = {"batch.size": min(settings.batch_bytes, portion_of(settings, worker))}
    config = configuration(settings.bootstrap, **(settings.client() | batch))
    destination = Destination.of(settings, worker)
    sender = KafkaSender(config, destination, settings.market().record, tally)
    sender.connect()
    try:
        for number in range(count):
            if sender.waiting() >= WAITING_MAX:
                await_room(sender, WAITING_MAX // 2, cancel)
            sender.send(number, time.monotonic_ns())
            if number % SENT_BETWEEN_POLLS == 0:
                sender.poll()
        await_room(sender, 0, cancel)
    finally:
        sender.give_up()
    account = tally.account()
    if account.acknowledged != count:
        raise GroundworkError(
            f"of {count} records that worker {worker} is to read {account.acknowledged} could be "
            f"written: {account.failed} failed, and of {account.unknown} nobody knows"
        )
    return tally


def others_of(filled: Iterable[Tally], watermarks: Mapping[int, tuple[int, int]]) -> int:
    """How many records there are between those of a backlog, and behind them."""
    return sum(high - low for low, high in watermarks.values()) - sum(
        each.acknowledged for each in filled
    )


def await_room(sender: KafkaSender, most: int, cancel: threading.Event) -> None:
    """Until so many are under way at the most.

    Raises:
        WaitTimeoutError: The broker takes no more.
        CancelledError: ``cancel`` was set meanwhile.
    """

    def look() -> None:
        sender.poll()
        if sender.waiting() > most:
            raise NotYetError(f"{sender.waiting()} records are under way")

    wait_for(
        look,
        deadline=Deadline.after(ANSWERS_TIMEOUT_S),
        what="the broker to take what is to be read",
        cancel=cancel,
    )
