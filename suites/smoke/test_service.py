"""hello-world: it answers, counts, publishes and reads back, and tells when it can't."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import allure
import pytest
import requests

from fixtures.resources.hello_world import READY_INTERVAL_S
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from suites.support.metrics import samples_of

TIMEOUT_S = 5.0
MESSAGE_TIMEOUT_S = 10.0

# A client that was cut off tries again at growing intervals of up to a second.
RECOVERY_TIMEOUT_S = 20.0

REQUESTS = 7


def get(service: Handle, path: str) -> requests.Response:
    """One GET."""
    return requests.get(f"{service.endpoint('http')}{path}", timeout=TIMEOUT_S)


def answers(service: Handle, path: str, status: int) -> Callable[[], requests.Response]:
    """A condition: the service answers a path with this status."""

    def condition() -> requests.Response:
        answer = get(service, path)
        if answer.status_code != status:
            raise NotYetError(f"{path} answers {answer.status_code}: {answer.text}")
        return answer

    return condition


def test_hello_world_is_healthy_and_ready(hello_world: Handle) -> None:
    """/health and /ready answer 200."""
    assert get(hello_world, "/health").status_code == requests.codes.ok
    assert get(hello_world, "/ready").json() == {"status": "ready"}


def test_its_metrics_count_requests_exactly(hello_world: Handle) -> None:
    """The request counter of a route moves by exactly the requests made to it."""

    def counted() -> float:
        wanted = {"method": "GET", "route": "/hello/{name}", "status": "200"}
        samples = samples_of(hello_world.endpoint("metrics"), "http_requests_total")
        return sum(sample.value for sample in samples if sample.labels == wanted)

    before = counted()
    for number in range(REQUESTS):
        assert get(hello_world, f"/hello/{number}").json() == {"message": f"Hello, {number}!"}
    assert counted() == before + REQUESTS


def test_a_message_comes_back_through_the_broker(hello_world: Handle) -> None:
    """A posted message is published, consumed back, and can then be read."""
    text = f"smoke {uuid4()}"
    accepted = post(hello_world, text)
    assert accepted.status_code == requests.codes.accepted, accepted.text
    posted = accepted.json()
    path = f"/messages/{posted['id']}"
    found = wait_for(
        answers(hello_world, path, requests.codes.ok),
        deadline=Deadline.after(MESSAGE_TIMEOUT_S),
        what="the message to come back",
    )
    assert found.json() == posted
    assert posted["text"] == text


def post(service: Handle, text: str) -> requests.Response:
    """Post a message."""
    url = f"{service.endpoint('http')}/messages"
    return requests.post(url, json={"text": text}, timeout=TIMEOUT_S)


@pytest.mark.disturbs("relay")
def test_ready_follows_the_broker(relay: Handle, hello_world_relayed: Handle) -> None:
    """Cut off from its broker the service turns unready within its interval, and ready after.

    It stays healthy all along: a restart would mend nothing. What it is given meanwhile it refuses:
    202 is a promise that the broker has made.
    """
    assert get(hello_world_relayed, "/ready").status_code == requests.codes.ok
    with allure.step("close the relay"), relay.fault("isolate"):
        wait_for(
            answers(hello_world_relayed, "/ready", requests.codes.service_unavailable),
            deadline=Deadline.after(READY_INTERVAL_S),
            what="the service to turn unready",
        )
        assert get(hello_world_relayed, "/health").status_code == requests.codes.ok
        refused = post(hello_world_relayed, "into the void")
        assert refused.status_code == requests.codes.service_unavailable, refused.text
    with allure.step("the relay is open again"):
        wait_for(
            answers(hello_world_relayed, "/ready", requests.codes.ok),
            deadline=Deadline.after(RECOVERY_TIMEOUT_S),
            what="the service to turn ready again",
        )
