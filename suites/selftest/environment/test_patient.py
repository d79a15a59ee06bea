"""The patient: what its doors do to the service, by what that says of itself, over real HTTP."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from fixtures.paths import SERVERS
from fixtures.pods.servers.patient import MB, MEGABYTES_MAX, SECONDS_MAX, SLOW_MS_MAX
from fixtures.resources.hello_world import TEMPLATE, render_template
from fixtures.resources.patient import Patient
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for

TIMEOUT_S = 30.0

# A greeting takes milliseconds; the rest is for a busy machine.
SLOW_MS = 400.0

# What is told of requests, and of the time that they took.
COUNTER, TIMER = "http_requests_total", "http_request_duration_seconds"
GREETING = "/hello/{name}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Child]]:
    """The service in its wrapper, without a broker: where it serves, and its process."""
    folder = tmp_path_factory.mktemp("patient")
    render_template(TEMPLATE, folder)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    words = [sys.executable, "-P", SERVERS / "patient.py", folder / "hello-world" / "src"]
    own = {"PORT": port, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1"}
    env = process.plain_environment(own)
    child = process.spawn([*map(str, words)], env=env, log=folder / "patient.log")
    url = f"http://127.0.0.1:{port}"

    def look() -> None:
        if child.exit_code() is not None:
            pytest.fail(process.tail_of(folder / "patient.log"))
        requests.get(f"{url}/health", timeout=TIMEOUT_S)

    wait_for(
        look,
        deadline=Deadline.after(TIMEOUT_S),
        what="the patient",
        retry_on=(requests.RequestException,),
    )
    yield url, child
    child.kill()
    child.wait()


@pytest.fixture
def url(running: tuple[str, Child]) -> Iterator[str]:
    """Where it serves, with nothing that ails it before or after."""
    yield running[0]
    for door in ("fail", "slow", "eat"):
        requests.delete(f"{running[0]}/{door}", timeout=TIMEOUT_S).raise_for_status()


def told(url: str, name: str, **labels: str) -> float:
    """What the service's own metrics tell of something; 0 where it isn't there."""
    text = requests.get(f"{url}/metrics", timeout=TIMEOUT_S).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def greet(url: str, times: int) -> list[int]:
    """The statuses of so many greetings."""
    return [requests.get(f"{url}/hello/ward", timeout=TIMEOUT_S).status_code for _ in range(times)]


@pytest.mark.parametrize(("share", "failing"), [(1.0, 8), (0.25, 2), (0.0625, 0)])
def test_a_share_of_requests_fails_by_the_services_own_count(
    url: str, share: float, failing: int
) -> None:
    """Exactly that share of eight is answered with 500, and counted under the route that failed."""
    labels = {"route": GREETING, "status": "500", "method": "GET"}
    before = told(url, COUNTER, **labels)
    with Patient(url).failing(share, seconds=60):
        assert greet(url, 8).count(500) == failing
    assert told(url, COUNTER, **labels) - before == failing
    assert greet(url, 4) == [200] * 4


def test_requests_take_longer_by_the_services_own_histogram(url: str) -> None:
    """Who asks waits, and the service knows it: nothing of them is in a bucket below."""
    counted = {"route": GREETING, "le": "0.25"}
    before, sum_s = told(url, f"{TIMER}_bucket", **counted), told(url, f"{TIMER}_sum")
    with Patient(url).slow(SLOW_MS, seconds=60):
        began_s = time.monotonic()
        assert greet(url, 2) == [200, 200]
        assert time.monotonic() - began_s >= 2 * SLOW_MS / 1000
    assert told(url, f"{TIMER}_bucket", **counted) == before
    assert told(url, f"{TIMER}_sum") - sum_s >= 2 * SLOW_MS / 1000
    assert greet(url, 1) == [200]
    assert told(url, f"{TIMER}_bucket", **counted) == before + 1


def test_memory_is_held_and_given_back(running: tuple[str, Child], url: str) -> None:
    """The kernel sees it, as much as was asked for; the second meal is in the first one's place."""
    seen = psutil.Process(running[1].pid)
    rest = seen.memory_info().rss
    with Patient(url).eating(80, seconds=60):
        assert 75 * MB < seen.memory_info().rss - rest < 90 * MB
        requests.post(f"{url}/eat?megabytes=20&seconds=60", timeout=TIMEOUT_S).raise_for_status()
        assert 15 * MB < seen.memory_info().rss - rest < 30 * MB
    assert seen.memory_info().rss - rest < 10 * MB


def test_whoever_looks_after_it_is_answered_as_ever(url: str) -> None:
    """A probe or a scrape that failed would tell of a service that is down."""
    with Patient(url).failing(1.0, seconds=60), Patient(url).slow(SLOW_MS_MAX, seconds=60):
        began_s = time.monotonic()
        for path, status in (("/health", 200), ("/metrics", 200), ("/ready", 503)):
            answer = requests.get(f"{url}{path}", timeout=TIMEOUT_S)
            assert answer.status_code == status, path  # there is no broker
        assert time.monotonic() - began_s < TIMEOUT_S


@pytest.mark.parametrize(
    ("door", "word", "amount"), [("fail", "share", 1), ("slow", "ms", 50), ("eat", "megabytes", 1)]
)
def test_it_gets_well_by_itself(url: str, door: str, word: str, amount: float) -> None:
    """Whoever made it ill may be dead by then."""
    asked = {word: amount, "seconds": 0.5}
    answer = requests.post(f"{url}/{door}", params=asked, timeout=TIMEOUT_S)
    assert answer.json() == {word: amount}

    def look() -> None:
        now = requests.get(f"{url}/{door}", timeout=TIMEOUT_S).json()
        if now != {word: 0}:
            raise NotYetError(f"{now}")

    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="the patient to be well")


@pytest.mark.parametrize(
    ("door", "query", "said"),
    [
        ("fail", "share=1.1&seconds=1", "share=1.1: should be over 0 and at most 1"),
        ("fail", "share=nan&seconds=1", "share=nan: should be over 0"),
        ("fail", "seconds=1", "share=: should be over 0"),
        ("slow", f"ms={SLOW_MS_MAX + 1:g}&seconds=1", "should be over 0 and at most 60000"),
        ("eat", f"megabytes={MEGABYTES_MAX + 1:g}&seconds=1", "megabytes=321: should be"),
        ("eat", f"megabytes=1&seconds={SECONDS_MAX + 1:g}", "seconds=601: should be"),
        ("eat", "megabytes=1", "seconds=: should be over 0"),
        ("eat", "megabytes=1&seconds=1&share=1", "asked for megabytes, seconds, share"),
    ],
)
def test_what_it_cant_or_mustnt_is_refused(url: str, door: str, query: str, said: str) -> None:
    """In words, and what ails it stays as it was."""
    answer = requests.post(f"{url}/{door}?{query}", timeout=TIMEOUT_S)
    assert answer.status_code == requests.codes.bad_request
    assert said in answer.json()["refused"]
    assert list(requests.get(f"{url}/{door}", timeout=TIMEOUT_S).json().values()) == [0]
    assert requests.put(f"{url}/{door}", timeout=TIMEOUT_S).status_code == 405


def test_the_template_has_no_such_door(tmp_path: Path) -> None:
    """What is shipped is the service alone: the doors are the wrapper's."""
    render_template(TEMPLATE, tmp_path)
    sources = [file.read_text() for file in (tmp_path / "hello-world").rglob("*.py")]
    assert sources
    for word in ("/fail", "/slow", "/eat", "patient"):
        assert not [text for text in sources if word in text], word
