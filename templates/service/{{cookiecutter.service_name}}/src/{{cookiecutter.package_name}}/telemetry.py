"""OpenTelemetry: traces and logs leave by OTLP over HTTP; without an endpoint nothing starts."""

import logging
from collections.abc import Callable

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiokafka import AIOKafkaInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from {{ cookiecutter.package_name }}.settings import Settings

__all__ = ["start_telemetry"]

# Probes and scrapes would be most of the spans and tell nothing.
UNTRACED_ROUTES = "health,ready,metrics"


def start_telemetry(app: FastAPI, settings: Settings) -> Callable[[], None]:
    """Instrument the app where an endpoint is set; returns what ends it and flushes the rest."""
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    if not endpoint:
        return _nothing_to_end
    resource = Resource.create({SERVICE_NAME: settings.kafka_group_id})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    )
    trace.set_tracer_provider(traces)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs"))
    )
    handler = LoggingHandler(logger_provider=logs)
    logging.getLogger().addHandler(handler)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=traces, excluded_urls=UNTRACED_ROUTES)
    AIOKafkaInstrumentor().instrument(tracer_provider=traces)

    def end() -> None:
        AIOKafkaInstrumentor().uninstrument()
        logging.getLogger().removeHandler(handler)
        traces.shutdown()
        logs.shutdown()

    return end


def _nothing_to_end() -> None:
    """Telemetry is off."""
