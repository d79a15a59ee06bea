"""Service accounts: what the API server lets each of them do is what it needs, and no more."""

from __future__ import annotations

import base64

import allure
import pytest
import yaml

from fixtures.pods.asked.network import ask_api
from fixtures.pods.asking import ask
from groundwork.kube.client import Kube
from groundwork.kube.pods import RESOURCE, Pod

# What whoever is authenticated may do on any cluster: find out what the server offers, and what
# they themselves may do.
REVIEWS = {
    "create selfsubjectaccessreviews.authorization.k8s.io",
    "create selfsubjectrulesreviews.authorization.k8s.io",
    "create selfsubjectreviews.authentication.k8s.io",
}
DISCOVERY = {
    f"get {path}"
    for path in (
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/openid/v1/jwks",
        "/openid/v1/jwks/",
        "/readyz",
        "/version",
        "/version/",
    )
}

# What ours may do besides, everywhere: find the nodes and read their figures and the API server's;
# make volumes of a node's folders.
DECLARED = {
    ("infra", "prometheus"): {"list nodes", "watch nodes", "get nodes/metrics", "get /metrics"},
    ("local-path-storage", "local-path-provisioner"): {
        *(
            f"{verb} {what}"
            for verb in ("get", "list", "watch")
            for what in (
                "configmaps",
                "nodes",
                "persistentvolumeclaims",
                "persistentvolumes",
                "pods",
                "pods/log",
                "storageclasses.storage.k8s.io",
            )
        ),
        *(f"{verb} persistentvolumes" for verb in ("create", "patch", "update", "delete")),
        *(f"{verb} events" for verb in ("create", "patch")),
    },
}

# And in its own namespace alone: run the pod that makes the folder.
DECLARED_WITHIN = {
    ("local-path-storage", "local-path-provisioner"): {
        f"{verb} pods" for verb in ("create", "patch", "update", "delete")
    },
}

PLATFORM = {
    ("infra", "alertmanager"),
    ("infra", "broker"),
    ("infra", "exporter"),
    ("infra", "prometheus"),
    ("infra", "receiver"),
    ("infra", "relay"),
    ("nodes", "node-exporter"),
    ("services", "hello-world"),
    ("services", "hello-world-relayed"),
    ("services", "patient"),
    ("services", "toolbox"),
}

REFUSED = {401, 403}  # depends on whether the server knows anonymous users at all


def own_namespaces(kube: Kube) -> set[str]:
    """The namespaces of this environment."""
    return {each.name for each in kube.objects.owned() if each.kind == "Namespace"}


@pytest.mark.usefixtures("everything")
def test_accounts_may_do_what_is_declared_and_nothing_else(kube: Kube) -> None:
    """The server's list of all rights, in every namespace, of every account that ours have.

    The default accounts of our namespaces are among them.
    """
    own = own_namespaces(kube)
    everywhere = [each.name for each in kube.objects.listed(only="Namespace")]
    accounts = {
        (each.namespace, each.name)
        for each in kube.objects.listed(only="ServiceAccount")
        if each.namespace in own
    }
    assert accounts >= PLATFORM | {(namespace, "default") for namespace in own}
    for namespace, name in sorted(accounts):
        with allure.step(f"{namespace}/{name}"):
            for within in everywhere:
                rights = kube.rights(name, namespace, within)
                assert rights >= REVIEWS, "this is no list of rights"
                declared = DECLARED.get((namespace, name), set())
                if within == namespace:
                    declared = declared | DECLARED_WITHIN.get((namespace, name), set())
                assert rights - REVIEWS - DISCOVERY == declared, f"within {within}"


@pytest.mark.usefixtures("everything")
def test_only_prometheus_has_been_given_a_token(kube: Kube) -> None:
    """Of the platform's pods only Prometheus' is handed credentials: it asks for the nodes."""
    given = {}
    for each in kube.objects.listed(RESOURCE, "Pod"):
        pod = kube.objects.get("v1", "Pod", each.name, each.namespace).to_dict()
        sources = [
            source
            for volume in pod["spec"].get("volumes", ())
            for source in volume.get("projected", {}).get("sources", ())
        ]
        given[pod["metadata"]["labels"][RESOURCE]] = any(
            "serviceAccountToken" in source for source in sources
        )
    assert set(given) >= {name for _, name in PLATFORM}
    assert {name for name, has in given.items() if has} == {"prometheus"}


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/namespaces/services/secrets"])
def test_the_api_refuses_a_pod_without_a_token(
    kube: Kube, toolbox: tuple[Pod, ...], path: str
) -> None:
    """It reaches the API server, knows it by its certificate, and is refused."""
    config = yaml.safe_load(kube.kubeconfig.read_text())
    encoded = config["clusters"][0]["cluster"]["certificate-authority-data"]
    authority = base64.b64decode(encoded).decode()
    has_credentials, status = ask(kube, toolbox[0], ask_api, authority, path)
    assert not has_credentials
    assert status in REFUSED
