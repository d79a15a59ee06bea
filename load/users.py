"""The users, as Locust knows them: each worker has one, who offers that worker's share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import User, task
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from groundwork.checkers.history import Kind
from load.consume_sender import ConsumeSender, in_portions
from load.destination import Destination
from load.end_to_end_sender import EndToEndSender, at_once
from load.http_sender import HttpSender, Operation
from load.kafka_sender import KafkaSender, configuration
from load.offer import Offer, OfferingSender
from load.result import FAILED, MS_US, Result
from load.settings import LoadSettings
from load.tally import Second, Tally

__all__ = ["RoundedStatistics", "collect", "user_of"]

# What a worker's result is called on its way to the master.
MESSAGE = "load-result"
RESULT, FAILURE = "result", "failure"

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

    abstract = True

    @task
    def offer(self) -> None:
        """Offer it, tell what came of it, and be done."""
        runner = self.environment.runner
        settings = LoadSettings.from_environment()
        worker = runner.worker_index if isinstance(runner, WorkerRunner) else 0
        try:
            tell(runner, {RESULT: self._offer(settings, worker)}, settings)
        except Exception as error:  # noqa: BLE001 - Locust would try again for ever
            tell(runner, {FAILURE: f"worker {worker}: {error or type(error).__name__}"}, settings)
        raise StopUser

    def _offer(self, settings: LoadSettings, worker: int) -> str:
        """Offer it; the result, as it travels."""
        statistics = RoundedStatistics(self.environment, settings.operation)
        kind = Kind.POLL if settings.consumes else Kind.SEND
        tally = Tally(worker, keep=settings.keep, kind=kind)
        sender = self.sender(settings, tally)
        offer = Offer(settings, sender, tally, gevent.sleep, statistics.add)
        self.environment.events.test_stopping.add_listener(lambda **_: offer.stop())
        result = offer.run()
        if settings.keep:
            offer.write_history(settings.folder)
        return result.as_json().decode()

    def sender(self, settings: LoadSettings, tally: Tally) -> OfferingSender:
        """Who sends what is offered."""
        raise NotImplementedError


class KafkaUser(LoadUser):
    """Offers records to the broker."""

    def sender(self, settings: LoadSettings, tally: Tally) -> OfferingSender:
        """A client of the broker."""
        config = configuration(settings.bootstrap, **settings.client())
        destination = Destination.of(settings, tally.worker)
        return KafkaSender(config, destination, settings.market().record, tally)


class EndToEndUser(LoadUser):
    """Offers records to the broker, and looks for them there."""

    def sender(self, settings: LoadSettings, tally: Tally) -> OfferingSender:
        """Two clients of the broker."""
        config = configuration(settings.bootstrap, **settings.client())
        reader = at_once(settings.bootstrap)
        destination = Destination.of(settings, tally.worker)
        return EndToEndSender(config, reader, destination, settings.market().record, tally)


class ConsumeUser(LoadUser):
    """Reads what was written to the broker before."""

    def sender(self, settings: LoadSettings, tally: Tally) -> OfferingSender:
        """A client of the broker."""
        reader = in_portions(settings, tally.worker)
        destination = Destination.of(settings, tally.worker)
        return ConsumeSender(reader, destination, settings.begins, tally)


class ServiceUser(LoadUser):
    """Offers requests to the service: greetings, or messages that come back through the broker."""

    def sender(self, settings: LoadSettings, tally: Tally) -> OfferingSender:
        """A client of the service."""
        record = settings.market().record
        operation: Operation = "get" if settings.operation == "get" else "round-trip"
        return HttpSender(settings.url, operation, lambda n: record(n)[1].decode(), tally)


# Who does what is asked for.
USERS: Mapping[str, type[LoadUser]] = {
    "produce": KafkaUser,
    "end-to-end": EndToEndUser,
    "consume": ConsumeUser,
    "get": ServiceUser,
    "round-trip": ServiceUser,
}


def user_of(settings: LoadSettings) -> type[LoadUser]:
    """The class of a load's users."""
    return USERS[settings.operation]


def tell(runner: Any, told: dict[str, str], settings: LoadSettings) -> None:
    """Tell the master, where there is one; else write it down, and be done."""
    if isinstance(runner, WorkerRunner):
        runner.send_message(MESSAGE, told)
        return
    write(told, settings.folder)
    if runner.environment.web_ui is None:  # else somebody starts it again
        runner.quit()


def write(told: dict[str, str], folder: Path) -> bool:
    """Write down what a worker tells; whether it is a result."""
    if FAILURE in told:
        (folder / FAILED).write_text(told[FAILURE])
        return False
    Result.from_json(told[RESULT]).write(folder)
    return True


def collect(environment: Any, settings: LoadSettings) -> None:
    """In the master: write down what each worker tells, until all have, or one has failed."""
    runner = environment.runner
    if not isinstance(runner, MasterRunner):
        return
    told: list[bool] = []

    def take(environment: Any, msg: Any, **_: Any) -> None:
        del environment
        told.append(write(msg.data, settings.folder))
        if len(told) == settings.workers or not all(told):
            runner.quit()

    runner.register_message(MESSAGE, take)
