"""Traffic: requests to the service and records on topics, always the same in each round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from confluent_kafka import Producer

from groundwork.base.errors import NotYetError

__all__ = ["ROUND", "Traffic"]

# A server answers in milliseconds; a message waits for the broker's acknowledgement.
TIMEOUT_S = 10.0

# What one round sends; each is told apart by a counter.
ROUND = {"greetings": 3, "strays": 2, "nonsense": 1, "messages": 2, "prices": 2, "records": 5}

SYMBOLS = ("AAPL", "MSFT")

# From round to round, and between symbols: what stands still is no price.
PRICE, STEP, STEPS, APART = 150.0, 1.0, 7, 90.0

PAYLOAD = b"x" * 100


class Traffic:
    """Whoever sends it.

    Attributes:
        rounds: How many it has sent.
    """

    def __init__(self, service: str, bootstrap: str, topics: Sequence[str]) -> None:
        self.rounds = 0
        self._service = service
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._topics = tuple(topics)

    def send(self) -> None:
        """One round.

        Raises:
            NotYetError: The broker hasn't acknowledged its records.
        """
        self.rounds += 1
        for number in range(ROUND["greetings"]):
            self._ask("GET", f"/hello/{number}")
        for number in range(ROUND["strays"]):
            self._ask("GET", f"/nowhere/{number}")
        for _ in range(ROUND["nonsense"]):
            self._ask("POST", "/messages", {"nonsense": True})
        for number in range(ROUND["messages"]):
            self._ask("POST", "/messages", {"text": f"round {self.rounds}, message {number}"})
        for number, symbol in enumerate(SYMBOLS[: ROUND["prices"]]):
            price = PRICE + APART * number + STEP * (self.rounds % STEPS)
            self._ask("POST", "/market-data", {"symbol": symbol, "price": price})
        for topic in self._topics:
            for _ in range(ROUND["records"]):
                self._producer.produce(topic, key=b"dashboards", value=PAYLOAD)
        left = self._producer.flush(TIMEOUT_S)
        if left:
            raise NotYetError(f"the broker hasn't acknowledged {left} records")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """One request, whatever its answer: what comes of it the panels must show."""
        requests.request(method, f"{self._service}{path}", json=body, timeout=TIMEOUT_S)
