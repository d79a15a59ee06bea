"""Kubernetes: the only module that talks to an API server.

A client is bound to one kubeconfig of the run's own, so it reaches one cluster whatever the user's
current context is or becomes. Objects are applied by the server and carry the environment's label;
one of the same name without it is somebody else's, and refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config, stream, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError
from kubernetes.dynamic.resource import ResourceList

from groundwork.base.errors import GroundworkError, NotYetError, ProvisionError
from groundwork.kube.objects import Object, Owned
from groundwork.kube.pods import RESOURCE, Backend, Pod
from groundwork.kube.rights import rights_of

__all__ = ["ENVIRONMENT", "ClusterIdentity", "Executed", "Kube", "KubeError"]

# The label of our objects: whose they are.
ENVIRONMENT = "groundwork.dev/environment"

FIELD_MANAGER = "groundwork"

# (connect, read): an API server on loopback answers in milliseconds; a starting one refuses.
REQUEST_TIMEOUT_S = (3.0, 15.0)

# The server ends a watch after that; whoever watches begins anew, so a dead peer is noticed.
WATCH_TIMEOUT_S = 60

TOO_MANY_REQUESTS = 429
NOT_FOUND = 404
SERVER_ERROR = 500


class KubeError(GroundworkError):
    """The API server refused a request; the text is its own."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class ClusterIdentity:
    """What tells a cluster from all others; a name proves nothing.

    Attributes:
        uid: The UID of its namespace kube-system, which lives as long as the cluster.
        ca_sha256: The fingerprint of the authority that its API server's certificate is from.
    """

    uid: str
    ca_sha256: str

    def __str__(self) -> str:
        """One word, for a command line."""
        return f"{self.uid}:{self.ca_sha256[:16]}"


@dataclass(frozen=True)
class Executed:
    """What a command in a container said, and its exit code."""

    output: str
    exit_code: int


@contextlib.contextmanager
def talking() -> Iterator[None]:
    """Turn the libraries' errors into ours: no answer, not now, or no."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(f"the API server can't be reached: {error}") from error
    except (ApiException, DynamicApiError) as error:
        status = int(error.status or 0)
        text = message_of(error)
        if status >= SERVER_ERROR or status == TOO_MANY_REQUESTS:
            raise NotYetError(f"the API server says: {text}") from error
        raise KubeError(text, status) from error


def message_of(error: ApiException | DynamicApiError) -> str:
    """What the API server said, in one line."""
    try:
        text = str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        text = f"{error.status} {error.reason}"
    return text.replace("\n", " ")


class Kube:
    """A client of one cluster.

    Args:
        kubeconfig: A file of the run's own; the user's is never read here nor written.
        cache: A file for what the server was found to offer.
        owner: The value of the environment's label.
    """

    def __init__(self, kubeconfig: Path, cache: Path, owner: str) -> None:
        self.kubeconfig = kubeconfig
        self.owner = owner
        self._cache = cache
        self._client: client.ApiClient = config.new_client_from_config(config_file=str(kubeconfig))
        self._client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        self._core = client.CoreV1Api(self._client)
        self._dynamic: DynamicClient | None = None
        self._lock = threading.Lock()

    def identity(self) -> ClusterIdentity:
        """Who the server is."""
        with talking():
            system = self._core.read_namespace("kube-system", _request_timeout=REQUEST_TIMEOUT_S)
        return ClusterIdentity(system.metadata.uid, ca_sha256(self.kubeconfig))

    def server(self) -> str:
        """The API server's address."""
        return str(self._client.configuration.host)

    def version(self) -> str:
        """The server's version, with its v."""
        with talking():
            api = client.VersionApi(self._client)
            return str(api.get_code(_request_timeout=REQUEST_TIMEOUT_S).git_version)

    def _talker(self) -> client.CoreV1Api:
        """A client for one conversation: the library swaps a client's methods meanwhile."""
        return client.CoreV1Api(config.new_client_from_config(config_file=str(self.kubeconfig)))

    # --- objects

    def _offered(self) -> DynamicClient:
        with self._lock:
            if self._dynamic is None:
                self._dynamic = DynamicClient(self._client, cache_file=str(self._cache))
            return self._dynamic

    def apply(self, objects: Iterable[Object], *, dry_run: bool = False) -> None:
        """Have the server make or change objects; in the given order.

        Raises:
            ProvisionError: An object of this name is somebody else's.
            KubeError: The server refused one.
        """
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
                self._offered().server_side_apply(
                    kind,
                    body=labelled(body, self.owner),
                    name=name,
                    namespace=namespace,
                    field_manager=FIELD_MANAGER,
                    force_conflicts=True,
                    _request_timeout=REQUEST_TIMEOUT_S,
                    **({"dry_run": "All"} if dry_run else {}),
                )

    def _refuse_strangers(self, kind: Any, name: str, namespace: str | None, what: str) -> None:
        try:
            found = kind.get(name=name, namespace=namespace, _request_timeout=REQUEST_TIMEOUT_S)
        except (ApiException, DynamicApiError) as error:
            if error.status == NOT_FOUND:
                return
            raise
        if (found.metadata.labels or {}).get(ENVIRONMENT) != self.owner:
            raise ProvisionError("cluster", f"{what} is there already, and isn't of this run")

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

    def delete_pod(self, pod: Pod) -> None:
        """Delete this very pod without grace; it may be gone already."""
        body = client.V1DeleteOptions(
            grace_period_seconds=0, preconditions=client.V1Preconditions(uid=pod.uid)
        )
        try:
            with talking():
                self._core.delete_namespaced_pod(
                    pod.name, pod.namespace, body=body, _request_timeout=REQUEST_TIMEOUT_S
                )
        except KubeError as error:
            if error.status != NOT_FOUND:
                raise

    # --- what is there

    def owned(self) -> Iterator[Owned]:
        """All objects with this owner's label, of every kind that the server has."""
        return self.objects(f"{ENVIRONMENT}={self.owner}")

    def objects(self, selector: str = "", only: str = "") -> Iterator[Owned]:
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

    def rights(self, account: str, namespace: str, within: str) -> frozenset[str]:
        """All that a service account of a namespace may do within another, as the server lists it.

        Raises:
            KubeError: The server can't list everything.
        """
        asking = self._talker().api_client
        asking.set_default_header(
            "Impersonate-User", f"system:serviceaccount:{namespace}:{account}"
        )
        review = {"spec": {"namespace": within}}
        with talking(), contextlib.closing(asking):
            found = client.AuthorizationV1Api(asking).create_self_subject_rules_review(
                review, _request_timeout=REQUEST_TIMEOUT_S
            )
        if found.status.incomplete:
            raise KubeError(f"not all rights can be listed: {found.status.evaluation_error}")
        return rights_of(found.status)

    def claiming(self) -> frozenset[str]:
        """The namespaces that have claims to volumes."""
        with talking():
            found = self._core.list_persistent_volume_claim_for_all_namespaces(
                _request_timeout=REQUEST_TIMEOUT_S
            )
        return frozenset(each.metadata.namespace for each in found.items)

    def volumes_of(self, namespaces: AbstractSet[str]) -> list[str]:
        """The volumes that are claimed from namespaces, by name."""
        with talking():
            found = self._core.list_persistent_volume(_request_timeout=REQUEST_TIMEOUT_S).items
        claims = ((each.metadata.name, each.spec.claim_ref) for each in found)
        return [name for name, claim in claims if claim and claim.namespace in namespaces]

    # --- nodes and pods

    def nodes(self) -> list[client.V1Node]:
        """All nodes."""
        with talking():
            return list(self._core.list_node(_request_timeout=REQUEST_TIMEOUT_S).items)

    def pods(self, resource: str) -> list[Pod]:
        """The pods of one resource."""
        with talking():
            found = self._core.list_pod_for_all_namespaces(
                label_selector=f"{RESOURCE}={resource}", _request_timeout=REQUEST_TIMEOUT_S
            )
        return [Pod.read(each) for each in found.items]

    def system_pods(self) -> list[Pod]:
        """The pods of the cluster itself."""
        with talking():
            found = self._core.list_namespaced_pod(
                "kube-system", _request_timeout=REQUEST_TIMEOUT_S
            )
        return [Pod.read(each) for each in found.items]

    def watch_pods(
        self,
        listed: Callable[[list[Pod]], None],
        seen: Callable[[str, Pod], None],
        stopped: threading.Event,
    ) -> None:
        """Tell of our pods, and of every change of one until the watch ends: a minute at the most.

        Args:
            listed: Called once, with all that are there when the watch begins.
            seen: Called with ADDED, MODIFIED or DELETED, and the pod.
            stopped: Ends the watch after the next change.
        """
        ours: dict[str, Any] = {"label_selector": RESOURCE}
        watching = watch.Watch()
        with talking():
            found = self._core.list_pod_for_all_namespaces(
                **ours, _request_timeout=REQUEST_TIMEOUT_S
            )
            listed([Pod.read(each) for each in found.items])
            for event in watching.stream(
                self._core.list_pod_for_all_namespaces,
                **ours,
                resource_version=found.metadata.resource_version,
                timeout_seconds=WATCH_TIMEOUT_S,
                _request_timeout=(REQUEST_TIMEOUT_S[0], WATCH_TIMEOUT_S + REQUEST_TIMEOUT_S[1]),
            ):
                if stopped.is_set():
                    watching.stop()
                    return
                seen(event["type"], Pod.read(event["object"]))

    def log(self, pod: Pod, lines: int | None = None) -> str:
        """What a pod's containers said, each under its name."""
        parts = []
        with talking():
            found = self._core.read_namespaced_pod(
                pod.name, pod.namespace, _request_timeout=REQUEST_TIMEOUT_S
            )
            for container in [*(found.spec.init_containers or ()), *found.spec.containers]:
                try:
                    text = self._core.read_namespaced_pod_log(
                        pod.name,
                        pod.namespace,
                        container=container.name,
                        tail_lines=lines,
                        _request_timeout=REQUEST_TIMEOUT_S,
                    )
                except ApiException as error:
                    text = f"({message_of(error)})"
                parts.append(f"--- {pod.name}/{container.name}\n{text}")
        return "\n".join(parts)

    def resident_bytes(self) -> Mapping[str, int]:
        """Resident memory of all pods by namespace/name, as the kubelets count it."""
        found: dict[str, int] = {}
        for node in self.nodes():
            with talking():
                answer = self._core.connect_get_node_proxy_with_path(
                    node.metadata.name,
                    "stats/summary",
                    _preload_content=False,
                    _request_timeout=REQUEST_TIMEOUT_S,
                )
            for each in json.loads(answer.data)["pods"]:
                name = f"{each['podRef']['namespace']}/{each['podRef']['name']}"
                found[name] = resident_bytes_of(each)
        return found

    def read_pod(self, pod: Pod, port: int, path: str) -> str:
        """What a pod answers to a GET, through the API server; its status must be 200."""
        with talking():
            answer = self._core.connect_get_namespaced_pod_proxy_with_path(
                f"{pod.name}:{port}",
                pod.namespace,
                path,
                _preload_content=False,
                _request_timeout=REQUEST_TIMEOUT_S,
            )
            return str(answer.data.decode())

    def execute(
        self, pod: Pod, *argv: str, container: str = "", timeout_s: float = 30.0
    ) -> Executed:
        """Run a command in a container of a pod."""
        with talking():
            answer = stream.stream(
                self._talker().connect_get_namespaced_pod_exec,
                pod.name,
                pod.namespace,
                command=list(argv),
                stderr=True,
                stdin=False,
                stdout=True,
                tty=False,
                _preload_content=False,
                **({"container": container} if container else {}),
            )
            try:
                answer.run_forever(timeout=timeout_s)
                if answer.is_open():
                    raise KubeError(f"{argv[0]} in {pod.name} took longer than {timeout_s:g} s")
                code = int(answer.returncode or 0)  # first: reading all forgets it
                return Executed(answer.read_all(), code)
            finally:
                answer.close()
                answer.sock.shutdown()  # one that the server has closed isn't closed by the above

    def forward(self, backend: Backend) -> socket.socket:
        """A connection to a pod behind a service, through the API server.

        Raises:
            KubeError: No pod of it is ready.
        """
        with talking():
            found = self._core.list_namespaced_pod(
                backend.namespace, label_selector=backend.labels, _request_timeout=REQUEST_TIMEOUT_S
            )
            ready = [pod for pod in found.items if backend.takes(Pod.read(pod))]
            if not ready:
                raise KubeError(f"no pod with {backend.labels} is ready")
            port = backend.port_of(ready[0])
            leading = stream.portforward(
                self._talker().connect_get_namespaced_pod_portforward,
                ready[0].metadata.name,
                backend.namespace,
                ports=str(port),
            )
        made: socket.socket = leading.socket(port)
        return made


def resident_bytes_of(figures: Mapping[str, Any]) -> int:
    """Resident memory of a pod in a kubelet's summary; a young pod has only its containers'."""
    counted = (figures, *figures.get("containers", ()))
    whole, *parts = [int(each.get("memory", {}).get("rssBytes", 0)) for each in counted]
    return whole or sum(parts)


def labelled(body: Object, owner: str) -> Object:
    """An object with the environment's label."""
    metadata = body["metadata"]
    labels = (metadata.get("labels") or {}) | {ENVIRONMENT: owner}
    return body | {"metadata": metadata | {"labels": labels}}


def ca_sha256(kubeconfig: Path) -> str:
    """The fingerprint of the certificate authority in a kubeconfig of one cluster.

    Raises:
        KubeError: It names none: such a server can't be told from another.
    """
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    data = cluster.get("certificate-authority-data")
    if not data:
        raise KubeError(f"{kubeconfig} holds no certificate authority")
    return hashlib.sha256(base64.b64decode(data)).hexdigest()
