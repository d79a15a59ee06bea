"""Logs: one JSON object a line on standard output, the libraries' logs included."""

import logging
import sys

import structlog
from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk._logs import LoggerProvider
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["Export", "configure_logs"]

SEVERITIES = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}

# What an exported record has fields of its own for: twice would be two values of one name.
OWN_FIELDS = {"trace_id", "span_id", "timestamp", "level", "logger"}


class Export(logging.Handler):
    """Hands lines to OpenTelemetry, as they are on standard output, and their fields beside."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self.provider = provider
        self.setFormatter(formatter())
        self.addFilter(is_exported)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line; it belongs to the trace in which it was written."""
        self.provider.get_logger(record.name).emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                context=context.get_current(),
                severity_text=record.levelname,
                severity_number=SEVERITIES.get(record.levelno, SeverityNumber.UNSPECIFIED),
                body=self.format(record),
                attributes=fields_of(record),
            )
        )


def is_exported(record: logging.LogRecord) -> bool:
    """Whether a line is exported: not what exporting itself writes, or it would never end."""
    return is_instrumentation_enabled() and not record.name.startswith("opentelemetry.")


def fields_of(record: logging.LogRecord) -> dict[str, str | float | bool]:
    """What a line of ours tells beside its event, that one included; a library's has no fields."""
    event = record.msg if isinstance(record.msg, dict) else {}
    return {
        name: value
        for name, value in event.items()
        if name not in OWN_FIELDS and isinstance(value, str | int | float)
    }


def processors() -> list[Processor]:
    """What each line gets, whoever writes it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
    ]


def formatter() -> logging.Formatter:
    """Makes one JSON object of a line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*processors(), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def configure_logs(level: str) -> None:
    """Send structlog's and the standard library's logs through the same processors."""
    structlog.configure(
        processors=[*processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the trace and span that a line belongs to, so that one leads to the other."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event
