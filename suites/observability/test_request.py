"""One request, three signals: a figure that leads to a trace, which leads to the log's lines."""

from __future__ import annotations

from collections.abc import Callable

import allure
import pytest
import requests

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from suites.observability.conftest import ROW
from suites.support.request import CONSUMED, EVENT, REQUEST, Followed, Posted, Signals, path_of

# As often as it has to be true.
TIMES = 10

# Stores write what they took within a second or so: VictoriaLogs is told to (its default is five),
# Loki has a log of what it is about to do. What is younger may be lost with a killed one.
ON_DISK_AFTER_S = 2.0

# A store that is killed is started again, and reads what it has on disk.
RETURN_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def posted(hello_world: Handle, signals: Signals) -> tuple[Posted, ...]:
    """Requests, one after the other: whoever looks for each waits for the same scrape."""
    return tuple(signals.post(hello_world, f"SIG{n}", price_of(n)) for n in range(TIMES))


def price_of(number: int) -> float:
    """What a request tells."""
    return 100.0 + number


@pytest.mark.parametrize("number", range(TIMES))
def test_a_request_is_found_by_all_three_signals(
    posted: tuple[Posted, ...],
    signals: Signals,
    number: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Within ten seconds of its answer it is there as a figure, as a trace, and as lines of a log.

    The figure's exemplar leads to the trace; by the trace's id the lines are found, JSON each, that
    of the record's consumption among them.
    """
    found = signals.find(posted[number])
    note(found, record_property)
    (said,) = [each for each in found.said() if each.get("event") == EVENT]
    assert (said["symbol"], said["price"]) == (found.symbol, price_of(number))
    silent = [each for each in found.said() if each.get("trace_id") != found.trace.id]
    assert silent == [], "a line has no trace id of its own, or another's"
    known = {each.id for each in found.trace.spans}
    assert {each.get("span_id") for each in found.said()} <= known, (
        "a line is of no span of its trace"
    )


def note(found: Followed, record_property: Callable[[str, object], None]) -> None:
    """A line of the table at the end, and the trace for a reviewer."""
    times = " | ".join(f"{seconds:.1f} s" for seconds in found.found_s.values())
    record_property(ROW, f"| {found.symbol} | {times} |")
    steps = [
        f"{each.service}: {' > '.join(path_of(found.trace, each))}" for each in found.trace.spans
    ]
    allure.attach("\n".join(steps), f"trace {found.trace.id}", allure.attachment_type.TEXT)
    lines = "\n".join(each.text for each in found.lines)
    allure.attach(lines, "its log lines", allure.attachment_type.TEXT)


def test_a_trace_leads_from_the_request_to_its_consumption(
    posted: tuple[Posted, ...], signals: Signals
) -> None:
    """What was done with the record has the record's sending above it, and that the request."""
    trace = signals.find(posted[0]).trace
    assert len(trace.spans) >= 3
    (consumed,) = trace.called(CONSUMED)
    path = path_of(trace, consumed)
    assert path[0].startswith(REQUEST), path
    assert any(step.endswith(" send") for step in path), path
    assert path[-1] == CONSUMED
    roots = [each.name for each in trace.spans if not each.parent]
    assert roots == [path[0]]


@pytest.mark.disturbs("logs")
def test_lines_outlive_a_killed_store(
    hello_world: Handle, signals: Signals, logs_handle: Handle
) -> None:
    """What the store of logs has on disk is there again after it was killed, and it takes more."""
    before = signals.follow(hello_world, "SIG0", 1.0)
    taken = Deadline.after(ON_DISK_AFTER_S)

    def expect_on_disk() -> None:
        if taken.left_s():
            raise NotYetError(f"it took them less than {ON_DISK_AFTER_S:g} s ago")

    wait_for(expect_on_disk, deadline=Deadline.after(RETURN_TIMEOUT_S), what="lines to be on disk")
    with allure.step("kill the store of logs"), logs_handle.fault("kill"):
        pass

    def look() -> None:
        found = {each.text for each in signals.logs.lines(before.trace.id)}
        lost = {each.text for each in before.lines} - found
        if lost:
            raise NotYetError(f"not there any more: {'; '.join(sorted(lost))}")

    wait_for(
        look,
        deadline=Deadline.after(RETURN_TIMEOUT_S),
        what="earlier lines to be there again",
        retry_on=(requests.RequestException,),
    )
    signals.follow(hello_world, "SIG1", 1.0)
