"""Telemetry that can't leave costs a line; what is near is asked without a proxy.

Stores that are away are real sockets: one that refuses, one that takes all and never answers.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import SpanKind, format_trace_id
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as classic
from prometheus_client.samples import Sample

from {{ cookiecutter.package_name }}.app import build_app
from {{ cookiecutter.package_name }}.logs import configure_logs
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.telemetry import (
    END_TIMEOUT_S,
    Telemetry,
    is_near,
    session_for,
    start_telemetry,
)

# As Prometheus asks, in so far as it matters: of Debian 12 (2.42), and 3.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;q=0.3",
)

# For what takes a second or two, on a busy machine.
TIMEOUT_S = 10.0

# Where nobody listens: connections are refused.
NOWHERE = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of this machine's OpenTelemetry, and the root logger as it was afterwards."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of one who takes connections and what is sent, and never says anything."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", f"{2 * END_TIMEOUT_S}")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    # Whoever still tries writes lines when it gives up, which are no other test's.
    for thread in threading.enumerate():
        if thread.name.startswith("OtelBatch"):
            thread.join(TIMEOUT_S)


@pytest.fixture
def start(black_hole: str) -> Iterator[Callable[[], Telemetry]]:
    """Starts telemetry, with a log that is captured; what a test hasn't ended ends with it."""
    del black_hole  # it goes later, and waits for whoever still sends
    started: list[Telemetry] = []

    def begin() -> Telemetry:
        configure_logs("DEBUG")
        started.append(start_telemetry("me"))
        started[-1].begin(FastAPI())
        return started[-1]

    yield begin
    for telemetry in started:
        telemetry.end()


def end(telemetry: Telemetry) -> float:
    """How long the end takes, in seconds."""
    began_s = time.monotonic()
    telemetry.end()
    return time.monotonic() - began_s


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The lines of the log so far, but for what a library says to whoever debugs."""
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [line for line in lines if line["level"] != "debug"]


def test_without_an_endpoint_nothing_starts(start: Callable[[], Telemetry]) -> None:
    """No provider, no thread, and an end that has nothing to do."""
    before = set(threading.enumerate())  # one of another test's may be about to end
    telemetry = start()
    assert (telemetry.traces, telemetry.logs) == (None, None)
    assert set(threading.enumerate()) - before == set()
    assert end(telemetry) < END_TIMEOUT_S


@pytest.mark.parametrize(
    ("variable", "signals"),
    [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", (True, False)),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", (False, True)),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", (True, True)),
    ],
)
def test_each_signal_leaves_where_it_has_an_endpoint(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    signals: tuple[bool, bool],
) -> None:
    """The base is for both."""
    monkeypatch.setenv(variable, f"http://{NOWHERE}/v1/x")
    telemetry = start()
    found = (telemetry.traces is not None, telemetry.logs is not None)
    telemetry.end()
    assert found == signals


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "me"),
        ({"OTEL_SERVICE_NAME": "told"}, "told"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=told,a=b"}, "told"),
    ],
)
def test_the_service_is_called_as_opentelemetry_is_told(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    name: str,
) -> None:
    """Its own name is for where nobody says another."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://{NOWHERE}/v1/traces")
    telemetry = start()
    telemetry.end()
    assert telemetry.traces is not None
    assert telemetry.traces.resource.attributes[SERVICE_NAME] == name


def test_a_store_that_is_away_costs_one_line(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of all batches that can't leave, and tries of them, the first is told, and the rest later."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://{NOWHERE}/v1/traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0.3")  # of a batch, all tries together
    telemetry = start()
    assert telemetry.traces is not None
    for _ in range(3):
        telemetry.tracer.start_span("lost").end()
        telemetry.traces.force_flush()
    (line,) = told(capsys)
    assert (line["event"], line["signal"], line["batches"]) == ("telemetry was lost", "traces", 1)
    telemetry.end()
    (line,) = told(capsys)
    assert line["batches"] == 2


def test_what_exporting_writes_isnt_exported(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else a store of lines would be sent a line for each of its batches, for ever."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"http://{NOWHERE}/v1/logs")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0.3")
    telemetry = start()
    assert telemetry.logs is not None
    logging.getLogger("somebody").info("hello")
    # A thread, for this is where it would never end.
    flush = threading.Thread(target=telemetry.logs.provider.force_flush, daemon=True)
    flush.start()
    flush.join(TIMEOUT_S)
    assert not flush.is_alive(), "each export makes another"
    lines = capsys.readouterr().out.splitlines()
    assert any("urllib3" in line for line in lines), "the exporter's connections wrote nothing"
    telemetry.logs.provider.force_flush()  # what it has queued meanwhile
    assert not capsys.readouterr().out
    telemetry.end()


def test_a_silent_store_doesnt_hold_up_the_end(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    black_hole: str,
) -> None:
    """What can't be sent in time is given up, and that is told; both signals share the time."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{black_hole}")
    telemetry = start()
    telemetry.tracer.start_span("lost").end()
    logging.getLogger("somebody").info("hello")
    assert END_TIMEOUT_S <= end(telemetry) < 2 * END_TIMEOUT_S
    lost = [line for line in told(capsys) if line["event"] == "telemetry was lost"]
    assert [line["signal"] for line in lost] == ["traces", "logs"]


def test_a_queue_that_is_full_drops_and_says_nothing_of_its_own(
    start: Callable[[], Telemetry],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    black_hole: str,
) -> None:
    """Neither memory nor the log grows with what can't leave."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://{black_hole}/v1/traces")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    telemetry = start()
    for _ in range(1000):
        telemetry.tracer.start_span("lost").end()
    assert not told(capsys)
    telemetry.end()
    (line,) = told(capsys)
    assert line["queue_full"] is True


@pytest.mark.parametrize(
    ("endpoint", "near"),
    [
        ("http://127.0.0.1:4318/v1/traces", True),
        ("http://[::1]:4318", True),
        ("http://localhost:4318", True),
        ("http://10.96.0.12:4318", True),
        ("http://collector:4318", True),
        ("http://collector.infra.svc:4318", True),
        ("http://collector.infra.svc.cluster.local:4318", True),
        ("https://otlp.example.com", False),
        ("https://otlp.svc.example.com", False),
        ("http://93.184.216.34:4318", False),
    ],
)
def test_no_proxy_leads_to_what_is_near(endpoint: str, near: bool) -> None:  # noqa: FBT001
    """Of this machine, its network, its cluster; all else goes as the environment has it."""
    assert is_near(endpoint) is near
    session = session_for(endpoint)
    assert (session is not None and not session.trust_env) is near


def served(sampler: Sampler, *paths: str, accept: str = "") -> tuple[InMemorySpanExporter, str]:
    """Ask an app for paths; its spans, and its metrics then."""
    spans, traces = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    traces.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = Telemetry(traces)
    with TestClient(build_app(Settings(kafka_bootstrap_servers=NOWHERE), telemetry)) as client:
        for path in paths:
            assert client.get(path).status_code < 600
        answer = client.get("/metrics", headers={"accept": accept} if accept else {})
    return spans, answer.text


def of_requests(text: str) -> list[Sample]:
    """What OpenMetrics tells of requests to /hello/{name}."""
    return [
        s
        for family in open_metrics(text)
        for s in family.samples
        if s.labels.get("route") == "/hello/{name}"
    ]


def test_requests_are_traced_and_probes_are_not() -> None:
    """One span of a request, whatever it is asked for; none of those that come all the time."""
    spans, _ = served(ALWAYS_ON, "/health", "/ready", "/hello/a", "/hello/health", "/metrics")
    names = [(span.name, span.kind) for span in spans.get_finished_spans()]
    assert names == 2 * [("GET /hello/{name}", SpanKind.SERVER)]


@pytest.mark.parametrize("accept", PROMETHEUS)
def test_counts_and_times_of_requests_lead_to_a_trace(accept: str) -> None:
    """By an exemplar on the counter, and one on the bucket in which the request lies."""
    spans, text = served(ALWAYS_ON, "/hello/a", accept=accept)
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    trace_id = {"trace_id": format_trace_id(span.context.trace_id)}
    found = [(s.name, s.exemplar.labels) for s in of_requests(text) if s.exemplar]
    assert sorted(found, key=str) == [
        ("http_request_duration_seconds_bucket", trace_id),
        ("http_requests_total", trace_id),
    ]


def test_what_isnt_sampled_has_no_exemplar() -> None:
    """It would lead nowhere."""
    spans, text = served(ALWAYS_OFF, "/hello/a", accept=PROMETHEUS[0])
    assert not spans.get_finished_spans()
    samples = of_requests(text)
    assert samples
    assert not [s for s in samples if s.exemplar]


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain;version=0.0.4;q=0.5"])
def test_the_classic_format_has_the_same_series(accept: str) -> None:
    """For whoever doesn't ask for OpenMetrics; by the same names, and none of creations."""
    _, text = served(ALWAYS_ON, "/hello/a", accept=accept)
    assert "trace_id" not in text
    names = {s.name for family in classic(text) for s in family.samples}
    _, text = served(ALWAYS_ON, "/hello/a", accept=PROMETHEUS[0])
    assert names == {s.name for family in open_metrics(text) for s in family.samples}
    assert "http_requests_total" in names
    assert not [name for name in names if name.endswith("_created")]
