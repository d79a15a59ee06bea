"""Names: pods find services and each other by DNS."""

from __future__ import annotations

import pytest

from fixtures.pods.asked.network import resolve
from fixtures.pods.asking import ask
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube

DOMAIN = "svc.cluster.local"

SERVICES = {
    "alertmanager": "infra",
    "broker": "infra",
    "exporter": "infra",
    "hello-world": "services",
    "patient": "services",
    "prometheus": "infra",
    "receiver": "infra",
    "relay": "infra",
}

# Pods that have Python, in the namespaces where somebody asks for names.
ASKERS = {"receiver": "infra", "hello-world": "services"}

# A pod that has just come back is known to the name server a moment after it is ready.
TIMEOUT_S = 15.0

NO_ADDRESS = "None"  # of its own: a headless service's are those of its pods


def addresses_of(kube: Kube, service: str) -> list[str]:
    """What a service's name should lead to: its address, or those of its pods."""
    found = kube.objects.get("v1", "Service", service, SERVICES[service])
    if found.spec.clusterIP != NO_ADDRESS:
        return [found.spec.clusterIP]
    return sorted(pod.ip for pod in kube.pods.of(service))


def assert_resolved(kube: Kube, asker: str, expected: dict[str, list[str]]) -> None:
    """A pod of a resource finds exactly these addresses behind these names."""
    (pod,) = kube.pods.of(asker)

    def look() -> None:
        found = ask(kube, pod, resolve, list(expected))
        wrong = {name: at for name, at in found.items() if at != expected[name]}
        if wrong:
            raise NotYetError(f"{wrong}, expected {expected}")

    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what=f"{asker} to find what it asks for")


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("asker", ASKERS)
def test_services_are_found_by_short_and_full_names(kube: Kube, asker: str) -> None:
    """Each by its name with its namespace, in full, and within its own namespace by name alone."""
    expected: dict[str, list[str]] = {}
    for service, namespace in SERVICES.items():
        addresses = addresses_of(kube, service)
        names = [f"{service}.{namespace}", f"{service}.{namespace}.{DOMAIN}"]
        if namespace == ASKERS[asker]:
            names.append(service)
        expected |= dict.fromkeys(names, addresses)
    assert_resolved(kube, asker, expected)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("asker", ASKERS)
def test_pods_of_the_broker_are_found_by_their_own_names(kube: Kube, asker: str) -> None:
    """Each leads to the one pod that is called so: clients must reach the node that they mean."""
    pods = kube.pods.of("broker")
    expected = {f"{pod.name}.broker.infra": [pod.ip] for pod in pods}
    expected |= {f"{name}.{DOMAIN}": addresses for name, addresses in expected.items()}
    assert_resolved(kube, asker, expected)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("asker", ASKERS)
def test_a_name_that_nobody_has_is_not_found(kube: Kube, asker: str) -> None:
    """The name server doesn't answer to everything."""
    (pod,) = kube.pods.of(asker)
    name = f"nobody.infra.{DOMAIN}"
    assert ask(kube, pod, resolve, [name]) == {name: []}
