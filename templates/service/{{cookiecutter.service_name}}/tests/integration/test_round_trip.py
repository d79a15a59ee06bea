"""A message comes back through a real broker; needs KAFKA_BOOTSTRAP_SERVERS and the topic."""

import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

pytestmark = pytest.mark.integration

TIMEOUT_S = 15.0


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The app, as soon as it is ready."""
    with TestClient(create_app(Settings())) as made:
        status_after_wait(made, "/ready")
        yield made


def status_after_wait(client: TestClient, path: str) -> None:
    """Ask until the answer is 200 or the time is up."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while (answer := client.get(path)).status_code != 200:
        assert time.monotonic() < deadline_s, f"{path}: {answer.status_code} {answer.text}"
        time.sleep(0.1)


def test_a_message_comes_back(client: TestClient) -> None:
    """POST, publish, consume, GET."""
    posted = client.post("/messages", json={"text": "hello"})
    assert posted.status_code == 202
    path = f"/messages/{posted.json()['id']}"
    status_after_wait(client, path)
    assert client.get(path).json() == posted.json()


def test_market_data_comes_back(client: TestClient) -> None:
    """The same, and it is counted by its symbol."""
    posted = client.post("/market-data", json={"symbol": "AAPL", "price": 150.25})
    assert posted.status_code == 202
    path = f"/market-data/{posted.json()['id']}"
    status_after_wait(client, path)
    assert client.get(path).json() == posted.json()
    assert 'market_data_price{symbol="AAPL"} 150.25' in client.get("/metrics").text
