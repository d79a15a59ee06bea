"""One request, and where its signals are looked for: a figure, a trace, lines of a log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from fixtures.resources.prometheus import Prometheus
from fixtures.resources.signals import Line, Logs, Span, Trace, Traces
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle

__all__ = ["CONSUMED", "EVENT", "METRIC", "REQUEST", "Followed", "Posted", "Signals", "path_of"]

# What the service calls what it does with a piece of market data, and what it says and counts then.
CONSUMED = "process_market_data"
EVENT = "market_data_received"
METRIC = "market_data_received_total"

# What a trace begins with.
REQUEST = "POST /market-data"

# From the answer until each signal is found: a scrape, a batch and a store's index take some
# seconds.
FOUND_WITHIN_S = 10.0
TIMEOUT_S = 5.0

Found = TypeVar("Found")


@dataclass(frozen=True)
class Posted:
    """A request that was answered.

    Attributes:
        symbol: What it was about.
        before: How often the service had received something about that, as Prometheus knew it.
        began_s: When it was sent, since 1970.
        answered_s: When it was answered, on the machine's monotonic clock.
    """

    symbol: str
    before: float
    began_s: float
    answered_s: float


@dataclass(frozen=True)
class Followed:
    """A request that was followed to its end.

    Attributes:
        symbol: What it was about.
        trace: Its trace, from the exemplar of the figure that it was counted in.
        lines: What was said in its course.
        found_s: How long after its answer each signal was found.
    """

    symbol: str
    trace: Trace
    lines: tuple[Line, ...]
    found_s: dict[str, float] = field(default_factory=dict)

    def said(self) -> list[dict[str, Any]]:
        """Its lines, each the JSON object that it is."""
        return [json.loads(each.text) for each in self.lines]


@dataclass(frozen=True)
class Signals:
    """Where a service's signals get to."""

    prometheus: Prometheus
    logs: Logs
    traces: Traces

    def follow(self, service: Handle, symbol: str, price: float) -> Followed:
        """Post a piece of market data, and find it again by all three signals."""
        return self.find(self.post(service, symbol, price))

    def post(self, service: Handle, symbol: str, price: float) -> Posted:
        """Post a piece of market data to a service."""
        before, began_s = self.counted(symbol), time.time()
        answer = requests.post(
            f"{service.endpoint('http')}/market-data",
            json={"symbol": symbol, "price": price},
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == requests.codes.accepted, answer.text
        return Posted(symbol, before, began_s, time.monotonic())

    def find(self, posted: Posted) -> Followed:
        """Find a request again by all three signals.

        From the figure one gets to the trace, from the trace to the lines: nothing else is known of
        the request.

        Raises:
            WaitTimeoutError: A signal isn't there in time; says which.
        """
        symbol, answered_s = posted.symbol, posted.answered_s
        found_s: dict[str, float] = {}

        def find(signal: str, look: Callable[[], Found]) -> Found:
            found = wait_for(
                look,
                deadline=Deadline(answered_s + FOUND_WITHIN_S, FOUND_WITHIN_S),
                what=f"the request about {symbol} to be found, by its {signal}",
                retry_on=(requests.RequestException,),
            )
            found_s[signal] = time.monotonic() - answered_s
            return found

        find("metric", lambda: self.expect_counted(symbol, posted.before + 1))
        trace_id = find("exemplar", lambda: self.exemplar(symbol, posted.began_s))
        trace = find("trace", lambda: self.whole_trace(trace_id))
        lines = find("log line", lambda: self.lines(trace_id))
        return Followed(symbol, trace, lines, found_s)

    def counted(self, symbol: str) -> float:
        """How often the service has received something about a symbol, as Prometheus knows it."""
        found = self.prometheus.query(f'sum({METRIC}{{symbol="{symbol}"}})')
        return float(found[0]["value"][1]) if found else 0.0

    def expect_counted(self, symbol: str, times: float) -> None:
        """Raise NotYetError until it was received so often."""
        if (found := self.counted(symbol)) < times:
            raise NotYetError(f"{METRIC} of {symbol} is {found:g}, and should be {times:g}")

    def exemplar(self, symbol: str, since_s: float) -> str:
        """The trace that the count of a symbol leads to, of those counted since."""
        told = self.prometheus.get(
            "query_exemplars",
            query=f'{METRIC}{{symbol="{symbol}"}}',
            start=f"{since_s:.3f}",
            end=f"{time.time() + 1:.3f}",
        )
        ids = [each["labels"].get("trace_id", "") for of in told for each in of["exemplars"]]
        if not ids:
            why = "is nothing sampled, or are exemplars not kept?"
            raise NotYetError(f"{METRIC} of {symbol} has no exemplar: {why}")
        return str(ids[-1])

    def whole_trace(self, trace_id: str) -> Trace:
        """A trace, once what was done with what it has published is part of it."""
        found = self.traces.trace(trace_id)
        if found is None:
            raise NotYetError(f"the store of traces knows of no trace {trace_id}")
        names = ", ".join(sorted(each.name for each in found.spans))
        if not found.called(CONSUMED):
            raise NotYetError(f"trace {trace_id} has no span {CONSUMED}, only {names}")
        if not any(each.name.startswith(REQUEST) and not each.parent for each in found.spans):
            raise NotYetError(f"trace {trace_id} doesn't begin with {REQUEST}, but has {names}")
        return found

    def lines(self, trace_id: str) -> tuple[Line, ...]:
        """The lines of a trace, that of its consumption among them."""
        found = self.logs.lines(trace_id)
        if not any(EVENT in each.text for each in found):
            texts = ", ".join(each.text for each in found) or "none at all"
            raise NotYetError(
                f"the store of logs has no line {EVENT} with the trace id {trace_id}, but {texts}"
            )
        return found


def path_of(trace: Trace, span: Span) -> list[str]:
    """The names of the spans that lead to one, from the root on."""
    return [each.name for each in (*reversed(trace.above(span)), span)]
