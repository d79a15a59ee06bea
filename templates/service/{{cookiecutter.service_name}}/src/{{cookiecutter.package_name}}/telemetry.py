"""Telemetry: traces and log lines leave by OTLP over HTTP, each of them where it has an endpoint.

OpenTelemetry's SDK reads its own variables: endpoints, time limits, batches, queues, the sampler,
what describes the service. Here is what it has no variables for.
"""

import ipaddress
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Tracer

from {{ cookiecutter.package_name }}.logs import Export
from {{ cookiecutter.package_name }}.losses import Losses

__all__ = ["Telemetry", "start_telemetry"]

# Probes and scrapes would be most of the spans and tell nothing.
UNTRACED_URLS = "^https?://[^/]+/(health|ready|metrics)$"

# For what is in the queues at the end. A store that answers needs a tenth; one that doesn't must
# not hold up an end that Kubernetes, or whoever waits for it, has a limit for.
END_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Telemetry:
    """What leaves the service.

    Attributes:
        traces: Who makes spans; None where nobody takes them.
        logs: Who takes log lines; None where nobody does.
        losses: What couldn't leave, of traces and of logs.
    """

    traces: TracerProvider | None = None
    logs: Export | None = None
    losses: Mapping[str, Losses] = field(default_factory=dict)

    @property
    def tracer(self) -> Tracer:
        """Who makes the service's own spans."""
        return self.traces.get_tracer("{{ cookiecutter.package_name }}") if self.traces else NoOpTracer()

    def begin(self, app: FastAPI) -> None:
        """Have requests and records traced, and lines exported."""
        if self.logs is not None:
            logging.getLogger().addHandler(self.logs)
        if self.traces is not None:
            FastAPIInstrumentor.instrument_app(
                app,
                tracer_provider=self.traces,
                excluded_urls=UNTRACED_URLS,
                # A span for each half of an answer says nothing that the request's doesn't.
                exclude_spans=["receive", "send"],
            )
            AIOKafkaInstrumentor().instrument(tracer_provider=self.traces)

    def end(self) -> None:
        """Send what is left, if that can be done in time."""
        if self.traces is not None:
            AIOKafkaInstrumentor().uninstrument()
        if self.logs is not None:
            logging.getLogger().removeHandler(self.logs)
        logs = self.logs.provider if self.logs else None
        unsent = shut_down({"traces": self.traces, "logs": logs})
        for signal, losses in self.losses.items():
            if signal in unsent:
                losses.count(f"not sent within {END_TIMEOUT_S:g} s of the end")
            losses.end()


def shut_down(providers: Mapping[str, TracerProvider | LoggerProvider | None]) -> set[str]:
    """Have providers send what they hold, all at once; the names of those that didn't in time."""
    threads = {
        # A daemon: the SDK waits for a silent store for as long as an export may take.
        name: threading.Thread(target=provider.shutdown, daemon=True)
        for name, provider in providers.items()
        if provider is not None
    }
    for thread in threads.values():
        thread.start()
    deadline_s = time.monotonic() + END_TIMEOUT_S
    for thread in threads.values():
        thread.join(max(deadline_s - time.monotonic(), 0))
    return {name for name, thread in threads.items() if thread.is_alive()}


def start_telemetry(name: str) -> Telemetry:
    """Start to export what there is an endpoint for.

    Args:
        name: What the service is called where OpenTelemetry's variables don't say.
    """
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: name}))
    traces, logs, losses = None, None, {}
    if endpoint := endpoint_of(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT):
        traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans = OTLPSpanExporter(session=session_for(endpoint))
        traces.add_span_processor(BatchSpanProcessor(spans))
        losses["traces"] = Losses("traces", OTLPSpanExporter.__module__, "Span")
    if endpoint := endpoint_of(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT):
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        lines = OTLPLogExporter(session=session_for(endpoint))
        provider.add_log_record_processor(BatchLogRecordProcessor(lines))
        logs = Export(provider)
        losses["logs"] = Losses("logs", OTLPLogExporter.__module__, "Log")
    return Telemetry(traces, logs, losses)


def endpoint_of(variable: str) -> str:
    """Where a signal's exporter will send to; empty where nobody has said so."""
    return os.environ.get(variable) or os.environ.get(OTEL_EXPORTER_OTLP_ENDPOINT) or ""


def session_for(endpoint: str) -> requests.Session | None:
    """A session that asks no proxy for what is near; None, the SDK's own, for all else."""
    if not is_near(endpoint):
        return None
    session = requests.Session()
    session.trust_env = False
    return session


def is_near(endpoint: str) -> bool:
    """Whether an address is of this machine, its network or its cluster: no proxy leads there."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or f"{host}.".endswith((".svc.", ".cluster.local.", ".localhost."))
