"""Records: clients outside and inside find the same broker, each by addresses of its own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import allure
import pytest
from aiokafka.errors import KafkaError

from fixtures.declared.topics import Topic
from fixtures.pods.asked.records import consume, nodes, produce
from fixtures.pods.asking import ask
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.kube.pods import Pod
from groundwork.use.client import Handle

# How clients inside ask for the broker: by the name of its service.
SERVICE = "broker.infra.svc.cluster.local:9092"

RECORDS = 20

# Three nodes that were killed together elect leaders anew.
RETURN_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 60.0


def texts() -> list[str]:
    """Records that nobody else writes."""
    return [uuid4().hex for _ in range(RECORDS)]


def test_outside_the_broker_names_only_host_ports(broker: Handle) -> None:
    """Whoever asks by any host port is told all of them, and no other address."""
    outside = broker.endpoint("kafka").split(",")
    assert all(address.startswith("127.0.0.1:") for address in outside)
    for address in outside:
        assert nodes(address) == sorted(outside)


def test_inside_the_broker_names_only_its_pods(
    kube: Kube, broker: Handle, toolbox: tuple[Pod, ...]
) -> None:
    """Whoever asks by the service is told the names of the stateful set's pods, and no other."""
    pods = kube.pods.of("broker")
    names = sorted(f"{pod.name}.broker.infra.svc.cluster.local:9092" for pod in pods)
    assert ask(kube, toolbox[0], nodes, SERVICE) == names
    assert sorted(broker.description.endpoints["kafka"].inside.split(",")) == names


def test_behind_the_relay_the_broker_names_only_the_relay(
    kube: Kube, relay: Handle, toolbox: tuple[Pod, ...]
) -> None:
    """Whoever came through it stays on it."""
    addresses = relay.endpoint("kafka")
    assert ask(kube, toolbox[0], nodes, addresses) == sorted(addresses.split(","))


def test_what_is_produced_outside_is_consumed_inside(
    kube: Kube, broker: Handle, toolbox: tuple[Pod, ...], topics: tuple[Topic, ...]
) -> None:
    """Records that came by the host port are read by a pod, the same, where they were written."""
    written = texts()
    offsets = produce(broker.endpoint("kafka"), topics[0].name, written)
    assert ask(kube, toolbox[0], consume, SERVICE, topics[0].name, offsets) == written


def test_what_is_produced_inside_is_consumed_outside(
    kube: Kube, broker: Handle, toolbox: tuple[Pod, ...], topics: tuple[Topic, ...]
) -> None:
    """Records that a pod wrote are read by the host port, the same, where they were written."""
    written = texts()
    offsets = ask(kube, toolbox[-1], produce, SERVICE, topics[0].name, written)
    assert consume(broker.endpoint("kafka"), topics[0].name, offsets) == written


@pytest.mark.disturbs("broker")
def test_records_outlive_the_brokers_pods(
    kube: Kube, broker: Handle, topics: tuple[Topic, ...]
) -> None:
    """Its pods are killed; those that come in their places have their volumes, and every record."""
    outside, topic, written = broker.endpoint("kafka"), topics[0].name, texts()
    offsets = produce(outside, topic, written)
    before, volumes = kube.pods.of("broker"), volumes_of(kube)
    with allure.step("kill all pods of the broker"), broker.fault("kill"):
        pass  # others come by themselves

    def replaced() -> None:
        pods = kube.pods.of("broker")
        left = {pod.uid for pod in before} & {pod.uid for pod in pods}
        waiting = [pod.name for pod in pods if not pod.ready]
        if left or waiting or len(pods) != len(before):
            raise NotYetError(f"{pods} instead of {before}")

    with allure.step("others come in their places, with the same volumes"):
        wait_for(replaced, deadline=Deadline.after(RETURN_TIMEOUT_S), what="new pods of the broker")
        assert volumes_of(kube) == volumes
    with allure.step("every record is there"):
        found = wait_for(
            lambda: consume(outside, topic, offsets),
            deadline=Deadline.after(ANSWER_TIMEOUT_S),
            what="the broker to answer",
            retry_on=(KafkaError,),
        )
        assert found == written


def volumes_of(kube: Kube) -> dict[str, str]:
    """The volume that each pod of the broker has claimed, by the pod's name."""
    return {pod.name: volume_of(kube, pod) for pod in kube.pods.of("broker")}


def volume_of(kube: Kube, pod: Pod) -> str:
    """The name of the volume behind a pod's one claim; no two ever have the same."""
    volumes: list[Any] = kube.objects.get("v1", "Pod", pod.name, pod.namespace).spec.volumes
    (claim,) = (each.persistentVolumeClaim for each in volumes if each.persistentVolumeClaim)
    found = kube.objects.get("v1", "PersistentVolumeClaim", claim.claimName, pod.namespace)
    assert found.status.phase == "Bound"
    return str(found.spec.volumeName)
