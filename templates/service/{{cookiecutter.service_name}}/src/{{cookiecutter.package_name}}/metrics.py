"""Metrics, on a registry of the app's own, and the middleware that counts requests."""

import time

from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CountRequests", "Metrics"]

# Around the objective of 500 ms at the 95th percentile.
LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)

# One label value for whatever matches no route: a scanner must not fill the registry.
UNMATCHED = "unmatched"

# Each symbol is two series for as long as the process lives, and clients choose them. What is
# beyond shares one counter, and has no price: the last one of many symbols would mean nothing.
SYMBOLS_MAX = 100
OTHER_SYMBOLS = "other"


class Metrics:
    """All metrics of one app."""

    def __init__(self) -> None:
        # When a counter began to count nobody here asks, and it doubles the series.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "http_request_duration_seconds",
            "From a request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.published = self._counter("messages_published_total", "Messages acknowledged.")
        self.failed = self._counter("messages_failed_total", "Messages not acknowledged.")
        self.consumed = self._counter("messages_consumed_total", "Own messages read back.")
        self.foreign = self._counter("messages_foreign_total", "Records of others, ignored.")
        self.broker_ready = Gauge(
            "broker_ready", "1 while the broker answers, else 0.", registry=self.registry
        )
        self._market_data = Counter(
            "market_data_received_total",
            "Own market data read back.",
            ["symbol"],
            registry=self.registry,
        )
        self._prices = Gauge(
            "market_data_price",
            "The last price that came back.",
            ["symbol"],
            registry=self.registry,
        )
        self._symbols: set[str] = set()

    def receive(self, symbol: str, price: float) -> None:
        """Count market data that came back."""
        if symbol in self._symbols or len(self._symbols) < SYMBOLS_MAX:
            self._symbols.add(symbol)
            self._prices.labels(symbol).set(price)
        else:
            symbol = OTHER_SYMBOLS
        self._market_data.labels(symbol).inc(exemplar=exemplar())

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self.registry)


def exemplar() -> dict[str, str] | None:
    """The trace that is measured now; None where it isn't recorded, for nobody would find it."""
    span = trace.get_current_span().get_span_context()
    if not (span.is_valid and span.trace_flags.sampled):
        return None
    return {"trace_id": trace.format_trace_id(span.trace_id)}


class CountRequests:
    """ASGI middleware: counts each request and times it, under its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at the answer's status."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status = 500  # what the server answers where the app raised

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", UNMATCHED)
            method = scope["method"]
            took_s, example = time.perf_counter() - started_s, exemplar()
            self.metrics.requests.labels(method, route, str(status)).inc(exemplar=example)
            self.metrics.latency.labels(method, route).observe(took_s, exemplar=example)
