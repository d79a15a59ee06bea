"""Objects in a cluster: applied, read, listed, deleted.

Objects are applied by the server and carry the environment's label; one of the same name without it
is somebody else's, and refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError
from kubernetes.dynamic.resource import ResourceList

from groundwork.base.errors import ProvisionError
from groundwork.kube.connection import (
    NOT_FOUND,
    REQUEST_TIMEOUT_S,
    Connection,
    KubeError,
    talking,
)

__all__ = ["ENVIRONMENT", "FIELD_MANAGER", "SECRET_KEYS", "Object", "Objects", "Owned"]

# The label of our objects: whose they are.
ENVIRONMENT = "groundwork.dev/environment"

FIELD_MANAGER = "groundwork"

# Of a secret, what it holds.
SECRET_KEYS = ("data", "stringData")

Object = dict[str, Any]


@dataclass(frozen=True)
class Owned:
    """An object of ours that is in the cluster.

    Attributes:
        held_by: What keeps it while it is being deleted, as the server tells it.
        owners: The objects that made it, as KIND NAME; empty where somebody did.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    held_by: str
    owners: tuple[str, ...] = ()

    @classmethod
    def read(cls, api_version: str, kind: str, body: Object) -> Owned:
        """One of our objects, from the body that the server answered."""
        metadata = body["metadata"]
        reasons = [f"finalizer {each}" for each in metadata.get("finalizers") or ()]
        if kind == "Namespace":
            conditions = (body.get("status") or {}).get("conditions") or ()
            reasons += [each["message"] for each in conditions if each["status"] == "True"]
        return cls(
            api_version,
            kind,
            metadata.get("namespace") or "",
            metadata["name"],
            metadata["uid"],
            "; ".join(reasons),
            tuple(f"{o['kind']} {o['name']}" for o in metadata.get("ownerReferences") or ()),
        )

    def __str__(self) -> str:
        """The object's kind, namespace and name, for people."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


class Objects:
    """The objects of a cluster, of every kind that its server has.

    Args:
        connection: To its API server.
        cache: A file for what the server was found to offer.
        owner: The value of the environment's label, which all that is applied is given; what
            doesn't carry it is never changed nor deleted.
        record: A file that each object is written to as it is applied, for whoever compares; a
            secret without what it holds.
    """

    def __init__(
        self, connection: Connection, cache: Path, owner: str, record: Path | None = None
    ) -> None:
        self.owner = owner
        self._record = record
        self._connection = connection
        self._cache = cache
        self._dynamic: DynamicClient | None = None
        self._lock = threading.Lock()

    def apply(self, objects: Iterable[Object], *, dry_run: bool = False) -> list[Object]:
        """Have the server make or change objects; in the given order.

        Returns:
            What the server has made of each, or would make of it.

        Raises:
            ProvisionError: An object of this name is somebody else's.
            KubeError: The server refused one.
        """
        made: list[Object] = []
        for body in objects:
            name, namespace = body["metadata"]["name"], body["metadata"].get("namespace")
            what = f"{body['kind']} {namespace + '/' if namespace else ''}{name}"
            with talking():
                try:
                    kind = self._offered().resources.get(
                        api_version=body["apiVersion"], kind=body["kind"]
                    )
                except ResourceNotFoundError as error:
                    raise KubeError(f"{what}: the server has no such kind") from error
                self._refuse_strangers(kind, name, namespace, what)
                made.append(self._apply(kind, body, dry_run=dry_run))
            if not dry_run:
                self._write_down(body)
        return made

    def _apply(self, kind: Any, body: Object, *, dry_run: bool) -> Object:
        answer: Object = (
            self._offered()
            .server_side_apply(
                kind,
                body=labelled(body, self.owner),
                name=body["metadata"]["name"],
                namespace=body["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=True,
                _request_timeout=REQUEST_TIMEOUT_S,
                **({"dry_run": "All"} if dry_run else {}),
            )
            .to_dict()
        )
        return answer

    def _write_down(self, body: Object) -> None:
        if self._record is None:
            return
        told = {name: value for name, value in body.items() if name not in SECRET_KEYS}
        text = json.dumps(told if body["kind"] == "Secret" else body)
        with self._lock, self._record.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Any:
        """One object, as the server has it.

        Raises:
            KubeError: It isn't there (status 404), or the server refused.
        """
        with talking():
            found = self._offered().resources.get(api_version=api_version, kind=kind)
            return found.get(
                name=name, namespace=namespace or None, _request_timeout=REQUEST_TIMEOUT_S
            )

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> None:
        """Delete one object of ours, at once; it may be gone already.

        Raises:
            KubeError: The server refused, or it isn't ours.
        """
        try:
            found = self.get(api_version, kind, name, namespace)
        except KubeError as error:
            if error.status == NOT_FOUND:
                return
            raise
        if (found.metadata.labels or {}).get(ENVIRONMENT) != self.owner:
            raise KubeError(f"{kind} {namespace}/{name} isn't of this run")
        with talking():
            self._offered().resources.get(api_version=api_version, kind=kind).delete(
                name=name,
                namespace=namespace or None,
                body={"gracePeriodSeconds": 0, "preconditions": {"uid": found.metadata.uid}},
                _request_timeout=REQUEST_TIMEOUT_S,
            )

    def scale(self, kind: str, name: str, namespace: str, replicas: int) -> None:
        """Have so many pods of a Deployment or StatefulSet of ours.

        Raises:
            KubeError: It isn't there (status 404), isn't ours, or the server refused.
        """
        found = self.get("apps/v1", kind, name, namespace)
        if (found.metadata.labels or {}).get(ENVIRONMENT) != self.owner:
            raise KubeError(f"{kind} {namespace}/{name} isn't of this run")
        with talking():
            self._offered().resources.get(api_version="apps/v1", kind=kind).patch(
                name=name,
                namespace=namespace,
                body={"metadata": {"uid": found.metadata.uid}, "spec": {"replicas": replicas}},
                content_type="application/merge-patch+json",
                field_manager=FIELD_MANAGER,
                _request_timeout=REQUEST_TIMEOUT_S,
            )

    def owned(self) -> Iterator[Owned]:
        """All objects with this owner's label, of every kind that the server has."""
        return self.listed(f"{ENVIRONMENT}={self.owner}")

    def listed(self, selector: str = "", only: str = "") -> Iterator[Owned]:
        """All objects with these labels, of one kind, or of all that can be listed and deleted."""
        with talking():
            kinds = self._offered().resources.search(**({"kind": only} if only else {}))
        for kind in kinds:
            if isinstance(kind, ResourceList) or not {"list", "delete"} <= set(kind.verbs or ()):
                continue
            try:
                with talking():
                    found = kind.get(label_selector=selector, _request_timeout=REQUEST_TIMEOUT_S)
            except KubeError as error:
                if error.status == NOT_FOUND:  # a kind that went since it was discovered
                    continue
                raise
            for each in found.items:
                yield Owned.read(kind.group_version, kind.kind, each.to_dict())

    def claiming_namespaces(self) -> frozenset[str]:
        """The namespaces that have claims to volumes."""
        with talking():
            found = self._connection.core.list_persistent_volume_claim_for_all_namespaces(
                _request_timeout=REQUEST_TIMEOUT_S
            )
        return frozenset(each.metadata.namespace for each in found.items)

    def volumes_of(self, namespaces: AbstractSet[str]) -> list[str]:
        """The volumes that are claimed from namespaces, by name."""
        with talking():
            found = self._connection.core.list_persistent_volume(
                _request_timeout=REQUEST_TIMEOUT_S
            ).items
        claims = ((each.metadata.name, each.spec.claim_ref) for each in found)
        return [name for name, claim in claims if claim and claim.namespace in namespaces]

    def _refuse_strangers(self, kind: Any, name: str, namespace: str | None, what: str) -> None:
        try:
            found = kind.get(name=name, namespace=namespace, _request_timeout=REQUEST_TIMEOUT_S)
        except (ApiException, DynamicApiError) as error:
            if error.status == NOT_FOUND:
                return
            raise
        if (found.metadata.labels or {}).get(ENVIRONMENT) != self.owner:
            raise ProvisionError("cluster", f"{what} is there already, and isn't of this run")

    def _offered(self) -> DynamicClient:
        with self._lock:
            if self._dynamic is None:
                self._dynamic = DynamicClient(self._connection.api, cache_file=str(self._cache))
            return self._dynamic


def labelled(body: Object, owner: str) -> Object:
    """An object with the environment's label."""
    metadata = body["metadata"]
    labels = (metadata.get("labels") or {}) | {ENVIRONMENT: owner}
    return body | {"metadata": metadata | {"labels": labels}}
