"""Lines of logs as OpenTelemetry's protocol has them, for whoever tries a store."""

from __future__ import annotations

import requests
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from suites.support.request import TIMEOUT_S

__all__ = ["send_line"]


def send_line(otlp: str, text: str, time_ns: int, trace_id: str) -> int:
    """Send one line; the status of the answer.

    Args:
        otlp: Where a store takes logs.
        text: What is said.
        time_ns: When, since 1970.
        trace_id: In the course of which trace.
    """
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = time_ns
    record.body.string_value = text
    record.trace_id = bytes.fromhex(trace_id)
    answer = requests.post(
        otlp,
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
        timeout=TIMEOUT_S,
    )
    return answer.status_code
