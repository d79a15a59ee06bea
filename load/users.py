"""The users, as Locust knows them: each worker has one, who offers that worker's share."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]
from locust import User, task
from locust.exception import StopUser

from groundwork.checkers.history import Kind
from load.consume_sender import ConsumeSender, in_portions
from load.counted_sender import CountedSender
from load.desk import Handed, pieces_of
from load.destination import Destination
from load.end_to_end_sender import EndToEndSender, at_once
from load.http_sender import HttpSender, Operation
from load.kafka_sender import KafkaSender, configuration
from load.offer import Offer, OfferingSender
from load.reception import Reception, settings_of, share_of
from load.result import MS_US
from load.settings import LoadSettings
from load.tally import Second, Tally

__all__ = ["LoadUser", "RoundedStatistics", "sender_of"]

# What Locust's own table says of the numbers beside it: two digits of each, a second at a time.
ROUNDED = "rounded; see the histogram"


class RoundedStatistics:
    """Puts a second at a time into Locust's own statistics, which would cost 2.6 us a message.

    Args:
        environment: Locust's.
        name: What was done, for its table.
    """

    def __init__(self, environment: Any, name: str) -> None:
        self._environment = environment
        self._name = f"{name} ({ROUNDED})"

    def add(self, second: Second) -> None:
        """Add what was answered in a second."""
        stats, now_s = self._environment.stats, time.time()
        entries = (stats.get(self._name, "LOAD"), stats.total)
        for slot_us, count in second.latency.slots():
            # As Locust rounds it.
            for entry in entries:
                rounded = rounded_ms(slot_us / MS_US)
                entry.response_times[rounded] += count
                entry.total_response_time += rounded * count
        for entry in entries:
            entry.num_requests += second.acknowledged
            entry.num_reqs_per_sec[int(now_s)] += second.acknowledged
            entry.last_request_timestamp = now_s
            if second.acknowledged:
                least_ms, most_ms = second.latency.min_us / MS_US, second.latency.max_us / MS_US
                known = entry.min_response_time
                entry.min_response_time = least_ms if known is None else min(known, least_ms)
                entry.max_response_time = max(entry.max_response_time, most_ms)


def rounded_ms(value_ms: float) -> int:
    """Milliseconds with two digits, as Locust keeps them."""
    whole = round(value_ms)
    digits = len(str(whole)) - 2
    return whole if digits <= 0 else round(whole, -digits)


class LoadUser(User):
    """Offers a worker's share. Each worker has one user; more would share its client's time."""

    reception: ClassVar[Reception]

    @task
    def offer(self) -> None:
        """Offer it, hand in what came of it, and be done."""
        worker = -1
        try:
            worker, settings = share_of(self.environment), settings_of(self.environment)
            self._offer(settings, worker)
        except Exception as error:  # noqa: BLE001 - Locust would try again for ever
            self.reception.hand_in(Handed(worker, "failure", str(error) or type(error).__name__))
        raise StopUser

    def _offer(self, settings: LoadSettings, worker: int) -> None:
        """Offer it, and hand in what came of it."""
        kind = Kind.POLL if settings.consumes else Kind.SEND
        tally = Tally(worker, keep=settings.keep, kind=kind)
        statistics = RoundedStatistics(self.environment, settings.operation)
        offer = Offer(
            settings,
            sender_of(settings, tally),
            tally,
            gevent.sleep,
            tell=statistics.add,
            say=lambda line: self.reception.hand_in(Handed(worker, "line", line)),
            alone=lambda: self.reception.gone,
        )

        def stop(**_: Any) -> None:
            offer.stop()

        self.environment.events.test_stopping.add_listener(stop)
        try:
            result = offer.run()
        finally:
            self.environment.events.test_stopping.remove_listener(stop)
        if settings.keep:
            self._hand_in_history(offer, worker)
        self.reception.hand_in(Handed(worker, "result", result.as_json().decode()))

    def _hand_in_history(self, offer: Offer, worker: int) -> None:
        """Hand in every operation, by way of a file: together they may be hundreds of megabytes."""
        with tempfile.TemporaryDirectory(prefix="gw-load-") as folder:
            file = Path(folder) / "history.npz"
            offer.write_history(file)
            for piece in pieces_of(file):
                self.reception.hand_in(Handed(worker, "history", piece=piece))


def sender_of(settings: LoadSettings, tally: Tally) -> OfferingSender:
    """Who does what is asked for: clients of the broker, or of the service."""
    record = settings.market().record
    if settings.of_service:
        operation: Operation = "get" if settings.operation == "get" else "round-trip"
        return HttpSender(settings.url, operation, lambda n: record(n)[1].decode(), tally)
    destination = Destination.of(settings, tally.worker)
    if settings.consumes:
        reader = in_portions(settings, tally.worker)
        return ConsumeSender(reader, destination, settings.begins, tally)
    config = configuration(settings.bootstrap, **settings.client())
    if settings.operation == "end-to-end":
        reader = at_once(settings.bootstrap)
        return EndToEndSender(config, reader, destination, record, tally)
    if not settings.keep:
        return CountedSender(config, destination, record, tally, keyed=settings.keyed)
    return KafkaSender(config, destination, record, tally)
