"""The receiver: heartbeats of the dead man's switch, by real HTTP, and nobody's notifications."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from fixtures.declared.durations import load_durations
from fixtures.paths import KUBERNETES, SERVERS
from fixtures.resources.receiver import Heartbeat, Receiver, adapted
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for

PROFILES = load_durations()
TIMEOUT_S = 30.0

# Of a heartbeat that is soon too old, and of one that isn't while a test lasts.
SHORT_S, LONG_S = 0.5, 600.0

LABELS = {"alertname": "DeadMansSwitch"}
FIRING = {"status": "firing", "groupLabels": LABELS, "alerts": [{"labels": LABELS}]}
RESOLVED = FIRING | {"status": "resolved"}

Start = Callable[..., Receiver]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts receivers, and ends them."""
    children: list[Child] = []

    def begin(*arguments: float) -> Receiver:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        words = [sys.executable, "-I", SERVERS / "receiver.py", "127.0.0.1", port, *arguments]
        child = process.spawn(
            [*map(str, words)], env=process.plain_environment({}), log=tmp_path / "receiver.log"
        )
        children.append(child)
        made = Receiver(f"http://127.0.0.1:{port}")
        wait_for(
            made.alerts,
            deadline=Deadline.after(TIMEOUT_S),
            what="the receiver",
            retry_on=(requests.RequestException,),
        )
        return made

    yield begin
    for child in children:
        child.kill()
        child.wait()


def tell(receiver: Receiver, path: str, body: Any) -> int:
    """Send it a notification; what it answers."""
    return requests.post(f"{receiver.url}{path}", json=body, timeout=TIMEOUT_S).status_code


def test_silence_from_the_beginning_is_told(start: Start) -> None:
    """503, before there was any heartbeat."""
    receiver = start(LONG_S)
    answer = requests.get(f"{receiver.url}/deadman", timeout=TIMEOUT_S)
    assert answer.status_code == 503
    assert answer.json() == {"age_s": None, "age_max_s": LONG_S}
    assert receiver.heartbeat() == Heartbeat(heard=False, age_s=None, age_max_s=LONG_S)


def test_a_heartbeat_is_heard_and_is_no_notification(start: Start) -> None:
    """200 with its age; of what is told to others the receiver tells no more than before."""
    receiver = start(LONG_S)
    assert tell(receiver, "/", FIRING) == 200
    before = receiver.alerts()
    assert [(alert["path"], alert["group"]) for alert in before] == [("/", LABELS)]
    assert not receiver.heartbeat().heard
    assert tell(receiver, "/deadman", FIRING) == 200
    answer = requests.get(f"{receiver.url}/deadman", timeout=TIMEOUT_S)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert 0 <= answer.json()["age_s"] < TIMEOUT_S
    assert receiver.alerts() == before


def test_an_old_heartbeat_is_silence_until_there_is_another(start: Start) -> None:
    """503 once it is older than it may be, with its age; a new one is heard at once."""
    receiver = start(SHORT_S)
    tell(receiver, "/deadman", FIRING)

    def look() -> Heartbeat:
        found = receiver.heartbeat()
        assert found.heard == (found.age_s is not None and found.age_s <= SHORT_S)
        if found.heard:
            raise NotYetError(f"{found}")
        return found

    silence = wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="silence")
    assert silence.age_max_s == SHORT_S
    tell(receiver, "/deadman", FIRING)
    another = receiver.heartbeat()
    assert silence.age_s is not None
    assert another.age_s is not None
    assert another.age_s < silence.age_s


@pytest.mark.parametrize("body", [RESOLVED, {}, [], "firing"])
def test_what_isnt_firing_is_no_heartbeat(start: Start, body: Any) -> None:
    """The end of the switch's alert is told like an alert; it is the opposite of a sign of life."""
    receiver = start(LONG_S)
    tell(receiver, "/deadman", body)
    assert not receiver.heartbeat().heard


def test_what_cant_be_read_is_refused(start: Start) -> None:
    """400, and no heartbeat."""
    receiver = start(LONG_S)
    answer = requests.post(f"{receiver.url}/deadman", data=b"{", timeout=TIMEOUT_S)
    assert answer.status_code == 400
    assert not receiver.heartbeat().heard


def test_where_nobody_says_how_old_every_heartbeat_is_too_old(start: Start) -> None:
    """The toolbox runs the same server, and no heartbeat is meant for it."""
    receiver = start()
    tell(receiver, "/deadman", FIRING)
    found = receiver.heartbeat()
    assert (found.heard, found.age_max_s) == (False, 0)
    assert found.age_s is not None


def test_a_clusters_receiver_is_told_how_old_a_heartbeat_may_be() -> None:
    """The manifest has production's; a run puts its profile's in its place, and changes no more."""
    text = (KUBERNETES / "base" / "receiver" / "receiver.yaml").read_text()
    for body in yaml.safe_load_all(text):
        assert adapted(PROFILES["production"], body) == body
        made = adapted(PROFILES["fast"], body)
        assert (made != body) == (body["kind"] == "Deployment")
        if made != body:
            (container,) = made["spec"]["template"]["spec"]["containers"]
            assert float(container["args"][-1]) == PROFILES["fast"].heartbeat_age_max_s
