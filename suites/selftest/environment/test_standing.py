"""Who copies what a node leads: where nobody does it is seen, and where somebody does, too."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping

import pytest

from chaos import standing
from chaos.standing import Copies, followers_of
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.resource import Description

PLACEMENT = ((1, 2, 3), (2, 3, 1), (3, 1, 2))
WHOLE = {number: frozenset(each) for number, each in enumerate(PLACEMENT)}
PLACED = {number: each[0] for number, each in enumerate(PLACEMENT)}
ALONE = WHOLE | {1: frozenset({2})}

State = tuple[Mapping[int, frozenset[int]] | None, Mapping[int, int]]
WELL: State = (WHOLE, PLACED)
CUT: State = (ALONE, PLACED)


class Told(ScratchTopic):
    """A topic of which a test says what the broker tells; None for nothing."""

    state: State = WELL

    def in_sync(self) -> dict[int, frozenset[int]]:
        """Who has all of each partition."""
        if self.state[0] is None:
            raise NotYetError("nobody answers")
        return dict(self.state[0])

    def leaders(self) -> dict[int, int]:
        """Who leads each."""
        return dict(self.state[1])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here changes by itself."""
    monkeypatch.setattr(standing, "OUT_TIMEOUT_S", 0.1)
    monkeypatch.setattr(standing, "BACK_TIMEOUT_S", 0.1)


def seen_and_doubted(*states: State) -> tuple[list[str], list[str]]:
    """What is seen of node 2 before a fault, meanwhile and afterwards, and what is doubted."""
    topic = Told("nowhere", "topic", PLACEMENT)
    witness = Copies(topic, 2)
    looks = (witness.look_before, witness.look_during, witness.look_after)
    for look, state in zip(looks, states, strict=True):
        object.__setattr__(topic, "state", state)
        look()
    return witness.sightings.seen, witness.sightings.doubts


def test_a_leader_that_nobody_copies_from_is_seen() -> None:
    """It leads what it led, alone; what others lead is everywhere, and all of it is at the end."""
    seen, doubts = seen_and_doubted(WELL, CUT, WELL)
    assert doubts == []
    assert "node 2 alone in what it leads: 0: [1, 2, 3], 1: [2], 2: [1, 2, 3]" in seen


@pytest.mark.parametrize(
    ("during", "doubt"),
    [
        pytest.param(WELL, "node 2 alone in what it leads", id="all copy still"),
        pytest.param((WHOLE | {1: frozenset({2, 3})}, PLACED), "node 2 alone", id="one copies"),
        pytest.param((ALONE | {0: frozenset({1, 3})}, PLACED), "node 2 alone", id="it copies none"),
        pytest.param((None, PLACED), "nobody answers", id="nobody tells"),
        pytest.param((ALONE, PLACED | {1: 3}), "were to be led as they were placed", id="moved"),
    ],
)
def test_what_isnt_that_is_doubted(during: State, doubt: str) -> None:
    """Whether somebody copies, whether it copies nothing itself, or leads no more."""
    _, doubts = seen_and_doubted(WELL, during, WELL)
    assert len(doubts) == 1
    assert doubt in doubts[0]


@pytest.mark.parametrize(
    ("states", "parts"),
    [
        pytest.param((CUT, CUT, WELL), ["everywhere"], id="cut before"),
        pytest.param(((WHOLE, PLACED | {1: 3}), CUT, WELL), ["led as they"], id="led by others"),
        pytest.param((WELL, CUT, CUT), ["everywhere again"], id="not copied afterwards"),
    ],
)
def test_what_wasnt_whole_before_or_isnt_after_is_doubted(
    states: tuple[State, State, State], parts: list[str]
) -> None:
    """A fault that was there already proves nothing, nor does one that stays."""
    _, doubts = seen_and_doubted(*states)
    assert len(doubts) == len(parts)
    assert all(part in doubt for part, doubt in zip(parts, doubts, strict=True))


class Node(http.server.ThreadingHTTPServer):
    """What a node measures of itself: whether it leads the quorum of controllers."""

    def __init__(self, text: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.text = text.encode()

    @property
    def endpoint(self) -> Endpoint:
        """Where it is asked."""
        return Endpoint(f"http://127.0.0.1:{self.server_address[1]}/metrics")


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells it."""

    server: Node

    def do_GET(self) -> None:
        """All of it."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.text)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


NAME = "kafka_controller_kafkacontroller_activecontrollercount"


@pytest.fixture
def nodes(request: pytest.FixtureRequest) -> Iterator[Description]:
    """A broker whose nodes tell so."""
    servers = [Node(text) for text in request.param]
    for each in servers:
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()
    metrics = {f"metrics-{number}": each.endpoint for number, each in enumerate(servers, start=1)}
    yield Description("broker", "ready", endpoints={"kafka-1": Endpoint("nowhere:1"), **metrics})
    for each in servers:
        each.shutdown()
        each.server_close()


FOLLOWS = (f"# TYPE {NAME} gauge\n{NAME} 0.0\n", f"{NAME} 0\nother 1.0\n")


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param((FOLLOWS[0], f"{NAME} 1.0\n", FOLLOWS[1]), id="a float"),
        pytest.param((FOLLOWS[0], f'other 0\n{NAME}{{id="2"}} 1\n', FOLLOWS[1]), id="with labels"),
    ],
    indirect=True,
)
def test_who_doesnt_lead_the_quorum_follows(nodes: Description) -> None:
    """By what each measures of itself."""
    assert followers_of(nodes) == (1, 3)


@pytest.mark.parametrize("nodes", [pytest.param((f"{NAME} 1.0\n",), id="one")], indirect=True)
def test_one_node_alone_has_no_followers(nodes: Description) -> None:
    """Whoever asks for one is told so."""
    with pytest.raises(GroundworkError, match="has no node that follows another"):
        followers_of(nodes)
