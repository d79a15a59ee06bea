"""Signals that are got wrong: the suite of observability fails, and names what is missing."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator

import allure
import pytest

from groundwork.base.errors import ExitCode, NotYetError
from groundwork.base.process import Completed
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep import timeline
from groundwork.keep.events import Ready
from suites.sabotage.injection import Edit
from suites.sabotage.saboteur import Saboteur, sabotaged
from suites.support.exposure import processes_of
from suites.support.meanwhile import meanwhile

SERVICE = "templates/service/*/src/*"
RESOURCE = "fixtures/resources/hello_world.py"

COLLECTOR = "manifests/collector/collector.yaml"

SHIPPED = "suites/observability/test_shipping.py"
FOLLOWED = "suites/observability/test_request.py::test_a_request_is_found_by_all_three_signals"

# Until a run has come to its first request.
MOMENT_TIMEOUT_S = 180.0

# What a request is followed with: when these are ready tests run.
USED = {"hello-world", "logs", "prometheus", "traces"}

# What is got wrong on a machine, and the words that name it.
EDITS = {
    "nothing is sampled": (
        Edit(
            RESOURCE,
            '"OTEL_SERVICE_NAME": stage.resource,',
            '"OTEL_SERVICE_NAME": stage.resource, "OTEL_TRACES_SAMPLER": "always_off",',
        ),
        (
            "to be found, by its exemplar",
            "is nothing sampled",
            "market_data_received_total of SIG0",
        ),
    ),
    "lines don't tell their trace": (
        Edit(
            f"{SERVICE}/logs.py", "    if span.is_valid:\n", "    if span.is_valid and not event:\n"
        ),
        ("a line has no trace id of its own", "market_data_received"),
    ),
    "lines go nowhere": (
        Edit(RESOURCE, "{logs}{victorialogs.OTLP_PATH}", "{logs}/lost"),
        ("to be found, by its log line", "no line market_data_received", "none at all"),
    ),
    "traces go nowhere": (
        Edit(RESOURCE, "{traces}/v1/traces", "{traces}/lost"),
        ("to be found, by its trace", "the store of traces knows of no trace"),
    ),
    "a record carries no trace": (
        Edit(
            f"{SERVICE}/telemetry.py",
            "AIOKafkaInstrumentor().instrument(tracer_provider=self.traces)",
            "pass",
        ),
        ("doesn't begin with POST /market-data", "process_market_data"),
    ),
}


@pytest.fixture
def copy() -> Iterator[Saboteur]:
    """A copy of the project in short paths; whatever runs of it is ended."""
    with sabotaged("local") as made:
        yield made


def followed(copy: Saboteur, *words: str) -> Completed:
    """What the suite of observability says of one request in a copy."""
    test = f"{FOLLOWED}[0]"
    done = copy.call("pytest", test, "-p", "no:cacheprovider", "--tb=short", *words)
    allure.attach(done.output, "output")
    return done


@pytest.mark.parametrize("name", EDITS)
def test_what_is_missing_of_a_request_is_named(copy: Saboteur, name: str) -> None:
    """It fails at the signal that isn't there, and says what was looked for and what was found."""
    edit, words = EDITS[name]
    with edit.done(copy.root):
        done = followed(copy)
    assert done.returncode == ExitCode.TESTS_FAILED, done.output
    missing = [word for word in words if not re.search(re.escape(word), done.output)]
    assert missing == [], done.output


def test_a_namespace_that_is_not_shipped_is_named() -> None:
    """Where what ships lines isn't told of a namespace, it is said which, and who prints there."""
    edit = Edit(COLLECTOR, "      - /var/log/pods/services_*/*/*.log\n", "")
    with sabotaged("kind") as copy, edit.done(copy.root):
        done = copy.call("pytest", SHIPPED, "-p", "no:cacheprovider", "--tb=short")
    allure.attach(done.output, "output")
    assert done.returncode == ExitCode.TESTS_FAILED, done.output
    assert re.search(r"no line of the namespace services \(there is \S+\)", done.output), (
        done.output
    )


@pytest.mark.parametrize("store", ["logs", "traces"])
def test_a_store_that_dies_is_named(copy: Saboteur, store: str) -> None:
    """In the middle of a run: it is the infrastructure's failure, in a line that names it."""

    def expect_begun() -> None:
        files = (copy.base / "out").glob("*/timeline.jsonl")
        ready = {
            each.event.resource
            for file in files
            for each in timeline.read(file)
            if isinstance(each.event, Ready)
        }
        if awaited := USED - ready:
            raise NotYetError(f"not ready: {', '.join(sorted(awaited))}")

    def kill(over: threading.Event) -> None:
        deadline = Deadline.after(MOMENT_TIMEOUT_S)
        wait_for(expect_begun, deadline=deadline, what="a run to be in its middle", cancel=over)
        (folder,) = (copy.base / "state" / "envs").iterdir()
        for resource, each in processes_of(folder.name):
            if resource == store:
                each.send_signal(signal.SIGKILL)

    with meanwhile(kill):
        done = copy.call("pytest", FOLLOWED, "-p", "no:cacheprovider", "--tb=short")
    allure.attach(done.output, "output")
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    gone = f"{store}: process {store} ended with exit code -9 during the run"
    assert f"infrastructure failure: {gone}" in done.output, done.output
