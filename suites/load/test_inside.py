"""Loads from inside of a cluster: Locust's workers there do what they do here, and no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from groundwork.base import process
from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Client, Handle
from load.desk import FILES, PROGRESS
from load.settings import LoadSettings
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile

DURATION_S = 4.0
LIMIT_S = DURATION_S + OVERHEAD_S + 60.0

# Far longer than anybody follows it.
LONG_S = 60.0

# Whoever follows a load is missed after ten seconds; then its workers are told, and stop.
STOPPED_WITHIN_S = 30.0

TIMEOUT_S = 5.0


@pytest.fixture
def client(broker: Handle, hello_world: Handle, wanted: LoadSettings) -> Client:
    """Of the keeper of a cluster with generators, and whom they may ask."""
    del hello_world
    assert wanted.place == "inside"
    return broker.client


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.parametrize("operation", ["produce", "end-to-end", "consume", "get", "round-trip"])
def test_what_is_offered_inside_is_all_there(
    client: Client,
    asked: dict[str, str],
    out_dir: Path,
    operation: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Everything that was due is sent by as many workers as there are, and comes out as here."""
    rate = "50" if operation in {"get", "round-trip"} else "500"
    more = {"operation": operation, "rate_per_s": rate, "duration_s": f"{DURATION_S:g}"}
    folder = out_dir / "load" / f"inside-{operation}"
    conclusion = offer(client, asked | more, folder, DURATION_S)
    text = show(conclusion, folder)
    record_property("load", text)
    # Not "valid" alone: that a busy machine made messages late loses none of them.
    assert conclusion.outcome in {"valid", "invalid"}, text
    assert all("the generator was the bottleneck" in each for each in conclusion.reasons), text
    due = float(rate) * (DURATION_S + conclusion.settings.warm_up_s)
    assert conclusion.account.sent == conclusion.account.acknowledged == due, text
    assert len(conclusion.moments) == conclusion.settings.workers, text


@pytest.mark.alone(limit_s=LIMIT_S)
def test_a_load_that_nobody_follows_ends(
    client: Client, asked: dict[str, str], out_dir: Path
) -> None:
    """Its job is killed, and can't tell anybody; the next load finds all workers free."""
    folder = out_dir / "load" / "left"
    more = {"rate_per_s": "100", "duration_s": f"{LONG_S:g}"}
    with (
        meanwhile(lambda over: kill_job(client, folder / PROGRESS, over)),
        pytest.raises(GroundworkError, match="a job has come to nothing, killed by signal 9"),
    ):
        offer(client, asked | more, folder, LONG_S)
    wait_for(
        lambda: expect_idle(client.await_ready("generators").endpoint("http")),
        deadline=Deadline.after(STOPPED_WITHIN_S),
        what="a load in the cluster to end whose job is gone",
    )
    again = offer(client, asked | more | {"duration_s": "2"}, out_dir / "load" / "next", 2.0)
    assert again.account.acknowledged == 100 * (2 + again.settings.warm_up_s)


def kill_job(client: Client, file: Path, over: threading.Event) -> None:
    """Kill a load's job and all that it has started, once it has offered for a second."""
    await_told(lambda: [file], "load: 1 s:", over, OVERHEAD_S)
    found = process.find_by_token(f"{client.status().folder.name}:job:")
    assert found
    process.end(found, grace_s=0)


def expect_idle(url: str) -> None:
    """No user runs there any more; and there are as many workers as there were."""
    stats = requests.get(f"{url}/stats/requests", timeout=TIMEOUT_S).json()
    if stats["state"] != "stopped" or stats["user_count"]:
        raise NotYetError(f"it is {stats['state']}, with {stats['user_count']} users")
    state = json.loads(requests.get(f"{url}{FILES}", timeout=TIMEOUT_S).text)
    assert state["workers"] == len(stats["workers"])
