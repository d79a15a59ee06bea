"""What comes back is counted, logged and traced: in the trace in which it was published."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import structlog
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from {{ cookiecutter.package_name }}.inbox import Inbox
from {{ cookiecutter.package_name }}.logs import configure_logs
from {{ cookiecutter.package_name }}.market_data import MarketData
from {{ cookiecutter.package_name }}.messages import Message
from {{ cookiecutter.package_name }}.metrics import SYMBOLS_MAX, Metrics
from {{ cookiecutter.package_name }}.outbox import Outbox
from {{ cookiecutter.package_name }}.records import Entry, encode

ENTRY = MarketData(symbol="AAPL", price=150.25)


@dataclass
class Scene:
    """An inbox, and all that one sees of it."""

    sampler: Sampler = ALWAYS_ON
    metrics: Metrics = field(default_factory=Metrics)
    messages: Outbox[Message] = field(default_factory=lambda: Outbox(2))
    market_data: Outbox[MarketData] = field(default_factory=lambda: Outbox(2))
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        """Make what follows from the sampler, and have lines written where they are captured."""
        configure_logs("INFO")
        provider = TracerProvider(sampler=self.sampler)
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = provider.get_tracer("test")
        self.inbox = Inbox("me", self.metrics, self.messages, self.market_data, self.tracer)

    def publish(self, entry: Entry) -> trace.SpanContext:
        """Have an entry come back as it was published in a span; that span."""
        _, value, headers = encode(entry, "me")
        with self.tracer.start_as_current_span("publish") as span:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
        headers += [(name, told.encode()) for name, told in carrier.items()]
        self.inbox.take(value, headers)
        return span.get_span_context()


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give the root logger back as it was: its handler here writes to a captured stream."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def samples(registry: CollectorRegistry, name: str) -> list[Sample]:
    """The samples of one name."""
    return [s for family in registry.collect() for s in family.samples if s.name == name]


def test_market_data_is_processed_in_the_trace_of_its_publication(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its span is a child of the publisher's, and its line and its count lead to it."""
    scene = Scene()
    published = scene.publish(ENTRY)
    (span,) = (s for s in scene.spans.get_finished_spans() if s.name == "process_market_data")
    assert span.context is not None
    assert span.parent is not None
    assert (span.parent.span_id, span.context.trace_id) == (published.span_id, published.trace_id)
    line = json.loads(capsys.readouterr().out)
    trace_id = trace.format_trace_id(published.trace_id)
    assert line["event"] == "market_data_received"
    assert (line["symbol"], line["price"]) == ("AAPL", 150.25)
    told = (trace_id, trace.format_span_id(span.context.span_id))
    assert (line["trace_id"], line["span_id"]) == told
    (counted,) = samples(scene.metrics.registry, "market_data_received_total")
    assert (counted.labels, counted.value) == ({"symbol": "AAPL"}, 1)
    assert counted.exemplar is not None
    assert counted.exemplar.labels == {"trace_id": trace_id}
    (price,) = samples(scene.metrics.registry, "market_data_price")
    assert price.value == 150.25
    assert scene.market_data.find(ENTRY.id) == ENTRY


def test_a_message_is_logged_in_the_trace_of_its_publication(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has no span of its own; its line belongs to the publisher's."""
    scene = Scene()
    published = scene.publish(Message(text="hi"))
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "message came back"
    assert line["trace_id"] == trace.format_trace_id(published.trace_id)
    assert not trace.get_current_span().get_span_context().is_valid


def test_what_isnt_recorded_has_no_exemplar(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would find the trace; lines name it all the same, for they belong together."""
    scene = Scene(ALWAYS_OFF)
    published = scene.publish(ENTRY)
    assert not scene.spans.get_finished_spans()
    (counted,) = samples(scene.metrics.registry, "market_data_received_total")
    assert (counted.value, counted.exemplar) == (1, None)
    line = json.loads(capsys.readouterr().out)
    assert line["trace_id"] == trace.format_trace_id(published.trace_id)


@pytest.mark.parametrize(
    "told", [b"\xff\xfe", b"", b"00-nonsense-01", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"]
)
def test_a_header_that_tells_no_trace_is_harmless(told: bytes) -> None:
    """Whatever it holds, the record is processed, in a trace of its own."""
    scene = Scene()
    _, value, headers = encode(ENTRY, "me")
    scene.inbox.take(value, [*headers, ("traceparent", told)])
    (span,) = scene.spans.get_finished_spans()
    assert span.parent is None
    assert scene.market_data.find(ENTRY.id) == ENTRY


def test_records_of_others_are_counted_and_nothing_else() -> None:
    """No span, no series, no entry."""
    scene = Scene()
    _, value, headers = encode(ENTRY, "somebody")
    scene.inbox.take(value, headers)
    assert not scene.spans.get_finished_spans()
    assert not samples(scene.metrics.registry, "market_data_received_total")
    assert samples(scene.metrics.registry, "messages_foreign_total")[0].value == 1


def test_symbols_are_bounded() -> None:
    """Those beyond share a counter, and none is lost; they have no price."""
    metrics = Metrics()
    for number in [*range(SYMBOLS_MAX + 3), 0]:
        metrics.receive(f"S{number}", 1 + number)
    counted = {
        s.labels["symbol"]: s.value for s in samples(metrics.registry, "market_data_received_total")
    }
    assert (counted["S0"], counted["S1"], counted["other"]) == (2, 1, 3)
    assert len(counted) == SYMBOLS_MAX + 1
    assert len(samples(metrics.registry, "market_data_price")) == SYMBOLS_MAX
