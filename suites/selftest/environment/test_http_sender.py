"""The sender of requests, by a real server that answers as it likes and counts what it is asked.

The sender is gevent's, which changes a whole process: it has one of its own, as under Locust.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from load.account import Account
from suites.support.ports import free_port

# Each is over in a second or two; a machine under load must not fail the test.
RUN_TIMEOUT_S = 60.0

# What an operation may take in the child; whoever answers late takes longer.
DEADLINE_S = 0.5
LATE_S = 2.0

# What a socket is told so that its end is a reset, and no answer that is over.
AT_ONCE = struct.pack("ii", 1, 0)

# As Locust does it: first of all gevent is put in the place of sockets and of sleep.
CHILD = """
from gevent import monkey

monkey.patch_all()

import json
import sys
import time

import gevent

from groundwork.base.errors import GroundworkError
from load.http_sender import HttpSender
from load.tally import Tally

url, operation, many, in_flight, deadline_s = sys.argv[1:]
tally = Tally()
sender = HttpSender(
    url,
    operation,
    lambda number: f"text {number}",
    tally,
    in_flight=int(in_flight),
    deadline_s=float(deadline_s),
)
for number in range(int(many)):
    sender.send(number, time.monotonic_ns())
with gevent.Timeout(30):
    while sender.waiting():
        sender.poll()
        gevent.sleep(0.005)
sender.give_up()
found = tally.account()
found.expect_balanced()
print(json.dumps(vars(found)))
"""

OK_BODY = b"{}"


class Server(http.server.ThreadingHTTPServer):
    """Answers as its test says.

    Attributes:
        manners: How each request is answered, in turn; the last one's manner is that of all after.
        seen: How often each path was asked for, by its method.
    """

    daemon_threads = True
    request_queue_size = 128  # all come at once

    def __init__(self, manners: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.manners = list(manners)
        self.seen: Counter[str] = Counter()
        self.over = threading.Event()
        self._lock = threading.Lock()

    def manner_of(self, method: str, path: str) -> str:
        """Count a request; how it is answered."""
        with self._lock:
            self.seen[f"{method} {path}"] += 1
            return self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers on connections that are kept, as services do."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A greeting, or a look."""
        self._answer("GET")

    def do_POST(self) -> None:
        """A message."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer("POST")

    def _answer(self, method: str) -> None:
        manner, _, said = self.server.manner_of(method, self.path).partition(" ")
        if manner == "close":
            self.close_connection = True
        elif manner == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.connection.close()
            self.close_connection = True
        elif manner == "break":
            self._head(200, len(OK_BODY) + 100)
            self.wfile.write(OK_BODY)
            self.close_connection = True
        else:
            if manner == "late":
                self.server.over.wait(LATE_S)
            body = said.encode() or OK_BODY
            self._head(200 if manner == "late" else int(manner), len(body))
            self.wfile.write(body)

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        if status in {301, 302}:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing: what was asked is counted."""


@contextmanager
def serving(*manners: str) -> Iterator[Server]:
    """A server that answers so; what it still does ends with the block."""
    with Server(manners) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def sent(
    port: int, many: int = 1, *, operation: str = "get", in_flight: int = 50, deadline_s: float = 20
) -> Account:
    """Have so many operations begun, all at once; what has become of them."""
    url = f"http://127.0.0.1:{port}"
    words = [url, operation, str(many), str(in_flight), str(deadline_s)]
    done = process.run(
        [sys.executable, "-c", CHILD, *words],
        timeout_s=RUN_TIMEOUT_S,
        cwd=Path(ROOT),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    return Account.of(json.loads(done.output.splitlines()[-1]))


def account(many: int, **became: int) -> Account:
    """All were sent, and this became of them."""
    return Account(scheduled=many, sent=many, **became)


def test_one_that_is_due_is_one_on_the_wire() -> None:
    """And each is acknowledged that was answered as it should be."""
    with serving("200") as server:
        found = sent(server.server_port, 20)
    assert found == account(20, acknowledged=20)
    assert server.seen == {"GET /hello/you": 20}


@pytest.mark.parametrize("manner", ["close", "reset", "break"])
def test_what_ended_without_an_answer_is_unknown_and_not_sent_again(manner: str) -> None:
    """The service may have done it: nobody knows, and asking again would be another request."""
    with serving(manner) as server:
        found = sent(server.server_port, 5)
    assert found == account(5, unknown=5)
    assert server.seen == {"GET /hello/you": 5}


def test_what_is_answered_too_late_is_unknown() -> None:
    """After the time that an operation has; none is sent again meanwhile."""
    with serving("late") as server:
        found = sent(server.server_port, 3, deadline_s=DEADLINE_S)
    assert found == account(3, unknown=3)
    assert server.seen == {"GET /hello/you": 3}


@pytest.mark.parametrize("status", [301, 302, 404, 500, 503])
def test_another_answer_than_it_should_be_is_a_failure(status: int) -> None:
    """The service has said so. Nothing is asked again, and nobody is sent elsewhere."""
    with serving(f"{status}") as server:
        found = sent(server.server_port, 3)
    assert found == account(3, failed=3)
    assert server.seen == {"GET /hello/you": 3}


def test_where_nobody_listens_it_has_failed() -> None:
    """Nothing has left this machine."""
    assert sent(free_port(), 3) == account(3, failed=3)


def test_what_there_is_no_room_for_is_dropped() -> None:
    """Two are under way, and wait for their answers; whoever is due then doesn't wait for them."""
    with serving("late") as server:
        found = sent(server.server_port, 7, in_flight=2)
    assert found == Account(scheduled=7, sent=2, dropped=5, acknowledged=2)
    assert server.seen == {"GET /hello/you": 2}


def test_a_round_trip_is_one_message_and_looks_until_it_is_there() -> None:
    """It isn't there the first times: that is no failure, and the message isn't sent again."""
    with serving('202 {"id": 7}', "404", "404", '200 {"text": "text 0"}') as server:
        found = sent(server.server_port, operation="round-trip")
    assert found == account(1, acknowledged=1)
    assert server.seen == {"POST /messages": 1, "GET /messages/7": 3}


@pytest.mark.parametrize(
    ("manners", "became"),
    [
        (["503"], "unknown"),  # the broker may have it
        (["500"], "failed"),
        (["close"], "unknown"),
        (["202 no JSON"], "failed"),
        (['202 {"id": 7}', '200 {"text": "another"}'], "failed"),
        (['202 {"id": 7}', "500"], "failed"),
        (['202 {"id": 7}', "close"], "unknown"),
    ],
)
def test_a_round_trip_that_goes_wrong_is_told_as_what_is_known(
    manners: list[str], became: str
) -> None:
    """Its message is sent once, whatever comes of it; each look is one, too.

    Looks go on a connection that was used before: clients like to send again where one is closed.
    """
    with serving(*manners) as server:
        found = sent(server.server_port, operation="round-trip")
    assert found == account(1, **{became: 1})
    looks = {"GET /messages/7": 1} if len(manners) > 1 else {}
    assert server.seen == {"POST /messages": 1, **looks}


def test_a_message_that_never_comes_back_is_unknown() -> None:
    """It is looked for until the operation's time is over, and no longer."""
    with serving('202 {"id": 7}', "404") as server:
        found = sent(server.server_port, operation="round-trip", deadline_s=DEADLINE_S)
    assert found == account(1, unknown=1)
    assert server.seen["POST /messages"] == 1
    assert server.seen["GET /messages/7"] > 1
