"""Suspects: bottlenecks that are made on purpose, and the table names the right one each time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.resources.broker_volume import LABEL
from groundwork.base import process
from groundwork.use.client import Client, Handle
from load.desk import PROGRESS
from load.suspects import Suspect, lines_of, suspect_of
from suites.support.disk import free_share_of
from suites.support.greedy import generator_of, greedy, kept_on
from suites.support.loads import OVERHEAD_S, offer
from suites.support.meanwhile import await_told, meanwhile
from suites.support.signs import signs_of, watching

# Most of its seconds are the bottleneck's.
DURATION_S = 12.0
AFTER_S = 1
LIMIT_S = DURATION_S + OVERHEAD_S + 60.0

# Who want the broker's one processor: it needs more of it than they leave.
MANY = 30

# Nothing is kept of a record: more wait for a broker than a history would hold.
ASKED = {"keep": "false", "seed": "1", "duration_s": f"{DURATION_S:g}"}


@dataclass(frozen=True)
class Trial:
    """A load, and what is done to it meanwhile.

    Attributes:
        client: Of the keeper.
        folder: Where its files go.
        note: Puts a line among the properties of the test.
    """

    client: Client
    folder: Path
    note: Callable[[str, object], None]

    def expect(
        self,
        suspect: Suspect,
        spoil: Callable[[], AbstractContextManager[object]] = nullcontext,
        free_share: Callable[[], float] | None = None,
        **asked: str,
    ) -> None:
        """The table names this one, where something is spoilt from its first second to its end."""

        def do(over: threading.Event) -> None:
            await_told(lambda: [self.folder / PROGRESS], f"load: {AFTER_S} s:", over, OVERHEAD_S)
            with spoil():
                over.wait(DURATION_S - AFTER_S)

        with watching(self.client, free_share) as watched, meanwhile(do):
            conclusion = offer(self.client, ASKED | asked, self.folder, DURATION_S)
        signs = signs_of(conclusion, watched)
        text = "\n".join(lines_of(signs))
        self.note("load", text)
        assert suspect_of(signs)[0] == suspect, text


@pytest.fixture
def trial(
    broker: Handle,
    out_dir: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Trial:
    """A load of this test's own."""
    folder = out_dir / "load" / request.node.name
    return Trial(broker.client, folder, record_property)


@contextmanager
def starved(client: Client, resource: str) -> Iterator[None]:
    """Others want the one processor that a resource is kept on."""
    (pid,) = (
        each.pid for each in process.find_by_token(f"{client.status().folder.name}:{resource}:")
    )
    generator = generator_of(client)
    with greedy(pid, whole=True, many=MANY) as processor:
        others = os.sched_getaffinity(generator) - {processor}
        # Whom a broker wakes runs where that is, unless it may not: it would be starved with it.
        with kept_on(generator, others):
            yield


@pytest.mark.alone(limit_s=LIMIT_S)
def test_where_nothing_is_wrong_nobody_is_named(trial: Trial) -> None:
    """A rate that is borne: answers come in time."""
    trial.expect("nobody", rate_per_s="20000")


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_a_broker_without_a_processor_is_named(trial: Trial) -> None:
    """It needs a twentieth of one, and a thirtieth is left to it; the generator has the other."""
    client = trial.client
    trial.expect("broker", lambda: starved(client, "broker"), rate_per_s="60000")


@pytest.mark.alone(limit_s=LIMIT_S)
def test_a_generator_without_a_processor_is_named(trial: Trial) -> None:
    """A thirteenth of one is left to it, too, and nothing is said of the broker."""
    client = trial.client
    trial.expect(
        "generator",
        lambda: greedy(generator_of(client), whole=False),
        rate_per_s="60000",
    )


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("relay", limit_s=LIMIT_S)
def test_a_slow_way_is_named(trial: Trial, relay: Handle) -> None:
    """What a tenth of a second passes before it arrives is answered no sooner."""
    trial.expect(
        "way",
        lambda: relay.fault("slow", limit_s=LIMIT_S, delay_ms=100),
        way="relayed",
        rate_per_s="5000",
    )


@pytest.mark.alone(limit_s=LIMIT_S)
def test_a_client_that_sends_one_at_a_time_is_named(trial: Trial) -> None:
    """Each record costs a request: broker and client are both busy with that."""
    trial.expect("client", linger_ms="0", batch_bytes="1", rate_per_s="30000")


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker-volume", limit_s=LIMIT_S)
def test_a_full_disk_is_named(trial: Trial, broker_volume: Handle) -> None:
    """The node ends by it, and whoever looks at its processors finds nothing."""
    folder = trial.client.status().folder / "volumes" / LABEL
    trial.expect(
        "disk",
        lambda: broker_volume.fault("fill", limit_s=LIMIT_S, share=1.0),
        free_share=lambda: free_share_of(folder),
        rate_per_s="1000",
    )
