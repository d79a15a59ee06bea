"""Retention: how long signals are kept is what was promised, by the stores' own word."""

from __future__ import annotations

from fixtures.declared.durations import seconds_of
from fixtures.declared.promises import Promises
from fixtures.resources.signals import Logs, Traces


def test_lines_are_kept_as_long_as_promised(logs: Logs, promises: Promises) -> None:
    """The store of logs says itself how long it keeps what it takes."""
    kept, promised = logs.kept(), promises.logs.kept_min
    assert kept, "the store of logs doesn't say how long it keeps lines"
    assert seconds_of(kept) >= seconds_of(promised), f"promised {promised}, but kept for {kept}"


def test_so_many_traces_are_kept_as_promised(traces: Traces, promises: Promises) -> None:
    """The store of traces says itself how many it keeps."""
    assert traces.kept() >= promises.traces.kept_count_min
