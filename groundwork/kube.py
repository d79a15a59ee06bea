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
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config, stream, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError

from groundwork.errors import GroundworkError, NotYetError, ProvisionError

__all__ = ["ENVIRONMENT", "RESOURCE", "ClusterIdentity", "Executed", "Kube", "KubeError", "Pod"]

# Labels of our objects: whose they are, and which resource of the environment they belong to.
ENVIRONMENT = "groundwork.dev/environment"
RESOURCE = "groundwork.dev/resource"

FIELD_MANAGER = "groundwork"

# (connect, read): an API server on loopback answers in milliseconds; a starting one refuses.
REQUEST_TIMEOUT_S = (3.0, 15.0)

# The server ends a watch after that; whoever watches begins anew, so a dead peer is noticed.
WATCH_TIMEOUT_S = 60

TOO_MANY_REQUESTS = 429
NOT_FOUND = 404
SERVER_ERROR = 500

Object = dict[str, Any]


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
class Pod:
    """A pod as the API server shows it.

    Attributes:
        resource: The resource of the environment that it belongs to.
        ready: Whether all of its containers are ready and it isn't going away.
        restarts: How often its containers were started again, all together.
        exit_code: Of the container that ended last; 0 where none did.
        waiting: Why a container doesn't run, such as ``CrashLoopBackOff: ...``.
    """

    name: str
    namespace: str
    uid: str
    resource: str
    phase: str
    ready: bool
    restarts: int
    exit_code: int
    waiting: str
    node: str
    ip: str

    @classmethod
    def read(cls, pod: client.V1Pod) -> Pod:
        """The pod of an answer."""
        status = pod.status
        containers = [*(status.init_container_statuses or ()), *(status.container_statuses or ())]
        ended = [
            state.terminated.exit_code
            for each in containers
            for state in (each.last_state, each.state)
            if state is not None and state.terminated is not None and state.terminated.exit_code
        ]
        held = [
            f"{each.state.waiting.reason}: {each.state.waiting.message or ''}".strip(": ")
            for each in containers
            if each.state is not None and each.state.waiting is not None
        ]
        conditions = {each.type: each.status for each in status.conditions or ()}
        unscheduled = next(
            (c.message for c in status.conditions or () if c.reason == "Unschedulable"), ""
        )
        return cls(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            uid=pod.metadata.uid,
            resource=(pod.metadata.labels or {}).get(RESOURCE, ""),
            phase=status.phase or "",
            ready=conditions.get("Ready") == "True" and pod.metadata.deletion_timestamp is None,
            restarts=sum(each.restart_count for each in containers),
            exit_code=ended[-1] if ended else 0,
            waiting="; ".join(held) or unscheduled,
            node=pod.spec.node_name or "",
            ip=status.pod_ip or "",
        )


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

    def version(self) -> str:
        """The server's version, with its v."""
        with talking():
            api = client.VersionApi(self._client)
            return str(api.get_code(_request_timeout=REQUEST_TIMEOUT_S).git_version)

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

    def watch_pods(self, seen: Callable[[str, Pod], None], stopped: threading.Event) -> None:
        """Tell of every change of a pod of ours until the watch ends, a minute at the most.

        Args:
            seen: Called with ADDED, MODIFIED or DELETED, and the pod.
            stopped: Ends the watch after the next change.
        """
        watching = watch.Watch()
        with talking():
            for event in watching.stream(
                self._core.list_pod_for_all_namespaces,
                label_selector=RESOURCE,
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
                found[name] = int(each.get("memory", {}).get("rssBytes", 0))
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
                self._core.connect_get_namespaced_pod_exec,
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
                output = answer.read_all()
                return Executed(output, int(answer.returncode or 0))
            finally:
                answer.close()


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
