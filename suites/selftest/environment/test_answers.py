"""Answers: what services say while something is broken, held to what they are to say."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from chaos.answers import Answer, Asker, Promised, Said, asked, missed_of
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.paging import Lasted
from suites.support.ports import free_port

LANDED_S = 100

# Two seconds pass until it lands, and twelve until it is healed.
LASTED = Lasted(98 * SECOND_NS, LANDED_S * SECOND_NS, 112 * SECOND_NS)

UNREADY = Promised("mill", "unready", 5, 20)
READY = Promised("mill", "ready", 5, 20)


def said(*moments: tuple[float, Said]) -> list[Answer]:
    """What a service has said, by seconds from the landing on; another says nothing at all."""
    other = Answer("spring", "nothing", 0)
    own = [Answer("mill", each, round((LANDED_S + at_s) * SECOND_NS)) for at_s, each in moments]
    return [other, *own]


@pytest.mark.parametrize(
    ("promised", "answers", "missed"),
    [
        (UNREADY, said((-9, "ready"), (2, "unready"), (15, "ready")), ""),
        (UNREADY, said((-9, "ready"), (-1, "unready"), (15, "ready")), ""),
        (UNREADY, said((-9, "ready"), (1, "nothing"), (2, "unready"), (15, "ready")), ""),
        (UNREADY, said((-9, "ready"), (7, "unready"), (15, "ready")), "within 5 s; it did after 7"),
        (UNREADY, said((-9, "ready"), (13, "unready"), (15, "ready")), "it did never"),
        (UNREADY, said((-9, "ready")), "it did never"),
        (UNREADY, said((-9, "ready"), (2, "unready")), "after the healing; it was never"),
        (UNREADY, said((-9, "ready"), (2, "unready"), (40, "ready")), "it was after 28.0 s"),
        (UNREADY, said((2, "unready"), (15, "ready")), "was to be ready before the fault"),
        (UNREADY, said((-9, "unready"), (15, "ready")), "before the fault, and said unready"),
        (READY, said((-9, "ready")), ""),
        (READY, said((-9, "ready"), (3, "nothing"), (4, "ready")), "it said nothing 3.0 s on"),
        (READY, said(), "was to be ready before the fault"),
    ],
)
def test_what_was_not_said_in_time_is_named(
    promised: Promised, answers: list[Answer], missed: str
) -> None:
    """Too late, never, or when all was to be well."""
    found = "; ".join(missed_of(promised, answers, LASTED))
    assert (missed in found) if missed else (found == "")


class Moody(http.server.ThreadingHTTPServer):
    """A service that says what it is told to."""

    code = 200


class Question(http.server.BaseHTTPRequestHandler):
    """One of those that it is asked."""

    server: Moody

    def do_GET(self) -> None:
        """Ready, or not."""
        self.send_response(self.server.code if self.path == "/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def moody() -> Iterator[Moody]:
    """Such a service."""
    server = Moody(("127.0.0.1", 0), Question)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_what_changes_is_written_down(moody: Moody) -> None:
    """Once for each change; whoever isn't there says nothing."""
    url = f"http://127.0.0.1:{moody.server_address[1]}"
    asker = Asker({"mill": url, "spring": f"http://127.0.0.1:{free_port()}"})
    asker.start()

    def await_answers(many: int) -> None:
        def look() -> None:
            if len(asker.answers) < many:
                raise NotYetError(f"{asker.answers}")

        wait_for(look, deadline=Deadline.after(10), what=f"{many} answers")

    try:
        await_answers(2)
        moody.code = 503
        await_answers(3)
    finally:
        asker.end()
    assert [(each.service, each.said) for each in asker.answers] == [
        ("mill", "ready"),
        ("spring", "nothing"),
        ("mill", "unready"),
    ]
    assert asked(url) == "unready"
