"""The service as a process, while its stores are away: what that costs, by a client and its log.

Stores that are away are real sockets: one that refuses, one that takes all and never answers.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest
import requests

from fixtures.resources.hello_world import TEMPLATE, render_template
from groundwork.base import process
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for

TIMEOUT_S = 30.0

# Where nobody listens: connections are refused, and a proxy there would lead nowhere.
NOWHERE = "http://127.0.0.1:9"

REQUESTS = 200

# Of medians of requests that take turns. A sixth more was seen, with a store and without: a span is
# made and handed over. Twice is what a busy machine doesn't make of medians, and what whoever waits
# for a store exceeds a thousandfold.
RATIO_MAX = 2.0

# An export may take ten seconds by OpenTelemetry's default; whoever waited for one is seen by half
# of that.
LATENCY_MAX_S = 5.0

# The end of telemetry takes a second at most (the template's END_TIMEOUT_S); the rest is for a busy
# machine.
END_MAX_S = 4.0


@dataclass
class Service:
    """A process of the template's service, and how long a client waited for each of its answers."""

    child: Child
    url: str
    log: Path
    session: requests.Session = field(default_factory=requests.Session)
    took_s: list[float] = field(default_factory=list)

    def greet(self) -> None:
        """One request that is traced."""
        began_s = time.perf_counter()
        answer = self.session.get(f"{self.url}/hello/telemetry", timeout=TIMEOUT_S)
        self.took_s.append(time.perf_counter() - began_s)
        assert answer.status_code == requests.codes.ok

    def end(self) -> float:
        """Have it end as whoever stops it does; how long that takes."""
        began_s = time.monotonic()
        self.child.signal(signal.SIGTERM)
        self.child.wait()
        return time.monotonic() - began_s

    def lost(self) -> list[str]:
        """The signals of which its log says that something was lost, once for each time."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [line["signal"] for line in lines if line["event"] == "telemetry was lost"]


@pytest.fixture(scope="module")
def silent() -> Iterator[socket.socket]:
    """One who takes connections and what is sent, and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(TIMEOUT_S)
        yield listening


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, silent: socket.socket
) -> Iterator[list[Service]]:
    """The service without telemetry, with stores that refuse, and with silent ones."""
    folder = tmp_path_factory.mktemp("telemetry")
    render_template(TEMPLATE, folder)
    made: list[Service] = []
    try:
        silent_at = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for number, store in enumerate(("", NOWHERE, silent_at)):
            made.append(start(folder, str(number), store))
        for service in made:
            wait_until_it_serves(service)
        yield made
    finally:
        for service in made:
            service.child.kill()


def start(folder: Path, name: str, store: str) -> Service:
    """Start the service; its environment names a proxy that leads nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    own = {"PORT": port, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1"}
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": store, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    log = folder / f"{name}.log"
    child = process.spawn(
        [sys.executable, "-m", "hello_world"],
        env=process.plain_environment(own | told | {"HTTP_PROXY": NOWHERE, "http_proxy": NOWHERE}),
        log=log,
        cwd=folder / "hello-world" / "src",
    )
    return Service(child, f"http://127.0.0.1:{port}", log)


def wait_until_it_serves(service: Service) -> None:
    """Wait for its first answer, and give up if it has ended instead."""

    def look() -> None:
        if service.child.exit_code() is not None:
            pytest.fail(process.tail_of(service.log))
        service.session.get(f"{service.url}/health", timeout=TIMEOUT_S)

    wait_for(
        look,
        deadline=Deadline.after(TIMEOUT_S),
        what=f"an answer of {service.url}",
        retry_on=(requests.RequestException,),
    )


def test_requests_dont_wait_for_a_store(services: list[Service]) -> None:
    """By turns each service is asked, so that what else the machine does is in all of them."""
    for _ in range(REQUESTS):
        for service in services:
            service.greet()
    usual, *others = (median(service.took_s) for service in services)
    assert [round(other / usual, 2) for other in others if other > RATIO_MAX * usual] == []
    assert max(max(service.took_s) for service in services) < LATENCY_MAX_S


def test_a_store_that_is_near_is_asked_without_a_proxy(
    services: list[Service], silent: socket.socket
) -> None:
    """It is asked at all, though the environment names a proxy, behind which is nobody."""
    services[-1].greet()
    connection, _ = silent.accept()
    with connection:
        connection.settimeout(TIMEOUT_S)
        assert connection.recv(len("POST /v1/")) == b"POST /v1/"


def test_the_end_doesnt_wait_for_a_store_and_each_signal_is_missed_in_few_lines(
    services: list[Service],
) -> None:
    """A line in a minute, and one of what is left at the end; none where nothing was to leave."""
    usual_s, *others_s = (service.end() for service in services)
    assert max(others_s) < usual_s + END_MAX_S
    none, *others = (service.lost() for service in services)
    assert none == []
    for lost in others:
        assert set(lost) == {"traces", "logs"}
        assert max(map(lost.count, lost)) <= 2 + sum(services[0].took_s) // 60
