"""What processes tell each other: typed on both sides, and refused where it can't be read."""

from __future__ import annotations

import json
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base import errors
from groundwork.base.errors import GroundworkError, KeeperLostError, ResourceError
from groundwork.base.wire import Wire
from groundwork.keep import messages
from groundwork.keep.answers import pack_answer, pack_error, read_answer
from groundwork.keep.events import EVENTS, Event, Recorded, line_of
from groundwork.keep.messages import (
    HELLOS,
    REQUESTS,
    Ask,
    ClientHello,
    Failure,
    Hello,
)
from groundwork.use.client import Client
from groundwork.use.kept import kept_environments
from suites.support.pond import Pond

# A keeper answers what it can't read at once; a machine under load must not fail the test.
ANSWER_TIMEOUT_S = 30.0

KINDS = {
    "hello": (HELLOS, get_args(get_args(Hello)[0])),
    "request": (REQUESTS, get_args(get_args(messages.AnyRequest)[0])),
    "event": (EVENTS, get_args(get_args(Event)[0])),
}

# Values of fields whose type alone doesn't tell what JSON can hold.
finite = st.floats(allow_nan=False, allow_infinity=False)
HELD: dict[str, st.SearchStrategy[Any]] = {
    "after": st.dictionaries(st.text(), st.text()),
    "arguments": st.dictionaries(st.text(), st.integers() | st.text()),
    "before": st.dictionaries(st.text(), st.text()),
    "fields": st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())),
    "out_dir": st.sampled_from([Path("out"), Path("/output of a run")]),
    "ready_s": finite,
    "limit_s": st.floats(0, 1e9),
    "timeout_s": st.floats(0, 1e9),
    "lasted_s": finite,
    "within_s": finite,
}


@pytest.mark.parametrize(
    ("codec", "kind"),
    [
        pytest.param(codec, kind, id=f"{name} {kind.__name__}")
        for name, (codec, kinds) in KINDS.items()
        for kind in kinds
    ],
)
@given(data=st.data())
def test_what_is_told_arrives_as_it_was(codec: Any, kind: type[Any], data: st.DataObject) -> None:
    """Every greeting, request and event is told from all others, with all that it holds."""
    held = {each.name: HELD[each.name] for each in fields(kind) if each.name in HELD}
    told = data.draw(st.builds(kind, **held))
    assert codec.read(json.loads(json.dumps(codec.pack(told)))) == told


@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, GroundworkError)
    ],
)
def test_an_error_arrives_as_it_was(kind: type[GroundworkError]) -> None:
    """Its class and its text, so that the asker's exit code and report are those of the keeper."""
    error: GroundworkError
    if kind is not KeeperLostError and issubclass(kind, ResourceError):
        error = kind("spring", "it is dry\nlast log lines")
    else:
        error = kind("it is dry")
    with pytest.raises(kind) as caught:
        read_answer(Ask(()), json.loads(json.dumps(pack_error(error))))
    assert type(caught.value) is kind
    assert vars(caught.value) == vars(error)
    assert str(caught.value) == str(error)


def test_an_error_of_another_kind_names_its_class() -> None:
    """What isn't the engine's own arrives as an error of the engine's."""
    assert str(Failure.of(KeyError("sea")).error()) == "KeyError: 'sea'"


def test_an_answer_of_another_kind_is_refused_on_both_sides() -> None:
    """A keeper can't send, and a client doesn't take, what isn't the answer to the request."""
    assert read_answer(Ask(("mill",)), {"ok": ["spring", "mill"]}) == ("spring", "mill")
    with pytest.raises(GroundworkError, match=r"^can't read the answer to Ask: 0: Input should"):
        read_answer(Ask(("mill",)), {"ok": [1]})
    with pytest.raises(GroundworkError, match=r"^can't tell the answer to Ask: Input should"):
        pack_answer(Ask(("mill",)), {"mill": "spring"})


def test_an_event_of_a_test_has_its_own_name_on_the_timeline() -> None:
    """Whoever reads a timeline finds it as it was recorded."""
    assert line_of(Recorded("splash", {"height_m": 2})) == ("splash", {"height_m": 2})


def kept_socket(pond: Pond) -> Path:
    """The socket of a pond that is kept."""
    up = pond.groundwork("up")
    assert up.returncode == 0, up.output
    (kept,) = kept_environments(pond.state_dir)
    return kept.socket


def connected(path: Path) -> socket.socket:
    """A connection to a keeper that nothing was said on yet."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_TIMEOUT_S)
    connection.connect(str(path))
    return connection


def test_what_a_keeper_can_not_read_is_answered_with_an_error(pond: Pond) -> None:
    """Whatever is asked, and whoever greets how, the keeper says what is wrong and lives on."""
    path = kept_socket(pond)
    with connected(path) as connection:
        wire = Wire(connection)
        wire.send(HELLOS.pack(ClientHello()))
        assert wire.receive() == {"ok": None}
        for line, error in (
            (b"splash", "can't read a message: Expecting value"),
            (b"\x80", "can't read a message: 'utf-8' codec"),
            (b"[" * 100_000, "can't read a message: maximum recursion"),
            (b'["ask"]', "can't read a message: it isn't an object"),
            (b"{}", "can't read a request: Unable to extract tag"),
            (b'{"op": "drain"}', "can't read a request: Input tag 'drain'"),
            (b'{"op": "ask"}', "can't read a request: ask.names: Field required"),
            (b'{"op": "ask", "names": "spring"}', "can't read a request: ask.names: Input"),
            (b'{"op": "await", "name": "sea"}', "'sea'"),
        ):
            connection.sendall(line + b"\n")
            answer = wire.receive()
            assert answer is not None
            assert answer["error"]["message"].startswith(error), answer
        wire.send(REQUESTS.pack(messages.GetStatus()))
        answer = wire.receive()
        assert answer is not None
        assert answer["ok"]["kept"] is True
    for greeting in (b"splash", b"{}", b'{"role": "fish"}', b'{"role": "worker", "pid": "no"}'):
        with connected(path) as connection:
            wire = Wire(connection)
            connection.sendall(greeting + b"\n")
            answer = wire.receive()
            assert answer is not None
            assert answer["error"]["message"].startswith("can't read a "), answer
            assert wire.receive() is None, "whoever isn't welcome is hung up on"
    client = Client(path, ClientHello())
    assert [each.state for each in client.status().resources] == ["ready", "ready"]
    client.close()
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []
