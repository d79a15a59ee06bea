"""The health of a worker: whether it has a master, for the cluster that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gevent.pywsgi import WSGIServer  # type: ignore[import-untyped]

__all__ = ["tell_health"]

Start = Callable[[str, list[tuple[str, str]]], object]


def tell_health(runner: Any, port: int) -> None:
    """Answer whoever asks on a port: with 200 where the worker's master is there, else with 503.

    Args:
        runner: Locust's, of a worker.
        port: Where, on all addresses of a pod.
    """

    def answer(_: dict[str, Any], start: Start) -> Iterable[bytes]:
        well = bool(runner.connected)
        start("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"has its master\n" if well else b"has no master\n"]

    # A look each second, of which nobody reads a log.
    WSGIServer(("", port), answer, log=None).start()
