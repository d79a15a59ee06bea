"""HTTP without a broker: the port that is asked is really closed."""

import socket
import uuid
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.messages import Message
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The app, with a broker's address where nobody listens."""
    with socket.socket() as reserved:  # bound but not listening: refused, and nobody takes it
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        settings = Settings(kafka_bootstrap_servers=address)
        with TestClient(create_app(settings)) as made:
            yield made


def count_of(client: TestClient, name: str) -> float:
    """What a counter without labels has come to."""
    (sample,) = (
        s
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for s in family.samples
        if s.name == name
    )
    return sample.value


def requests_counted(client: TestClient) -> dict[tuple[str, str, str], float]:
    """The counter of requests by method, route and status."""
    return {
        (s.labels["method"], s.labels["route"], s.labels["status"]): s.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for s in family.samples
        if s.name == "http_requests_total"
    }


def test_healthy_without_a_broker(client: TestClient) -> None:
    """Liveness doesn't depend on the broker: a restart would mend nothing."""
    assert client.get("/health").status_code == 200


def test_not_ready_without_a_broker(client: TestClient) -> None:
    """/ready is 503 and says why."""
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["reason"]


def test_a_message_is_refused_without_a_broker(client: TestClient) -> None:
    """A POST that can't be published isn't accepted."""
    assert client.post("/messages", json={"text": "hi"}).status_code == 503


def test_what_isnt_acknowledged_is_counted(client: TestClient) -> None:
    """Each message that the broker didn't take, and none that was refused before it was asked."""
    assert count_of(client, "messages_failed_total") == 0
    client.post("/messages", json={"text": ""})
    for _ in range(2):
        client.post("/messages", json={"text": "hi"})
    assert count_of(client, "messages_failed_total") == 2
    assert count_of(client, "messages_published_total") == 0


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 4097}, {"text": None}])
def test_bad_messages_are_refused(client: TestClient, body: dict[str, object]) -> None:
    """The body is checked before the broker is asked."""
    assert client.post("/messages", json=body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"symbol": "AAPL"},
        {"symbol": "AAPL", "price": 0},
        {"symbol": "AAPL", "price": "NaN"},
        {"symbol": "AAPL", "price": "Infinity"},
        {"symbol": "aapl", "price": 1},
        {"symbol": "", "price": 1},
        {"symbol": "A" * 17, "price": 1},
    ],
)
def test_bad_market_data_is_refused(client: TestClient, body: dict[str, object]) -> None:
    """A symbol becomes a label, a price the value of a series."""
    assert client.post("/market-data", json=body).status_code == 422


def test_market_data_is_refused_without_a_broker(client: TestClient) -> None:
    """And what was never published is never found."""
    answer = client.post("/market-data", json={"symbol": "AAPL", "price": 150.25})
    assert answer.status_code == 503
    assert count_of(client, "messages_failed_total") == 1
    assert client.get(f"/market-data/{uuid.uuid4()}").status_code == 404


def test_an_unknown_message_is_not_found(client: TestClient) -> None:
    """404 until a message has come back."""
    assert client.get(f"/messages/{uuid.uuid4()}").status_code == 404


def test_as_many_messages_are_kept_as_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that came back the oldest is forgotten first."""
    monkeypatch.setenv("MESSAGES_KEPT", "2")
    app = create_app(Settings())
    client = TestClient(app)  # outside of a block: it never looks for its broker
    messages = [Message(text=str(number)) for number in range(3)]
    for message in messages:
        app.state.messages.add(message)
    told = [client.get(f"/messages/{message.id}").status_code for message in messages]
    assert told == [404, 200, 200]
    monkeypatch.setenv("MESSAGES_KEPT", "0")
    with pytest.raises(ValidationError, match="messages_kept"):
        Settings()


def test_requests_are_counted_exactly_by_route(client: TestClient) -> None:
    """Path parameters don't become labels, and unknown paths share one."""
    for name in ("a", "b", "c"):
        assert client.get(f"/hello/{name}").json() == {"message": f"Hello, {name}!"}
    client.get("/no/such/path")
    client.get("/nor/this")
    counted = requests_counted(client)
    assert counted["GET", "/hello/{name}", "200"] == 3
    assert counted["GET", "unmatched", "404"] == 2
