"""Ways: from pod to pod, and by service, node port and host port to the same server."""

from __future__ import annotations

import json
from uuid import uuid4

import allure
import requests

from fixtures.pods.asked.network import get, tell
from fixtures.pods.asking import ask
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.kube.pods import Pod
from groundwork.use.client import Handle

TIMEOUT_S = 10.0
RECEIVER_PORT = 8080


def test_pods_reach_each_other_across_nodes(kube: Kube, toolbox: tuple[Pod, ...]) -> None:
    """Every pod speaks by TCP to the pod of every other node, and is heard there, once."""
    assert len(toolbox) > 1
    assert {pod.node for pod in toolbox} == {node.metadata.name for node in kube.nodes()}
    mark = uuid4().hex
    for speaker in toolbox:
        with allure.step(f"{speaker.node} speaks"):
            others = [f"{pod.ip}:{RECEIVER_PORT}" for pod in toolbox if pod != speaker]
            ask(kube, speaker, tell, others, f"{mark} {speaker.node}")
    for listener in toolbox:
        with allure.step(f"{listener.node} has heard the others"):
            heard = json.loads(kube.pods.http_get(listener, RECEIVER_PORT, "heard"))
            words = [each["notification"] for each in heard if mark in each["notification"]]
            assert sorted(words) == [f"{mark} {pod.node}" for pod in toolbox if pod != listener]


def test_a_server_is_the_same_by_its_address_and_by_every_nodes(
    kube: Kube, toolbox: tuple[Pod, ...], hello_world: Handle
) -> None:
    """What was left with it by its host port is found by its service and by each node's port.

    Pods of all nodes ask for it, each by the service's address and by those of all nodes.
    """
    path, expected = leave(hello_world)
    service = kube.objects.get("v1", "Service", "hello-world", "services").spec
    by_service = f"{service.clusterIP}:{service.ports[0].port}"
    nodes = [
        address.address
        for node in kube.nodes()
        for address in node.status.addresses
        if address.type == "InternalIP"
    ]
    assert len(set(nodes)) == len(toolbox)
    ways = [by_service, *(f"{node}:{service.ports[0].nodePort}" for node in nodes)]
    for pod in toolbox:
        with allure.step(f"from {pod.node} by {', '.join(ways)}"):
            found = ask(kube, pod, get, ways, path)
            assert found == dict.fromkeys(ways, expected)


def leave(hello_world: Handle) -> tuple[str, str]:
    """Leave a message with the one server that keeps it; its path, and what answers there."""
    url = hello_world.endpoint("http")
    posted = requests.post(f"{url}/messages", json={"text": uuid4().hex}, timeout=TIMEOUT_S)
    path = f"/messages/{posted.json()['id']}"

    def kept() -> str:
        answer = requests.get(f"{url}{path}", timeout=TIMEOUT_S)
        if answer.status_code != requests.codes.ok:
            raise NotYetError(answer.text)
        return answer.text

    text = wait_for(kept, deadline=Deadline.after(TIMEOUT_S), what="the message to come back")
    return path, f"{requests.codes.ok} {text}"
