"""The cluster's objects: each is as it was applied, and there is nothing else.

The server itself is asked what it would make of each object now; where that is something else than
what is there, somebody has changed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import allure
import pytest

from groundwork.clusters.kubernetes import APPLIED
from groundwork.kube.client import Kube
from groundwork.kube.connection import NOT_FOUND, KubeError
from groundwork.kube.objects import ENVIRONMENT, FIELD_MANAGER, SECRET_KEYS, Object
from groundwork.use.session import EnvironmentSession

# What servers note of an object, whatever it says.
NOTED = {
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
}

# Whose changes are part of a cluster's work.
CONTROLLERS = {
    FIELD_MANAGER,
    "cluster-policy-controller",
    "k3s",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "local-path-provisioner",
}

# Where nothing is but what was declared, and what every cluster puts there.
SPACES = ("default", "infra", "nodes", "services")
EVERYWHERE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
BROUGHT = {
    ("ConfigMap", "no-storage"),  # in the place of a storage class, by which kind would install one
    ("Endpoints", "kubernetes"),
    ("EndpointSlice", "kubernetes"),
    ("Service", "kubernetes"),
}
PASSING = {"Event", "Lease", "PodMetrics"}
# Of each service, by its name.
FOLLOWING = {"Endpoints"}


def applied(environment: Path) -> list[Object]:
    """Every object as it was applied last."""
    lines = (environment / "work" / "cluster" / APPLIED).read_text().splitlines()
    bodies = (json.loads(line) for line in lines)
    return list({key_of(body): body for body in bodies}.values())


def key_of(body: Object) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    metadata = body["metadata"]
    return body["kind"], metadata.get("namespace") or "", metadata["name"]


@pytest.fixture
def bodies(groundwork_session: EnvironmentSession) -> list[Object]:
    """Every object of the environment as it was applied."""
    return applied(groundwork_session.client().status().folder)


@pytest.mark.usefixtures("everything")
def test_every_object_is_as_it_was_applied(kube: Kube, bodies: list[Object]) -> None:
    """None is gone, and the server would change nothing of any that is there."""
    allure.attach("\n".join(" ".join(key_of(body)) for body in bodies), "objects")
    lines = [line for body in bodies for line in changes(kube, body)]
    assert len(bodies) > len(SPACES)
    assert not lines, "\n".join(lines)


def changes(kube: Kube, body: Object) -> Iterator[str]:
    """What has become of an object since it was applied, in words."""
    kind, namespace, name = key_of(body)
    what = f"{kind} {namespace + '/' if namespace else ''}{name}"
    try:
        living = kube.objects.get(body["apiVersion"], kind, name, namespace).to_dict()
    except KubeError as error:
        if error.status != NOT_FOUND:
            raise
        yield f"{what} is gone"
        return
    (wanted,) = kube.objects.apply([body], dry_run=True)
    yield from (f"{what}: {line}" for line in differences(plain(wanted), plain(living)))
    for each in living["metadata"].get("managedFields", ()):
        if each["manager"] not in CONTROLLERS and not each.get("subresource"):
            fields = ", ".join(sorted(each["fieldsV1"]))
            yield f"{what} was changed by {each['manager']}: {fields}"


def plain(body: Object) -> Object:
    """An object without what servers note of it, and without what secrets hold."""
    metadata = {n: v for n, v in body["metadata"].items() if n not in NOTED}
    left_out = {"status", *(SECRET_KEYS if body["kind"] == "Secret" else ())}
    return {n: v for n, v in body.items() if n not in left_out} | {"metadata": metadata}


def differences(wanted: object, found: object, path: str = "") -> Iterator[str]:
    """Where two values differ, by path."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name in sorted({*wanted, *found}):
            own = f"{path}.{name}" if path else str(name)
            if name not in wanted:
                yield f"{own} is {found[name]}, which nobody applied"
            elif name not in found:
                yield f"{own} is gone; it was {wanted[name]}"
            else:
                yield from differences(wanted[name], found[name], own)
    elif wanted != found:
        yield f"{path} is {found}; it was applied as {wanted}"


@pytest.mark.usefixtures("everything")
def test_there_is_nothing_that_nobody_declared(kube: Kube) -> None:
    """In our namespaces and the default one: what was applied, and what the cluster makes of it."""
    owned = list(kube.objects.owned())
    services = {(each.namespace, each.name) for each in owned if each.kind == "Service"}
    stems = {
        (each.namespace, f"{claim.metadata.name}-{each.name}")
        for each in owned
        if each.kind == "StatefulSet"
        for claim in kube.objects.get(
            each.api_version, each.kind, each.name, each.namespace
        ).spec.volumeClaimTemplates
        or ()
    }
    strangers = []
    for each in kube.objects.listed(f"{ENVIRONMENT}!={kube.objects.owner}"):
        if each.namespace not in SPACES or each.owners or each.kind in PASSING:
            continue
        known = EVERYWHERE | (BROUGHT if each.namespace == "default" else set())
        follows = each.kind in FOLLOWING and (each.namespace, each.name) in services
        stem, _, number = each.name.rpartition("-")  # a set's claim is called CLAIM-SET-NUMBER
        claimed = (
            each.kind == "PersistentVolumeClaim"
            and (each.namespace, stem) in stems
            and number.isdecimal()
        )
        if (each.kind, each.name) not in known and not follows and not claimed:
            strangers.append(str(each))
    assert not strangers, "\n".join(strangers)
