"""Faults that only a cluster has: each lands, by what clients and the API server see, and heals."""

from __future__ import annotations

import contextlib
import socket

import allure
import pytest
import requests

from chaos.caller import host_and_port
from fixtures.pods.asked.network import connects, resolve
from fixtures.pods.asking import ask
from groundwork.base.errors import NotYetError, ProvisionError, UsageError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.configuring import restore
from groundwork.keep.messages import Injected
from groundwork.kube.client import Kube
from groundwork.kube.pods import Pod
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession

# A pod is pulled, placed and probed.
RETURN_TIMEOUT_S = 120.0
# Who is reached answers in milliseconds.
ANSWER_TIMEOUT_S = 3.0

# A node that says nothing isn't ready after fifty seconds, as Kubernetes has it; what may move is
# put elsewhere twenty seconds later, and starts.
SILENT_TIMEOUT_S = 90.0
MOVED_TIMEOUT_S = 60.0

# Kubernetes makes a container wait for five minutes that has ended a few times.
CRASHES = 30

# Where the receiver listens in its pod; its name in full, which is asked for once.
PORT = 8080
NAME = "receiver.infra.svc.cluster.local."


def the_pod(kube: Kube, resource: str) -> Pod:
    """The one pod of a resource, by the API server's word, that isn't going away."""
    found = [pod for pod in kube.pods.of(resource) if pod.ready]
    if len(found) != 1:
        raise NotYetError(f"ready: {[pod.name for pod in found]}")
    return found[0]


def running(kube: Kube, resource: str) -> set[str]:
    """The ids of the containers of a resource, by the API server's word."""
    return {each for pod in kube.pods.of(resource) for each in pod.containers}


def expect_ready(kube: Kube, resource: str, count: int) -> None:
    """See that a resource has so many pods, and that all of them are ready."""
    pods = kube.pods.of(resource)
    if len(pods) != count or not all(pod.ready for pod in pods):
        raise NotYetError("; ".join(f"{pod.name}: {pod.waiting or pod.phase}" for pod in pods))


def await_pod(kube: Kube, resource: str) -> Pod:
    """Wait for the one pod of a resource to be ready."""
    return wait_for(
        lambda: the_pod(kube, resource),
        deadline=Deadline.after(RETURN_TIMEOUT_S),
        what=f"one pod of {resource} to be ready",
    )


def await_answer(address: str, timeout_s: float = RETURN_TIMEOUT_S) -> None:
    """Wait until something is answered there."""
    wait_for(
        lambda: requests.get(address, timeout=ANSWER_TIMEOUT_S),
        deadline=Deadline.after(timeout_s),
        what=f"{address} to answer",
        retry_on=(requests.RequestException,),
    )


def node_of(kube: Kube, name: str) -> tuple[str, bool]:
    """What the API server says of a node: whether it is ready, and whether it takes pods."""
    (node,) = (each for each in kube.nodes() if each.metadata.name == name)
    (ready,) = (each.status for each in node.status.conditions if each.type == "Ready")
    return ready, not node.spec.unschedulable


def settings_in(kube: Kube) -> dict[str, str]:
    """What the service is configured with, by the API server's word."""
    found = kube.objects.get("v1", "ConfigMap", "hello-world", "services")
    return dict(found.to_dict()["data"])


def expect_failing(kube: Kube, resource: str) -> None:
    """See that a resource has pods, of which none is ready, and each has ended by itself."""
    pods = kube.pods.of(resource)
    if not pods or any(pod.ready or not pod.ended for pod in pods):
        raise NotYetError("; ".join(f"{pod.name}: {pod.waiting or pod.phase}" for pod in pods))


def await_node(kube: Kube, name: str, *, ready: bool) -> None:
    """Wait until the API server says that a node is ready, or isn't."""

    def look() -> None:
        said, _ = node_of(kube, name)
        if (said == "True") != ready:
            raise NotYetError(f"ready: {said}")

    what = f"{name} to be {'ready' if ready else 'told as silent'}"
    wait_for(look, deadline=Deadline.after(SILENT_TIMEOUT_S), what=what)


def show(told: Injected) -> None:
    """Put what was to be seen into the report."""
    for part in sorted({*told.before, *told.after}):
        seen = (told.before.get(part, "not there"), told.after.get(part, "not there"))
        allure.attach("\n".join(seen), part)


@pytest.fixture
def receiver_handle(groundwork_session: EnvironmentSession) -> Handle:
    """The receiver: one pod, that has no volume and may be anywhere."""
    return groundwork_session.await_ready("receiver")


@pytest.mark.disturbs("receiver")
def test_what_crashes_is_started_again_in_its_pod(kube: Kube, receiver_handle: Handle) -> None:
    """Who was connected is hung up on; the pod is the same, and another container is in it."""
    before = await_pod(kube, "receiver")
    place = host_and_port(receiver_handle.endpoint())
    with (
        socket.create_connection(place, ANSWER_TIMEOUT_S) as connection,
        receiver_handle.fault("crash", limit_s=60) as fault,
    ):
        show(fault.told)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    after = await_pod(kube, "receiver")
    assert after.uid == before.uid
    assert after.restarts == before.restarts + 1
    assert set(after.containers).isdisjoint(before.containers)
    await_answer(receiver_handle.endpoint())


@pytest.mark.disturbs("toolbox", limit_s=240)
def test_thirty_crashes_leave_nothing_hopeless(kube: Kube, toolbox_handle: Handle) -> None:
    """Each is of a container that ran; none makes another wait, and all are well in the end."""
    crashed: set[str] = set()
    while len(crashed) < CRASHES:
        before = running(kube, "toolbox")
        with toolbox_handle.fault("crash", limit_s=60):
            pass
        crashed |= before - running(kube, "toolbox")
    nodes = len(kube.nodes())
    wait_for(
        lambda: expect_ready(kube, "toolbox", nodes),
        deadline=Deadline.after(RETURN_TIMEOUT_S),
        what=f"{nodes} pods of the toolbox to be ready",
    )


@pytest.mark.disturbs("receiver")
def test_what_is_isolated_runs_and_hears_nobody(
    kube: Kube, receiver_handle: Handle, toolbox: tuple[Pod, ...]
) -> None:
    """Nobody reaches it from any node or from outside, and it reaches nobody; it is ready still."""
    before = await_pod(kube, "receiver")
    address, beside = f"{before.ip}:{PORT}", f"{toolbox[0].ip}:{PORT}"
    assert all(ask(kube, pod, connects, address) for pod in toolbox)
    with receiver_handle.fault("isolate", limit_s=120) as fault:
        show(fault.told)
        assert not any(ask(kube, pod, connects, address) for pod in toolbox)
        assert not ask(kube, before, connects, beside)
        with pytest.raises(requests.RequestException):
            requests.get(receiver_handle.endpoint(), timeout=ANSWER_TIMEOUT_S)
        assert ask(kube, before, connects, f"127.0.0.1:{PORT}")
        assert the_pod(kube, "receiver") == before
    await_answer(receiver_handle.endpoint())
    assert all(ask(kube, pod, connects, address) for pod in toolbox)
    assert the_pod(kube, "receiver") == before


@pytest.mark.disturbs("cluster", limit_s=300)
def test_what_is_on_a_drained_node_goes_elsewhere(
    kube: Kube, cluster: Handle, receiver_handle: Handle
) -> None:
    """The node takes nothing more until it is healed, and what was there is served by another."""
    before = await_pod(kube, "receiver")
    with cluster.fault("drain", before.node, limit_s=120) as fault:
        show(fault.told)
        assert node_of(kube, before.node) == ("True", False)
        assert kube.pods.movable(before.node) == []
        after = await_pod(kube, "receiver")
        assert after.node != before.node
        await_answer(receiver_handle.endpoint())
    assert node_of(kube, before.node) == ("True", True)
    with pytest.raises(UsageError, match="say which node"):
        cluster.fault("drain", limit_s=60).__enter__()
    with pytest.raises(UsageError, match="has no 'nowhere'"):
        cluster.fault("freeze", "nowhere", limit_s=60).__enter__()


@pytest.mark.disturbs("cluster", limit_s=400)
def test_what_was_on_a_frozen_node_goes_elsewhere(
    kube: Kube, cluster: Handle, receiver_handle: Handle
) -> None:
    """Nobody is answered there; the node isn't ready, by the API server's word; then it goes on."""
    before = await_pod(kube, "receiver")
    with cluster.fault("freeze", before.node, limit_s=300) as fault:
        show(fault.told)
        with pytest.raises(requests.RequestException):
            requests.get(receiver_handle.endpoint(), timeout=ANSWER_TIMEOUT_S)
        await_node(kube, before.node, ready=False)
        await_answer(receiver_handle.endpoint(), MOVED_TIMEOUT_S)
        after = await_pod(kube, "receiver")
        assert (after.uid != before.uid, after.node != before.node) == (True, True)
    await_node(kube, before.node, ready=True)


@pytest.mark.disturbs("cluster")
def test_without_name_servers_no_name_leads_anywhere(
    kube: Kube, cluster: Handle, toolbox: tuple[Pod, ...]
) -> None:
    """Who asks for a name isn't told that there is none, but nothing; then it is told again."""
    (address,) = ask(kube, toolbox[0], resolve, [NAME])[NAME]
    with cluster.fault("isolate", "dns", limit_s=120) as fault:
        show(fault.told)
        (said,) = ask(kube, toolbox[-1], resolve, [NAME])[NAME]
        assert "Temporary failure" in said
    for pod in toolbox:
        assert ask(kube, pod, resolve, [NAME]) == {NAME: [address]}


@pytest.mark.disturbs("hello-world")
def test_what_is_configured_with_nonsense_doesnt_start_until_it_is_rolled_back(
    kube: Kube, hello_world: Handle
) -> None:
    """Its container ends again and again, and nobody answers; then it is as it was declared."""
    before = settings_in(kube)
    with hello_world.fault("misconfigure", "PORT", limit_s=120) as fault:
        show(fault.told)
        assert settings_in(kube) == before | {"PORT": ""}
        wait_for(
            lambda: expect_failing(kube, "hello-world"),
            deadline=Deadline.after(RETURN_TIMEOUT_S),
            what="its container to end",
        )
        with pytest.raises(requests.RequestException):
            requests.get(hello_world.endpoint(), timeout=ANSWER_TIMEOUT_S)
    await_answer(hello_world.endpoint())
    assert settings_in(kube) == before
    with pytest.raises(UsageError, match=r"has no 'NOBODY'; it has .*PORT"):
        hello_world.fault("misconfigure", "NOBODY", limit_s=60).__enter__()
    with pytest.raises(UsageError, match=r"say which of .*PORT"):
        hello_world.fault("misconfigure", limit_s=60).__enter__()


@pytest.mark.disturbs("hello-world")
def test_what_is_on_record_as_misconfigured_is_rolled_back_by_whoever_sweeps(
    kube: Kube, hello_world: Handle
) -> None:
    """In a cluster that stays; by the ledger alone, by its remover, called once or again."""
    declared = kube.objects.get("v1", "ConfigMap", "hello-world", "services").to_dict()
    labels = declared["metadata"]["labels"]
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "hello-world", "namespace": "services", "labels": labels},
        "data": declared["data"],
    }
    with hello_world.fault("misconfigure", "PORT", limit_s=120):
        identity = kube.identity()
        record = {
            "kubeconfig": hello_world.client.await_ready("cluster").endpoint("kubeconfig"),
            "owner": kube.objects.owner,
            "uid": identity.uid,
            "ca_sha256": identity.ca_sha256,
            "resource": "hello-world",
            "body": body,
        }
        restore("services/hello-world", record)
        await_answer(hello_world.endpoint())
        assert settings_in(kube) == declared["data"]
        restore("services/hello-world", record)
        restore("services/nobody", record)
        with pytest.raises(ProvisionError, match="another cluster's now"):
            restore("services/hello-world", record | {"uid": "another"})
    await_answer(hello_world.endpoint())
