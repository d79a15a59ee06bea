"""Shipping: what containers of a cluster print gets to the store of logs, whoever prints it."""

from __future__ import annotations

import pytest
import requests

from fixtures.resources.signals import Logs
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.use.session import EnvironmentSession

# What ships doesn't ship its own lines: each would make another.
SHIPPER = "collector"

# A container prints as it starts, what ships reads that at once, and a store writes it down within
# a second or so; a busy machine is slower.
SHIPPED_WITHIN_S = 30.0


# Those that print, in one namespace each, and who ships it.
@pytest.mark.usefixtures("collector", "hello_world", "node_exporter")
def test_lines_of_every_namespace_are_shipped(
    groundwork_session: EnvironmentSession, kube: Kube, logs: Logs
) -> None:
    """The store has lines of each namespace that resources have pods in."""
    resources = [each.name for each in groundwork_session.client().status().resources]
    printing = {
        pod.namespace: name for name in resources if name != SHIPPER for pod in kube.pods.of(name)
    }
    assert len(printing) > 1, "pods of one namespace alone prove nothing of others"

    def look() -> None:
        missing = sorted(printing.keys() - logs.namespaces())
        if missing:
            said = ", ".join(f"{each} (there is {printing[each]})" for each in missing)
            raise NotYetError(f"the store of logs has no line of the namespace {said}")

    wait_for(
        look,
        deadline=Deadline.after(SHIPPED_WITHIN_S),
        what="lines of every namespace to be shipped",
        retry_on=(requests.RequestException,),
    )
