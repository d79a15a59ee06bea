"""The sender of requests: each has a greenlet of its own, so that none waits for those before."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import gevent  # type: ignore[import-untyped]
from gevent.pool import Pool  # type: ignore[import-untyped]
from locust.contrib.fasthttp import FastHttpSession, LocustUserAgent

from groundwork.base.errors import GroundworkError
from groundwork.checkers.history import NONE, SECOND_NS, Outcome
from load.singly import Singly
from load.tally import Tally

__all__ = ["DEADLINE_S", "IN_FLIGHT_MAX", "HttpSender", "Operation"]

Operation: TypeAlias = Literal["get", "round-trip"]

# Operations under way at a time: two seconds of a service that stalls at 450 a second. More would
# falsify what is measured: geventhttpclient looks with select() whether a connection lives still,
# which knows file descriptors below 1024 alone; beyond, each request would connect anew. What a
# worker has open besides, such as Locust's, is far less than 100.
IN_FLIGHT_MAX = 900

# An operation that is given up: longer than any fault lasts, as a delivery to the broker.
DEADLINE_S = 60.0

# A service that is there accepts a connection within milliseconds; where that is lost on the way,
# the kernel tries again after 1 s and after 3 s.
CONNECT_TIMEOUT_S = 5.0

# From one look for what was sent to the next: by so much what is measured may be too long. At first
# it is less than a message takes to the broker and back. Were it always that, all that is under way
# would ask a service that is slow 180,000 times a second, and keep it slow; so it grows, and is a
# tenth of what the message has taken already. Not for ever: services keep the last 8,000 messages
# that came back (MESSAGES_KEPT), which are those of two seconds at 4,000 a second, of all workers.
LOOK_PAUSE_S = 0.005
LOOK_PAUSE_SHARE = 0.1
LOOK_PAUSE_MAX_S = 0.25

# What is given up is told at once.
GIVE_UP_TIMEOUT_S = 5.0

# The size of a pool whose client tries once: it tries as often again as this is, and once more.
ONE_ATTEMPT = -1

OK, ACCEPTED, NOT_FOUND, UNAVAILABLE = 200, 202, 404, 503

# What says that nothing has left this machine but the wish to be connected: a name that isn't
# known, a port where nobody listens.
NEVER_SENT = (ConnectionRefusedError, socket.gaierror)


class Agent(LocustUserAgent):
    """Takes any status for an answer.

    By itself it makes an error of a 404, which is what most looks for a message find: with a copy
    of the whole conversation, and in a circle that only a collection of garbage would free. There
    is none while a load runs.
    """

    def _verify_status(self, status_code: int, url: Any = None) -> None:
        """Whatever it is."""


def session_to(url: str, in_flight: int, deadline_s: float) -> FastHttpSession:
    """What users of Locust's ``FastHttpUser`` have, without what would falsify a measurement.

    One request that is due is one on the wire: nothing is sent again by itself, nothing redirected.

    Args:
        url: Of the service, without a path.
        in_flight: Connections at a time; each is kept for the next request.
        deadline_s: For what is read, each time; connecting has less.
    """
    # It costs a third more than geventhttpclient alone (240 us of a processor, not 175 us), and
    # is what users have. Without an event: requests are made with catch_response=True and outside
    # of `with`, so that it is never fired. It would cost 2.6 us a request, count looks as
    # operations, and know nothing of when they were due. Without a user: that is asked each time.
    session = FastHttpSession(base_url=url, request_event=None, user=None)
    session.client = Agent(
        cookiejar=None,  # the service has none; looking for them costs 10 us a request or more
        concurrency=in_flight,
        max_retries=0,
        max_redirects=0,
        connection_timeout=min(CONNECT_TIMEOUT_S, deadline_s),
        network_timeout=deadline_s,
    )
    # A GET whose connection is closed without an answer would be sent again at once, and as often
    # as there may be connections: 900 times. There is no setting; how often is taken from the size
    # of the pool, which is used for nothing else once the pool is made.
    pool = session.client.clientpool.get_client(url)._connection_pool  # noqa: SLF001
    pool.size = ONE_ATTEMPT
    return session


class BrokenError(Exception):
    """There was no answer; ``never`` where certainly nothing was sent."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.never = isinstance(error, NEVER_SENT)
        release(error)


class HttpSender(Singly):
    """Sends requests of one worker.

    Each is acknowledged when all of it was answered as it should be; failed when the service said
    otherwise, or when nobody listened; unknown when time ran out, or the connection broke after the
    service may have been asked. A round trip that has failed may have reached the broker all the
    same: the service has said that it doesn't know.

    Args:
        url: Of the service, such as ``http://127.0.0.1:8000``.
        operation: ``get`` is a greeting. ``round-trip`` is a message, and looking for it until it
            has come back through the broker: one operation, from when it was due.
        text: Makes the text of a message of its number; not used by ``get``.
        tally: Where it is written down.
        in_flight: Operations at a time; what is due when there are so many is dropped.
        deadline_s: What an operation may take, in seconds.
    """

    def __init__(
        self,
        url: str,
        operation: Operation,
        text: Callable[[int], str],
        tally: Tally,
        *,
        in_flight: int = IN_FLIGHT_MAX,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._session = session_to(self._url, in_flight, deadline_s)
        self._round_trips = operation == "round-trip"
        self._text = text
        self._tally = tally
        self._deadline_s = deadline_s
        self._pool = Pool(in_flight)
        self._handed = 0  # given to a greenlet that hasn't had its turn yet
        self._fault: Exception | None = None

    def connect(self) -> None:
        """Find the service: the first request isn't to be the one that notices.

        Raises:
            GroundworkError: It can't be found, or isn't the one.
        """
        try:
            with gevent.Timeout(CONNECT_TIMEOUT_S, TimeoutError):
                outcome = self._greet()
        except (BrokenError, TimeoutError) as error:
            raise GroundworkError(f"no service at {self._url}: {error}") from None
        if outcome is not Outcome.OK:
            raise GroundworkError(f"the service at {self._url} doesn't greet")

    def send(self, number: int, due_ns: int) -> None:
        """Begin an operation; without room for it, it is dropped."""
        if self._pool.free_count() <= 0:  # spawn() would wait
            self._tally.sending(time.monotonic_ns() - due_ns, dropped=True)
            return
        text = self._text(number) if self._round_trips else ""
        self._handed += 1
        self._pool.spawn(self._run, number, text, due_ns)

    def _run(self, number: int, text: str, due_ns: int) -> None:
        """In a greenlet: an operation, from its begin to what has become of it."""
        begun_ns = time.monotonic_ns()
        self._handed -= 1
        self._tally.sending(begun_ns - due_ns)
        outcome = Outcome.INFO
        try:
            # Its error is one of sockets': for any other, they wouldn't be closed and given back.
            with gevent.Timeout(self._deadline_s, TimeoutError):
                outcome = self._round_trip(text, due_ns) if self._round_trips else self._greet()
        except BrokenError as error:
            outcome = Outcome.FAIL if error.never else Outcome.INFO
        except (TimeoutError, gevent.GreenletExit):
            pass
        except Exception as error:  # noqa: BLE001 - a mistake of ours: poll() tells it
            self._fault = self._fault or error
        times_ns = begun_ns, time.monotonic_ns()
        if outcome is Outcome.OK:
            self._tally.answered(number, NONE, NONE, due_ns, times_ns)
        else:
            self._tally.lost(number, NONE, times_ns, never=outcome is Outcome.FAIL)

    def _greet(self) -> Outcome:
        """Be greeted.

        Raises:
            BrokenError: There was no answer.
        """
        status, _ = self._ask("GET", "/hello/you")
        return Outcome.OK if status == OK else Outcome.FAIL

    def _round_trip(self, text: str, due_ns: int) -> Outcome:
        """Send a message, and look for it until it is there.

        Raises:
            BrokenError: There was no answer.
        """
        status, sent = self._ask("POST", "/messages", {"text": text})
        if status == UNAVAILABLE:
            return Outcome.INFO  # the broker didn't answer in time; it may have the message
        if status != ACCEPTED or not isinstance(sent, dict) or "id" not in sent:
            return Outcome.FAIL
        path = f"/messages/{sent['id']}"
        while True:
            try:
                status, found = self._ask("GET", path)
            except BrokenError as error:
                error.never = False  # where nobody listens any more: the message was sent
                raise
            if status != NOT_FOUND:
                whole = isinstance(found, dict) and found.get("text") == text
                return Outcome.OK if status == OK and whole else Outcome.FAIL
            taken_s = (time.monotonic_ns() - due_ns) / SECOND_NS
            gevent.sleep(min(max(LOOK_PAUSE_S, taken_s * LOOK_PAUSE_SHARE), LOOK_PAUSE_MAX_S))

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """The status of an answer, and what it says; None where that isn't JSON.

        Raises:
            BrokenError: There was none, or not all of it.
        """
        answer = self._session.request(method, path, json=body, catch_response=True)
        # Not `answer.error`: that doesn't know of bodies that broke off.
        error = answer.request_meta["exception"]
        if error is not None:
            raise BrokenError(error)
        try:
            said: object = answer.json()
        except (ValueError, TypeError):
            said = None
        return answer.status_code, said

    def poll(self) -> None:
        """Let greenlets have their turn: those that begin, and those that were answered.

        Raises:
            GroundworkError: One of them made a mistake, of which no server is guilty.
        """
        gevent.sleep(0)
        if self._fault is not None:
            told = f"{type(self._fault).__name__}: {self._fault}"
            raise GroundworkError(f"an operation broke off: {told}") from self._fault

    def waiting(self) -> int:
        """How many operations aren't over yet."""
        return len(self._pool)

    def give_up(self) -> None:
        """Wait for no answer any more: what has begun is unknown, what hasn't is dropped."""
        self._pool.kill(timeout=GIVE_UP_TIMEOUT_S)
        for _ in range(self._handed):
            self._tally.sending(0, dropped=True)
        self._handed = 0
        self._session.client.close()


def release(error: BaseException) -> None:
    """Let go of what an error holds: it is in circles, and nobody collects garbage meanwhile."""
    # The client keeps what a time-out was as ``original`` of what it makes of it.
    held = (error, error.__context__, getattr(error, "original", None))
    for each in filter(None, held):
        traceback.clear_frames(each.__traceback__)
        each.__traceback__ = each.__context__ = each.__cause__ = None
