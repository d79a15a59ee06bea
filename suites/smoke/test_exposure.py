"""What can be reached, and what gets out: ports that are open, and secrets."""

from __future__ import annotations

import pytest

from fixtures.declared.promises import Promises
from fixtures.resources.prometheus import Prometheus
from groundwork.keep.messages import Status
from groundwork.kube.client import Kube
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession
from suites.support.exposure import (
    betrayed_by_pods,
    betrayed_by_processes,
    open_services,
    open_sockets,
)


@pytest.fixture
def status(
    groundwork_session: EnvironmentSession,
    broker: Handle,
    relay: Handle,
    hello_world: Handle,
    hello_world_relayed: Handle,
    prometheus: Prometheus,
) -> Status:
    """The environment, with all that listens, ready: what is starting has no ports to be told."""
    del broker, relay, hello_world, hello_world_relayed, prometheus
    return groundwork_session.client().status()


@pytest.fixture
def kube_or_none(request: pytest.FixtureRequest, platform: str) -> Kube | None:
    """A client of the cluster, where the platform is one."""
    if platform == "local":
        return None
    found: Kube = request.getfixturevalue("kube")
    return found


def test_servers_are_reached_where_it_is_promised_and_nowhere_else(
    status: Status, kube_or_none: Kube | None, promises: Promises
) -> None:
    """Sockets listen on promised addresses and declared ports alone, and on each of these ports.

    Of a cluster: its nodes open the promised ports, and no pod is in its node's own network.
    """
    if kube_or_none is None:
        lines = open_sockets(status, promises.exposure)
        assert not lines, "\n".join(lines)
    else:
        lines = open_services(kube_or_none, promises.exposure)
        assert not lines, "\n".join(lines)


def test_secrets_are_where_they_belong_and_nowhere_else(
    status: Status, kube_or_none: Kube | None
) -> None:
    """The service has them; no other process, argument, file, log, pod or configuration does.

    Where none were given they are made up, so that this can be seen in every run.
    """
    if kube_or_none is None:
        lines = betrayed_by_processes(status)
        assert not lines, "\n".join(lines)
    else:
        lines = betrayed_by_pods(kube_or_none)
        assert not lines, "\n".join(lines)
