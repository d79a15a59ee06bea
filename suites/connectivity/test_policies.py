"""Network policies: who may not talk is not heard, where the cluster's network enforces them."""

from __future__ import annotations

from collections.abc import Iterator

import allure
import pytest

from fixtures.kustomize import render
from fixtures.paths import KUBERNETES
from fixtures.pods.asked.network import connects
from fixtures.pods.asking import ask
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object
from groundwork.kube.pods import Pod

# The relay leads services to the broker; nobody in its own namespace has any business with it.
RELAY = "relay.infra.svc.cluster.local:9194"

# A controller takes a second or two; the rest is for a busy machine.
TIMEOUT_S = 30.0


@pytest.fixture
def policies(kube: Kube) -> Iterator[list[Object]]:
    """The platform's policies; in force again at the end, whatever was done to them."""
    rendered = list(render(KUBERNETES / "base" / "policies"))
    kube.objects.apply(rendered)
    yield rendered
    kube.objects.apply(rendered)


def await_state(kube: Kube, pod: Pod, *, is_open: bool) -> None:
    """Wait until a pod reaches the relay, or doesn't any more."""

    def look() -> None:
        if ask(kube, pod, connects, RELAY) != is_open:
            raise NotYetError("it is refused" if is_open else "it is open")

    state = "open" if is_open else "refused"
    what = f"the way from {pod.namespace} to the relay to be {state}"
    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what=what)


@pytest.mark.disturbs("relay")
@pytest.mark.usefixtures("receiver", "relay")
def test_only_who_may_reaches_the_relay(
    kube: Kube, toolbox: tuple[Pod, ...], policies: list[Object]
) -> None:
    """From a service the way is open; from elsewhere it is refused by the policies, by them alone.

    Without them the refused way is seen open; with them again it is refused again.
    """
    allowed, (refused,) = toolbox[0], kube.pods.of("receiver")
    with allure.step("with the policies"):
        await_state(kube, refused, is_open=False)
        await_state(kube, allowed, is_open=True)
    with allure.step("without"):
        for body in policies:
            name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
            kube.objects.delete(body["apiVersion"], body["kind"], name, namespace)
        await_state(kube, refused, is_open=True)
        await_state(kube, allowed, is_open=True)
    with allure.step("with them again"):
        kube.objects.apply(policies)
        await_state(kube, refused, is_open=False)
        await_state(kube, allowed, is_open=True)
