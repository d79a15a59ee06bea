"""Placement: pods are spread as promised, budgets know them, traffic goes to who can serve it."""

from __future__ import annotations

from typing import Any

import allure
import pytest

from fixtures.declared.promises import Promises
from fixtures.resources.hello_world import READY_INTERVAL_S
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.use.client import Handle

# A probe in two seconds, its word to the API server, and from there to the slice.
SEEN_TIMEOUT_S = 30.0
RECOVERY_TIMEOUT_S = 40.0

SLICE_LABEL = "kubernetes.io/service-name"


@pytest.mark.usefixtures("broker")
def test_brokers_are_on_as_many_nodes_as_there_are(kube: Kube, promises: Promises) -> None:
    """No two of what is to be spread share a node while another one that it bears is free."""
    for resource in promises.pods.spread:
        owner = kube.objects.get("apps/v1", "StatefulSet", resource, "infra")
        borne = {each.key for each in owner.spec.template.spec.tolerations or ()}
        closed = {
            node.metadata.name: {t.key for t in node.spec.taints or () if t.effect == "NoSchedule"}
            for node in kube.nodes()
        }
        free = [name for name, keys in closed.items() if keys <= borne]
        assert free
        pods = kube.pods.of(resource)
        found = {pod.node for pod in pods}
        assert len(found) == min(len(pods), len(free)), f"{resource} is on {sorted(found)} alone"


@pytest.mark.usefixtures("everything")
def test_budgets_know_their_pods(kube: Kube, promises: Promises) -> None:
    """The server counts the pods behind each promised budget, and lets no more of them go."""
    for name, unavailable in promises.pods.unavailable_max.items():
        namespace = "infra" if name == "broker" else "services"

        def counted(name: str = name, namespace: str = namespace) -> Any:
            status = kube.objects.get("policy/v1", "PodDisruptionBudget", name, namespace).status
            if status.currentHealthy != len(kube.pods.of(name)):
                raise NotYetError(f"{status.currentHealthy} healthy of {status.expectedPods}")
            return status

        what = f"the budget of {name} to know its pods"
        status = wait_for(counted, deadline=Deadline.after(SEEN_TIMEOUT_S), what=what)
        assert status.expectedPods == len(kube.pods.of(name))
        assert status.disruptionsAllowed == unavailable


def served(kube: Kube, service: str) -> list[bool]:
    """Of each address behind a service, whether it can serve, as the network is told."""
    return [
        bool(endpoint.conditions.serving)
        for each in kube.objects.listed(f"{SLICE_LABEL}={service}", "EndpointSlice")
        for endpoint in kube.objects.get(
            each.api_version, each.kind, each.name, each.namespace
        ).endpoints
        or ()
    ]


@pytest.mark.disturbs("relay")
def test_traffic_isnt_led_to_a_service_that_isnt_ready(
    kube: Kube, relay: Handle, hello_world_relayed: Handle
) -> None:
    """Cut off from its broker its address doesn't count as serving; and does again afterwards."""

    def expect(*, serving: bool) -> None:
        found = served(kube, hello_world_relayed.name)
        if found != [serving]:
            raise NotYetError(f"addresses that serve: {found}")

    what = "the slice to say so"
    expect(serving=True)
    with allure.step("close the relay"), relay.fault("isolate"):
        deadline = Deadline.after(READY_INTERVAL_S + SEEN_TIMEOUT_S)
        wait_for(lambda: expect(serving=False), deadline=deadline, what=what)
    with allure.step("the relay is open again"):
        deadline = Deadline.after(RECOVERY_TIMEOUT_S)
        wait_for(lambda: expect(serving=True), deadline=deadline, what=what)
