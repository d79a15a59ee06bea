"""What somebody does to the objects of a cluster: each as a context, undone at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fixtures.kustomize import KUBECTL
from groundwork.base import process
from groundwork.clusters.kubernetes import APPLIED
from groundwork.kube.objects import ENVIRONMENT, FIELD_MANAGER
from suites.sabotage.living import Alteration, Living

__all__ = ["applied_beside", "deleted", "patched"]

TIMEOUT_S = 60.0


def kubectl(living: Living, *words: str, stdin: object = None) -> str:
    """What kubectl says, as an operator has it."""
    kubeconfig = living.endpoint("cluster", "kubeconfig")
    argv: list[str | Path] = [KUBECTL, "--kubeconfig", kubeconfig, *words]
    file = living.status.folder.parent.parent / "kubectl.json"
    if stdin is not None:
        file.write_text(json.dumps(stdin))
        argv += ["-f", file]
    return process.run(argv, timeout_s=TIMEOUT_S).output


def put_back(living: Living, kind: str, namespace: str, name: str) -> None:
    """Have an object as it was applied; whoever changed its fields has them no more."""
    lines = (living.folder("cluster") / APPLIED).read_text().splitlines()
    for line in reversed(lines):
        body: dict[str, Any] = json.loads(line)
        metadata = body["metadata"]
        found = (body["kind"].lower(), metadata.get("namespace") or "", metadata["name"])
        if found == (kind.lower(), namespace, name):
            metadata.setdefault("labels", {})[ENVIRONMENT] = living.status.folder.name
            words = ("apply", "--server-side", "--force-conflicts", "--validate=false")
            kubectl(living, *words, f"--field-manager={FIELD_MANAGER}", stdin=body)
            return
    raise ValueError(f"nobody has applied {kind} {namespace}/{name}")


def patched(kind: str, namespace: str, name: str, patch: object) -> Alteration:
    """Change an object, by a merge as `kubectl patch` and `kubectl edit` do it."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        text = json.dumps(patch)
        space = ("-n", namespace) if namespace else ()
        kubectl(living, "patch", kind, name, *space, "--type=merge", "-p", text)
        try:
            yield
        finally:
            if kind == "service":  # a type brings fields along, which whoever changed it keeps
                kubectl(living, "delete", kind, name, *space)
            put_back(living, kind, namespace, name)

    return altered


def deleted(kind: str, namespace: str, name: str) -> Alteration:
    """Delete an object."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        kubectl(living, "delete", kind, name, "-n", namespace, "--wait=false")
        try:
            yield
        finally:
            put_back(living, kind, namespace, name)

    return altered


def applied_beside(body: dict[str, Any]) -> Alteration:
    """Make an object that nobody declared."""

    @contextmanager
    def altered(living: Living) -> Iterator[None]:
        kubectl(living, "apply", stdin=body)
        try:
            yield
        finally:
            kubectl(living, "delete", "--wait=false", stdin=body)

    return altered
