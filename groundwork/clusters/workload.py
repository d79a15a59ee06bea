"""A resource that is objects in a cluster: applied, watched, killed, and gone with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.artifacts import Artifact
from groundwork.base.complaint import COMPLAINT
from groundwork.base.errors import GroundworkError, NotYetError, TerminalStateError, UsageError
from groundwork.base.footprint import Footprint
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.configuring import misconfigure, roll_back
from groundwork.clusters.crashing import crash, restart
from groundwork.clusters.freezing import freeze, states_of, thaw
from groundwork.clusters.isolating import isolate, isolated, rejoin
from groundwork.clusters.manifests import node_ports
from groundwork.clusters.scaling import scale, scale_back
from groundwork.clusters.services import expect_led
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.logformat import LogFormat
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage
from groundwork.kube.client import Kube
from groundwork.kube.objects import Object
from groundwork.kube.pods import Pod

__all__ = ["Workload", "cluster_of", "pods_of", "read_pod"]

# A container that ends more often doesn't come up: Kubernetes would go on trying for ever. One
# or two ends are normal where servers start together and some insist on others. What has ended
# while something was broken on purpose doesn't count.
RESTARTS_MAX = 2

# Of what the cluster complains of: the newest, which say all.
WARNINGS_MAX = 5

# A server ends within some seconds of being asked to; a keeper's hook has half a minute.
GONE_TIMEOUT_S = 25.0

# What is done to pods from the nodes that they are on.
FROM_NODES = frozenset({"crash", "isolate", "pause"})

# Waiting reasons that don't go away by waiting.
HOPELESS = ("ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError")
# But for a kubelet that hasn't heard of what is mounted yet, on a busy node: it asks again.
UNHEARD = "failed to sync"
UNPULLABLE = ("ErrImagePull", "ImagePullBackOff")


def unchanged(body: Object) -> Object:
    """An object as its manifests have it."""
    return body


@dataclass(frozen=True)
class Workload(Resource):
    """Deployments, stateful sets and daemon sets with all that belongs to them.

    Most are plain instances: what differs between servers is what they are asked.

    Attributes:
        name: The resource, and the value of the label ``groundwork.dev/resource`` on its objects
            and pods.
        pods: How many pods it has; 0 for one on every node.
        manifests: The kustomization of its objects; None where they come by another way.
        node_ports: The node port behind each of its ports, where its manifests don't tell: else it
            is the one of a service's port of the same name.
        question: Asks the server behind the pods who it is, and returns its version; raises what a
            probe may raise. Without one it is ready as soon as its pods are.
        serves: Its endpoints; by default what serves HTTP on each of its ports.
        adapt: An object as this environment wants it, of one as it was rendered.
        artifacts: The programs that it is judged by.
        entered: Whether the nodes of its cluster can be entered: its containers are paused and
            killed there, and its pods cut off.
        images: What its nodes are given before it starts, of its artifacts: what few want, nodes
            don't have from the beginning.
        config_map: The config map that its pods don't start without; empty where none is to be got
            wrong.
        judges: Looks at what is to run before anything starts, and raises what a judge may raise.
    """

    name: str
    pods: int = 1
    host: str = "cluster"
    needs: tuple[str, ...] = ("cluster",)
    wants: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    usual_ports: Mapping[str, int] = field(default_factory=dict)
    ready_timeout_s: float = 120.0
    manifests: Path | None = None
    node_ports: Mapping[str, int] = field(default_factory=dict)
    question: Callable[[Stage], str] | None = None
    serves: Callable[[Stage], dict[str, Endpoint]] | None = None
    adapt: Callable[[Object], Object] = unchanged
    artifacts: tuple[Artifact, ...] = ()
    entered: bool = True
    judges: Callable[[Stage], None] | None = None
    images: tuple[Artifact, ...] = ()
    on_demand: bool = False
    config_map: str = ""
    log_format: LogFormat | None = None

    def judge(self, stage: Stage) -> None:
        """Have it judged, where it has somebody to."""
        if self.judges is not None:
            self.judges(stage)

    def opened(self) -> dict[str, int]:
        """The node port behind each of its ports.

        Raises:
            UsageError: There is none behind one of them.
        """
        found = node_ports(self.manifests) if self.manifests is not None else {}
        found = found | dict(self.node_ports)
        for port in self.ports:
            if port not in found:
                raise UsageError(f"{self.name}: no service opens a node port called {port!r}")
        return {port: found[port] for port in self.ports}

    def objects(self, stage: Stage) -> Iterable[Object]:
        """What is to be applied, in order: its share of the rendered manifests."""
        return map(self.adapt, self.cluster(stage).objects_of(self.name))

    def version(self, stage: Stage) -> str:
        """What the server behind the pods says that it is; raises what a probe may raise."""
        return self.question(stage) if self.question is not None else ""

    def endpoints(self, stage: Stage) -> dict[str, Endpoint]:
        """What it serves."""
        if self.serves is not None:
            return self.serves(stage)
        return {port: Endpoint(stage.url(port)) for port in self.ports}

    def launch(self, stage: Stage) -> None:
        """Apply the workload's objects to its cluster, whose nodes have its images then."""
        if self.images:
            stage.step(f"giving nodes {', '.join(each.name for each in self.images)}")
            self.cluster(stage).load(stage, self.images)
        self.cluster(stage).kube.objects.apply(self.objects(stage))

    def cluster(self, stage: Stage) -> Cluster:
        """The cluster that it lives in."""
        return cluster_of(stage, self.host)

    def kube(self, stage: Stage) -> Kube:
        """The cluster's client."""
        return self.cluster(stage).kube

    def probe(self, stage: Stage) -> str:
        """All pods are ready, and the server answers."""
        cluster = self.cluster(stage)
        pods, wanted = cluster.pods.of(self.name), self.pods or len(cluster.nodes)
        for pod in pods:
            refuse_hopeless(pod, cluster.pods.restarts_of(pod))
        waiting = [f"{pod.name}: {pod.waiting or pod.phase}" for pod in pods if not pod.ready]
        if waiting or len(pods) != wanted:
            raise NotYetError(f"{len(pods)} of {wanted} pods, not ready: {waiting}")
        expect_led(cluster.kube, cluster.objects_of(self.name))
        return self.version(stage)

    def check_alive(self, stage: Stage) -> None:
        """Looked at in the probe: a pod that has ended is started again by the cluster."""

    def excuse(self, stage: Stage) -> None:
        """How often its containers have ended so far says nothing about them."""
        self.cluster(stage).pods.excuse(self.name)

    def logs(self, stage: Stage) -> str:
        """What the cluster complains of, what the pods are doing, and their last log lines."""
        parts = list(self.complaints(stage))
        for pod in self.cluster(stage).pods.of(self.name):
            state = f"{pod.phase}, {pod.restarts} restarts"
            told = "".join(f", {each}" for each in (pod.waiting, pod.ended) if each)
            parts.append(f"--- {pod.name}: {state}{told}")
            with contextlib.suppress(GroundworkError, OSError):
                parts.append(self.kube(stage).pods.log(pod, 20))
        return "\n".join(parts) or "--- no pods"

    def complaints(self, stage: Stage) -> Iterator[str]:
        """Why its pods aren't there or don't stay, as the cluster itself tells; the worst first."""
        cluster = self.cluster(stage)
        ended = [f"{pod.name}: {pod.ended}" for pod in cluster.pods.of(self.name) if pod.ended]
        named: dict[str, list[str]] = {}
        for body in cluster.objects_of(self.name):
            space = body["metadata"].get("namespace")
            if space:
                named.setdefault(space, []).append(body["metadata"]["name"])
        warned: list[str] = []
        with contextlib.suppress(GroundworkError, OSError):
            for space, names in named.items():
                warned += self.kube(stage).pods.warnings(space, names)[-WARNINGS_MAX:]
        yield from (f"{COMPLAINT}{line}" for line in (*ended, *reversed(warned)))

    def footprint(self, stage: Stage) -> Footprint:
        """What all pods of the workload take."""
        cluster: Cluster | None = stage.peer(self.host).handle
        return cluster.footprint(self.name) if cluster is not None else Footprint()

    def bears(self, fault: str) -> bool:
        """Of what is done from a node only where nodes are ours; no scaling of what is on each."""
        if fault == "misconfigure":
            return bool(self.config_map)
        return self.entered if fault in FROM_NODES else fault != "scale" or self.pods > 0

    def targets(self, stage: Stage, fault: str) -> Collection[str]:
        """What its config map holds, of which something may be empty; else its pods."""
        if fault == "misconfigure":
            return list(self._config_map(stage)["data"])
        return super().targets(stage, fault)

    def _config_map(self, stage: Stage) -> Object:
        """Its config map, as it is declared."""
        named = (self.config_map, "ConfigMap")
        (body,) = (b for b in self.objects(stage) if (b["metadata"]["name"], b["kind"]) == named)
        return body

    def observe(self, stage: Stage) -> Mapping[str, str]:
        """What the cluster tells of each of its pods, and the nodes of their containers."""
        cluster = self.cluster(stage)
        pods = cluster.pods.of(self.name)
        states = states_of(cluster, pods) if self.entered else {}
        cut = isolated(cluster, self.name, pods)
        return {
            pod.name: f"{'ready' if pod.ready else 'not ready'} ({pod.phase}, {pod.uid})"
            + "".join(f", containers {states[pod.name]}" for _ in states.get(pod.name, "")[:1])
            + (", cut off" if pod.name in cut else "")
            for pod in pods
        }

    def kill(self, stage: Stage, target: str) -> None:
        """Delete the named pod, or all, without grace: the kernel's SIGKILL."""
        self._delete(stage, target, grace=False)

    def terminate(self, stage: Stage, target: str) -> None:
        """Delete the named pod, or all, with their grace: SIGTERM, and time to end."""
        self._delete(stage, target, grace=True)

    def _delete(self, stage: Stage, target: str, *, grace: bool) -> None:
        """Delete pods, and wait until they are gone."""
        cluster = self.cluster(stage)
        deleted = self._chosen(stage, target)
        for pod in deleted:
            self._keep_log(stage, pod)  # which the cluster removes with the pod
            cluster.pods.expect(pod.uid)
            cluster.kube.pods.delete(pod, grace=grace)
        self._await_gone(stage, deleted)

    def _await_gone(self, stage: Stage, pods: Iterable[Pod], *, but: int = 0) -> None:
        """Wait until no more than so many of these pods are there: a fault has landed then."""
        uids = {pod.uid for pod in pods}

        def look() -> None:
            left = [pod.name for pod in self.cluster(stage).pods.of(self.name) if pod.uid in uids]
            if len(left) > but:
                raise NotYetError(f"there are {', '.join(left)}")

        wait_for(look, deadline=Deadline.after(GONE_TIMEOUT_S), what="pods to go")

    def revive(self, stage: Stage, target: str) -> None:
        """The cluster does it: that is what it is for."""

    def crash(self, stage: Stage, target: str) -> None:
        """Kill the first processes of the named pod's containers, or of all, from their nodes."""
        cluster = self.cluster(stage)
        for pod in self._chosen(stage, target):
            self._keep_log(stage, pod)
        crash(cluster, self.name, lambda: self._chosen(stage, target))

    def restart(self, stage: Stage, target: str) -> None:
        """See that other containers run, in new pods where they would have to wait."""
        del target
        restart(self.cluster(stage), self.name)

    def _chosen(self, stage: Stage, target: str) -> list[Pod]:
        """The pod of a name, or all, unnamed."""
        return [pod for pod in self.cluster(stage).pods.of(self.name) if target in {"", pod.name}]

    def pause(self, stage: Stage, target: str) -> None:
        """Freeze all containers of the named pod, or of all, from their nodes."""
        freeze(self.cluster(stage), self._chosen(stage, target))

    def resume(self, stage: Stage, target: str) -> None:
        """Let all go on that were frozen; their pods may have gone meanwhile."""
        del target
        cluster = self.cluster(stage)
        thaw(cluster, tuple(cluster.frozen))

    def isolate(self, stage: Stage, target: str) -> None:
        """Cut off the named pod, or all, from everybody but their own nodes."""
        isolate(self.cluster(stage), self.name, self._chosen(stage, target))

    def rejoin(self, stage: Stage, target: str) -> None:
        """Let all of them talk again."""
        del target
        rejoin(self.cluster(stage), self.name)

    def scale(self, stage: Stage, target: str, *, replicas: int) -> None:
        """Have so many pods."""
        del target
        cluster = self.cluster(stage)
        pods = cluster.pods.of(self.name)
        for pod in pods:
            self._keep_log(stage, pod)
            cluster.pods.expect(pod.uid)
        scale(stage, cluster, replicas)
        self._await_gone(stage, pods, but=replicas)

    def scale_back(self, stage: Stage, target: str) -> None:
        """Have as many pods as it had."""
        del target
        scale_back(stage, self.cluster(stage))

    def misconfigure(self, stage: Stage, target: str) -> None:
        """Have nothing behind a key of its config map, and all pods begun anew with that."""
        misconfigure(stage, self.cluster(stage), self._config_map(stage), target)
        self._delete(stage, "", grace=False)

    def correct(self, stage: Stage, target: str) -> None:
        """Have its config map as it is declared, and pods that run by that."""
        del target
        roll_back(stage, self.cluster(stage))

    def stop(self, stage: Stage, grace_s: float) -> None:
        """Fetch the logs; the objects go with the cluster."""
        del grace_s
        cluster: Cluster | None = stage.peer(self.host).handle
        if cluster is None:
            return
        for pod in cluster.pods.of(self.name):
            self._keep_log(stage, pod)

    def _keep_log(self, stage: Stage, pod: Pod) -> None:
        """Fetch what a pod has said: what its containers said before they last ended, too.

        A pod of a stateful set has its predecessor's name: both are kept.
        """
        folder = stage.log_dir / self.name
        folder.mkdir(exist_ok=True)
        log = folder / f"{pod.name}.log"
        with contextlib.suppress(GroundworkError, OSError):
            pods = self.kube(stage).pods
            text = (pods.log(pod, previous=True) if pod.restarts else "") + pods.log(pod)
            with log.open("a") as file:
                file.write(f"{text}\n")


def cluster_of(stage: Stage, host: str = "cluster") -> Cluster:
    """The cluster that a stage's resource lives in, as questions and endpoints use it."""
    cluster: Cluster = stage.peer(host).handle
    return cluster


def pods_of(stage: Stage) -> list[Pod]:
    """The pods of a stage's resource."""
    return list(cluster_of(stage).pods.of(stage.resource))


def read_pod(stage: Stage, port: int, path: str) -> str:
    """What the first pod of a stage's resource serves, by way of the API server.

    For what has no node port; raises what a probe may raise.
    """
    return cluster_of(stage).kube.pods.http_get(pods_of(stage)[0], port, path)


def refuse_hopeless(pod: Pod, restarts: int) -> None:
    """Raise TerminalStateError for a pod that will never be ready.

    ``restarts`` are those that count.
    """
    if any(reason in pod.waiting for reason in UNPULLABLE):
        raise TerminalStateError(
            f"{pod.name}: its image can't be pulled ({pod.waiting}); can the nodes reach its "
            "registry, and is it there? See Images in docs/platforms.md"
        )
    if any(reason in pod.waiting for reason in HOPELESS) and UNHEARD not in pod.waiting:
        raise TerminalStateError(f"{pod.name}: {pod.waiting}")
    if restarts > RESTARTS_MAX:
        raise TerminalStateError(
            f"{pod.name} has ended {restarts} times, the last time "
            f"{pod.ended or f'with exit code {pod.exit_code}'}"
        )
