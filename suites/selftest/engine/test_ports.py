"""Ports: given before anything starts, to one environment only, and the user's choice obeyed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.base import ports
from groundwork.base.errors import UsageError
from groundwork.base.ledger import Ledger, Record

HTTP = ("grafana", "http")
OTHER = ("loki", "http")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    """The ledgers of two environments of one user."""
    pair = (
        Ledger.create(tmp_path / "envs" / "one"),
        Ledger.create(tmp_path / "envs" / "two"),
    )
    yield pair
    for book in pair:
        book.close()


@pytest.fixture
def listening() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def idle_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_the_usual_port_is_given_while_it_is_free(books: tuple[Ledger, Ledger]) -> None:
    """To one environment; the other gets one from the range of those that nobody expects."""
    port = idle_port()
    first = ports.assign([HTTP], {}, {HTTP: port}, books[0], "run")
    second = ports.assign([HTTP], {}, {HTTP: port}, books[1], "run")
    assert first == {HTTP: port}
    assert ports.FIRST <= second[HTTP] <= ports.LAST


def test_a_port_in_use_is_never_given(books: tuple[Ledger, Ledger], listening: int) -> None:
    """Whoever listens there is left alone."""
    given = ports.assign([HTTP], {}, {HTTP: listening}, books[0], "run")
    assert given[HTTP] != listening


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_a_port_is_taken_on_loopback_and_on_all_addresses(host: str) -> None:
    """Either of them keeps a server of ours from being the one that is reached."""
    with socket.create_server((host, 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
    assert ports.is_free(port)


def test_a_fixed_port_is_given_or_refused(books: tuple[Ledger, Ledger], listening: int) -> None:
    """What the user has chosen isn't replaced by something else; the refusal says what to do."""
    port = idle_port()
    assert ports.assign([HTTP], {HTTP: port}, {HTTP: 1}, books[0], "run") == {HTTP: port}
    for taken in (port, listening):
        with pytest.raises(UsageError, match=rf"--port grafana={taken}: port {taken} is in use; "):
            ports.assign([HTTP], {HTTP: taken}, {}, books[1], "run")


def test_two_ports_of_one_environment_differ(books: tuple[Ledger, Ledger]) -> None:
    """Also where both would like the same."""
    port = idle_port()
    given = ports.assign([HTTP, OTHER], {}, {HTTP: port, OTHER: port}, books[0], "run")
    assert given[HTTP] == port
    assert given[OTHER] != port


def test_a_port_is_free_again_once_its_resource_is_removed(books: tuple[Ledger, Ledger]) -> None:
    """A reservation is a record: it lasts until the ledger says otherwise."""
    port = idle_port()
    ports.assign([HTTP], {}, {HTTP: port}, books[0], "run")
    books[0].append(Record("removed", "ports", "grafana", resource="grafana", run="run"))
    assert ports.assign([HTTP], {HTTP: port}, {}, books[1], "run") == {HTTP: port}


def test_none_is_free_when_all_are_taken(
    books: tuple[Ledger, Ledger], listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The range has an end, and the error names it."""
    monkeypatch.setattr(ports, "FIRST", listening)
    monkeypatch.setattr(ports, "LAST", listening)
    with pytest.raises(UsageError, match=f"no free port between {listening} and {listening} for"):
        ports.assign([HTTP], {}, {}, books[0], "run")
