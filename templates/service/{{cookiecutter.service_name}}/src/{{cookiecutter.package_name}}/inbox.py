"""The inbox: what comes back is kept and counted, in the trace in which it was published."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import context, propagate
from opentelemetry.trace import SpanKind, Tracer

from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message
from {{ cookiecutter.package_name }}.metrics import Metrics
from {{ cookiecutter.package_name }}.outbox import Outbox
from {{ cookiecutter.package_name }}.records import Headers, decode

__all__ = ["Inbox"]

log = structlog.get_logger(__name__)


class Inbox:
    """Takes records one by one; those of others are counted and nothing else."""

    def __init__(
        self,
        origin: str,
        metrics: Metrics,
        messages: Outbox[Message],
        market_data: Outbox[MarketData],
        tracer: Tracer,
    ) -> None:
        self._origin = origin
        self._metrics = metrics
        self._messages = messages
        self._market_data = market_data
        self._tracer = tracer

    def take(self, value: bytes | None, headers: Headers) -> None:
        """Look at a record, and at what it carries if it is ours."""
        headers = list(headers)
        entry = decode(value, headers, self._origin)
        if entry is None:
            self._metrics.foreign.inc()
            return
        self._metrics.consumed.inc()
        with continued(headers):
            if isinstance(entry, MarketData):
                self._process_market_data(entry)
            else:
                self._messages.add(entry)
                log.info("message came back", message_id=str(entry.id))

    def _process_market_data(self, entry: MarketData) -> None:
        with self._tracer.start_as_current_span(
            "process_market_data",
            kind=SpanKind.CONSUMER,
            attributes={"market_data.symbol": entry.symbol, "market_data.price": entry.price},
        ):
            self._metrics.receive(entry.symbol, entry.price)
            log.info(
                "market_data_received",
                symbol=entry.symbol,
                price=entry.price,
                market_data_id=str(entry.id),
            )
            # Last: whoever finds it finds its metrics and its line, too.
            self._market_data.add(entry)


@contextmanager
def continued(headers: Headers) -> Iterator[None]:
    """Go on in the trace that a record's headers tell, if they tell any."""
    told = {name: value.decode("ascii", "replace") for name, value in headers if value}
    token = context.attach(propagate.extract(told))
    try:
        yield
    finally:
        context.detach(token)
