"""Every overlay, also those whose images can't be pulled here: the real API server takes them.

Applied as a dry run: defaults, validation and admission all happen, and nothing is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import allure
import pytest

from fixtures.kustomize import render
from fixtures.paths import KUBERNETES
from groundwork.base.errors import GroundworkError
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object
from suites.support.overlays import OVERLAYS, overlay

# What some platforms and stacks add to an overlay.
EXTRAS = ("charts", "entry")


@pytest.mark.parametrize("name", [*OVERLAYS, *EXTRAS])
def test_the_server_takes_every_object(name: str, kube: Kube, tmp_path: Path) -> None:
    """Every object is of a kind and form that the API server accepts."""
    folder = KUBERNETES / name if name in EXTRAS else overlay(name, tmp_path)
    objects = list(render(folder))
    allure.attach("\n".join(f"{o['kind']} {o['metadata']['name']}" for o in objects), "objects")
    kube.objects.apply([as_new(each) for each in objects], dry_run=True)


def as_new(body: Object) -> Object:
    """A stateful set as where there is none of its name; everything else as it is.

    The cluster may have another stack's: what can't be changed of that one isn't asked for.
    """
    if body["kind"] != "StatefulSet":
        return body
    metadata = body["metadata"]
    return body | {"metadata": metadata | {"name": f"dry-run-{metadata['name']}"}}


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_namespaces_admit_every_pod(name: str, kube: Kube, tmp_path: Path) -> None:
    """A pod of each workload passes the profile of its namespace: restricted, but for one.

    A workload's own dry run makes no pods, and only they are looked at.
    """
    pods = [
        pod_of(body)
        for body in render(overlay(name, tmp_path))
        if body["kind"] in {"DaemonSet", "Deployment", "StatefulSet"}
    ]
    assert pods
    kube.objects.apply(pods, dry_run=True)


def pod_of(workload: Object) -> Object:
    """A pod as the workload would make it, of the default account: its own may not be there."""
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    claims = [each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", ())]
    volumes = [*spec.get("volumes", ()), *({"name": name, "emptyDir": {}} for name in claims)]
    metadata = {
        "name": f"dry-run-{workload['metadata']['name']}",
        "namespace": workload["metadata"]["namespace"],
    }
    spec = {name: value for name, value in spec.items() if name != "serviceAccountName"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec | {"volumes": volumes},
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"allowPrivilegeEscalation": True}, "violates PodSecurity"),
        ({"runAsUnicorn": True}, "field not declared in schema"),
    ],
)
def test_what_the_server_would_refuse_is_refused(
    change: dict[str, object], said: str, kube: Kube, tmp_path: Path
) -> None:
    """A dry run is no formality: what asks for too much, or is misspelt, is refused by name."""
    workloads = render(overlay("packages", tmp_path))
    relay = next(
        pod_of(body)
        for body in workloads
        if (body["kind"], body["metadata"]["name"]) == ("Deployment", "relay")
    )
    container = relay["spec"]["containers"][0]
    container["securityContext"] = container["securityContext"] | change
    with pytest.raises(GroundworkError, match=said):
        kube.objects.apply([relay], dry_run=True)
