"""Pods in a cluster: listed, watched, read, talked to, killed."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client, stream, watch
from kubernetes.client.exceptions import ApiException

from groundwork.base.complaint import HEADING
from groundwork.base.footprint import NS_PER_S, Footprint
from groundwork.kube.connection import (
    CONFLICT,
    NOT_FOUND,
    REQUEST_TIMEOUT_S,
    Connection,
    KubeError,
    message_of,
    talking,
)

__all__ = ["RESOURCE", "Backend", "Executed", "Pod", "Pods"]

# The label of objects and pods that names the resource of the environment they belong to.
RESOURCE = "groundwork.dev/resource"

# Phases that nothing follows.
ENDED = frozenset({"Succeeded", "Failed"})

# The kinds of those whose pods belong to their node.
FIXED = frozenset({"DaemonSet", "Node"})

# The server ends a watch after that; whoever watches begins anew, so a dead peer is noticed.
WATCH_TIMEOUT_S = 60


@dataclass(frozen=True)
class Pod:
    """A pod as the API server shows it.

    Attributes:
        resource: The resource of the environment that it belongs to.
        ready: Whether all of its containers are ready and it isn't going away.
        restarts: How often its containers were started again, all together.
        exit_code: Of the container that ended last; 0 where none did.
        waiting: Why a container doesn't run, such as ``CrashLoopBackOff: ...``.
        ended: Why a container has ended that should not have: ``OOMKilled``, with its limit...
        containers: The ids of those that have run, as its node knows them.
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
    ended: str = ""
    containers: tuple[str, ...] = ()

    @classmethod
    def read(cls, pod: client.V1Pod) -> Pod:
        """A pod, from the object that the server answered."""
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
            ended="; ".join(endings(pod)),
            containers=tuple(
                each.container_id.rpartition("/")[2]  # containerd://ID
                for each in status.container_statuses or ()
                if each.container_id
            ),
        )


def endings(pod: client.V1Pod) -> Iterator[str]:
    """Why containers of a pod have ended that should not have, in words."""
    specs = {each.name: each for each in (*(pod.spec.init_containers or ()), *pod.spec.containers)}
    status = pod.status
    for each in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        for state in (each.state, each.last_state):
            ended = state.terminated if state is not None else None
            if ended is not None and ended.exit_code:
                resources = specs[each.name].resources
                limit = ((resources.limits or {}) if resources is not None else {}).get("memory")
                beside = f", its limit is {limit}" if limit and ended.reason == "OOMKilled" else ""
                said = f": {ended.message.strip()}" if ended.message else ""
                yield f"{each.name}: {ended.reason} (exit code {ended.exit_code}{beside}){said}"
                break


@dataclass(frozen=True)
class Backend:
    """The pods behind a service.

    Attributes:
        port: What they listen on, by number or by name.
        unready: Whether pods that aren't ready are meant, too.
    """

    namespace: str
    selector: Mapping[str, str]
    port: int | str
    unready: bool = False

    @property
    def labels(self) -> str:
        """The selector as the API server takes it."""
        return ",".join(f"{name}={value}" for name, value in self.selector.items())

    def takes(self, pod: Pod) -> bool:
        """Whether a connection may be led to this pod."""
        return pod.ready or (self.unready and pod.phase == "Running")

    def port_of(self, pod: client.V1Pod) -> int:
        """The number of a pod's port, which may have been given by its name."""
        if isinstance(self.port, int):
            return self.port
        ports = (each for container in pod.spec.containers for each in container.ports or ())
        return next(int(each.container_port) for each in ports if each.name == self.port)


@dataclass(frozen=True)
class Executed:
    """What a command in a container said, and its exit code."""

    output: str
    exit_code: int


class Pods:
    """The pods of a cluster.

    Args:
        connection: To its API server.
    """

    def __init__(self, connection: Connection) -> None:
        self._core = connection.core
        self._talker = connection.talker

    def of(self, resource: str) -> list[Pod]:
        """The pods of one resource."""
        with talking():
            found = self._core.list_pod_for_all_namespaces(
                label_selector=f"{RESOURCE}={resource}", _request_timeout=REQUEST_TIMEOUT_S
            )
        return [Pod.read(each) for each in found.items]

    def ports_of(self, namespace: str, labels: str) -> dict[str, set[str | int]]:
        """The ports of the pods that have these labels, by name and number, by the pods' names."""
        with talking():
            found = self._core.list_namespaced_pod(
                namespace, label_selector=labels, _request_timeout=REQUEST_TIMEOUT_S
            ).items
        return {
            pod.metadata.name: {
                known
                for container in pod.spec.containers
                for port in container.ports or ()
                for known in (port.name, port.container_port)
            }
            for pod in found
        }

    def with_labels(self, namespace: str, labels: str) -> list[Pod]:
        """The pods of a namespace that have these labels."""
        with talking():
            found = self._core.list_namespaced_pod(
                namespace, label_selector=labels, _request_timeout=REQUEST_TIMEOUT_S
            )
        return [Pod.read(each) for each in found.items]

    def of_system(self) -> list[Pod]:
        """The pods of the cluster itself."""
        with talking():
            found = self._core.list_namespaced_pod(
                "kube-system", _request_timeout=REQUEST_TIMEOUT_S
            )
        return [Pod.read(each) for each in found.items]

    def movable(self, node: str) -> list[Pod]:
        """The pods on a node that somebody would put elsewhere.

        None that have ended, nor of daemon sets, which would come back to it; nor what a node runs
        by its own files.
        """
        with talking():
            found = self._core.list_pod_for_all_namespaces(
                field_selector=f"spec.nodeName={node}", _request_timeout=REQUEST_TIMEOUT_S
            ).items
        return [
            Pod.read(each)
            for each in found
            if each.status.phase not in ENDED
            and not {owner.kind for owner in each.metadata.owner_references or ()} & FIXED
        ]

    def watch(
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

    def log(self, pod: Pod, lines: int | None = None, *, previous: bool = False) -> str:
        """What a pod's containers said, each under its name.

        Args:
            pod: Which one.
            lines: Only so many, the last.
            previous: What they said before they were last started again.
        """
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
                        previous=previous,
                        _request_timeout=REQUEST_TIMEOUT_S,
                    )
                except ApiException as error:
                    text = f"({message_of(error)})"
                before = ", before it was started again" if previous else ""
                parts.append(f"{HEADING}{pod.name}/{container.name}{before}\n{text}")
        return "\n".join(parts)

    def warnings(self, namespace: str, names: Iterable[str]) -> list[str]:
        """What the cluster has to complain of objects with these names, and what they have made.

        Each once, the newest last: failed probes, refused pods with the words of whoever refused.
        """
        with talking():
            found = self._core.list_namespaced_event(
                namespace, field_selector="type=Warning", _request_timeout=REQUEST_TIMEOUT_S
            ).items
        stems = tuple(names)
        ours = [each for each in found if made_by(each.involved_object.name or "", stems)]
        ours.sort(key=lambda each: str(each.last_timestamp or each.event_time or ""))
        lines = (
            f"{each.involved_object.kind} {each.involved_object.name}: {each.reason}: "
            f"{' '.join((each.message or '').split())}"
            for each in ours
        )
        return list(dict.fromkeys(lines))

    def footprints(self) -> Mapping[str, Footprint]:
        """What all pods take by namespace/name, as the kubelets count it."""
        found: dict[str, Footprint] = {}
        with talking():
            nodes = self._core.list_node(_request_timeout=REQUEST_TIMEOUT_S).items
        for node in nodes:
            with talking():
                answer = self._core.connect_get_node_proxy_with_path(
                    node.metadata.name,
                    "stats/summary",
                    _preload_content=False,
                    _request_timeout=REQUEST_TIMEOUT_S,
                )
            for each in json.loads(answer.data)["pods"]:
                name = f"{each['podRef']['namespace']}/{each['podRef']['name']}"
                found[name] = footprint_of(each)
        return found

    def http_get(self, pod: Pod, port: int, path: str) -> str:
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

    def evict(self, pod: Pod, grace_s: int) -> None:
        """Have a pod leave its node, as far as its budget allows; it may be gone already.

        Raises:
            NotYetError: Its budget doesn't allow it now.
            KubeError: The server refused.
        """
        body = client.V1Eviction(
            metadata=client.V1ObjectMeta(name=pod.name, namespace=pod.namespace),
            delete_options=client.V1DeleteOptions(
                grace_period_seconds=grace_s, preconditions=client.V1Preconditions(uid=pod.uid)
            ),
        )
        try:
            with talking():
                self._core.create_namespaced_pod_eviction(
                    pod.name, pod.namespace, body, _request_timeout=REQUEST_TIMEOUT_S
                )
        except KubeError as error:
            if error.status not in {NOT_FOUND, CONFLICT}:  # another one of its name is there
                raise

    def delete(self, pod: Pod, *, grace: bool = False) -> None:
        """Delete this very pod, without the grace period it declares or with it.

        It may be gone already.
        """
        body = client.V1DeleteOptions(
            grace_period_seconds=None if grace else 0,  # none told: its own
            preconditions=client.V1Preconditions(uid=pod.uid),
        )
        try:
            with talking():
                self._core.delete_namespaced_pod(
                    pod.name, pod.namespace, body=body, _request_timeout=REQUEST_TIMEOUT_S
                )
        except KubeError as error:
            if error.status != NOT_FOUND:
                raise


def made_by(name: str, stems: Iterable[str]) -> bool:
    """Whether an object is one of these, or was made by one: it is called NAME-SOMETHING then."""
    return any(name == stem or name.startswith(f"{stem}-") for stem in stems)


def footprint_of(figures: Mapping[str, Any]) -> Footprint:
    """What a pod takes by a kubelet's summary; of a young one there is only its containers'."""
    counted = (figures, *figures.get("containers", ()))

    def told(part: str, name: str) -> int:
        whole, *parts = [int(each.get(part, {}).get(name, 0)) for each in counted]
        return whole or sum(parts)

    cpu_s = told("cpu", "usageCoreNanoSeconds") / NS_PER_S
    return Footprint(told("memory", "rssBytes"), cpu_s)
