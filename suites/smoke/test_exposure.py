"""What can be reached, and what gets out: sockets that listen, and secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import allure
import psutil
import pytest

from fixtures.declared.promises import Promises
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.keep.messages import Status
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession

SECRETS = FoundationSettings.secret_names()

# Files of servers that are larger hold records, not words.
FILE_BYTES_MAX = 8 * 1024 * 1024


@pytest.fixture
def status(
    groundwork_session: EnvironmentSession,
    broker: Handle,
    relay: Handle,
    hello_world: Handle,
    hello_world_relayed: Handle,
) -> Status:
    """The environment with all that listens."""
    del broker, relay, hello_world, hello_world_relayed
    return groundwork_session.client().status()


def processes_of(environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """The processes of an environment, each with the name of its resource."""
    for each in psutil.process_iter():
        try:
            token = each.environ().get(process.TOKEN, "")
        except psutil.Error:  # it has just ended, or isn't ours
            continue
        name, _, rest = token.partition(":")
        if name == environment:
            yield rest.partition(":")[0], each


def listening(each: psutil.Process) -> set[tuple[str, int]]:
    """The addresses and ports that a process listens on."""
    return {
        (socket.laddr.ip.removeprefix("::ffff:"), socket.laddr.port)
        for socket in each.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    }


def test_servers_listen_where_they_are_declared_to_and_nowhere_else(
    status: Status, promises: Promises
) -> None:
    """Every socket that listens is on a promised address and a declared port; each port is open."""
    found: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for resource, each in processes_of(status.folder.name):
        found[resource] |= listening(each)
    ready = [each for each in status.resources if each.state == "ready"]
    # The relay listens on ports that the broker has told its clients of.
    declared = {number for each in ready for number in each.ports.values()}
    lines = []
    for resource, sockets in sorted(found.items()):
        for address, port in sorted(sockets):
            if address not in promises.exposure.addresses:
                lines.append(f"{resource} listens on {address}:{port}; promised are loopback's")
            if port not in declared:
                lines.append(f"{resource} listens on {address}:{port}, a port nobody declared")
    opened = {port for sockets in found.values() for _, port in sockets}
    lines += [
        f"{told.name} declares port {name} ({port}), where nobody listens"
        for told in ready
        for name, port in told.ports.items()
        if port not in opened
    ]
    allure.attach(str(dict(found)), "sockets")
    assert found.keys() >= {each.name for each in ready}
    assert lines == []


def test_secrets_are_where_they_belong_and_nowhere_else(status: Status) -> None:
    """The service has them in its environment; no other process, argument, file or log has them.

    Where none were given they are made up, so that this can be seen in every run.
    """
    own: dict[str, str] = {}
    others = []
    for resource, each in processes_of(status.folder.name):
        environment = each.environ()
        if resource == "hello-world":
            own |= {name: value for name, value in environment.items() if name in SECRETS}
        else:
            others.append((resource, each))
    assert own.keys() == SECRETS, "hello-world lacks secrets, so that nothing can be seen of them"
    lines = []
    for resource, each in others:
        text = "\0".join(each.environ().values())
        lines += [f"{resource} has {name} in its environment" for name in betrayed(own, text)]
    for each in psutil.process_iter():
        try:
            arguments = "\0".join(each.cmdline())
        except psutil.Error:
            continue
        lines += [
            f"{each.name()} has {name} among its arguments" for name in betrayed(own, arguments)
        ]
    for file in files_of(status.folder):
        text = file.read_bytes().decode("utf-8", "replace")
        where = file.relative_to(status.folder)
        lines += [f"{name} is in the file {where}" for name in betrayed(own, text)]
    assert lines == []


def betrayed(secrets: dict[str, str], text: str) -> list[str]:
    """The names of the secrets that a text tells."""
    return [name for name, value in secrets.items() if value in text]


def files_of(folder: Path) -> Iterator[Path]:
    """The files of an environment that words may be in: configurations, logs, its ledger."""
    for file in folder.rglob("*"):
        if file.is_file() and file.stat().st_size <= FILE_BYTES_MAX:
            yield file
