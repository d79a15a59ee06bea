"""What belongs to somebody else: a cluster and a container that no run may touch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.kustomize import KUBECTL
from fixtures.packages.programs import KIND
from fixtures.platforms.nodes import CONTROL_PLANE, NODE_IMAGE
from groundwork.artifacts import Cache, default_cache_dir
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.bare import await_bare, bare_cluster
from groundwork.clusters.kind import KindProvider
from groundwork.containers.finding import find_engine
from groundwork.kube.client import Kube

__all__ = ["Container", "Stranger", "strangers_cluster", "strangers_container"]

READY_TIMEOUT_S = 90.0

PASSING = frozenset({"Event", "Lease"})


@dataclass(frozen=True)
class Stranger:
    """A cluster of somebody else.

    Attributes:
        name: What kind calls it; its nodes' container names begin so.
        kubeconfig: Its owner's.
        kube: A client of its owner's.
    """

    name: str
    kubeconfig: Path
    kube: Kube

    def observe(self) -> object:
        """Who it is, and what it runs since when: must not change."""
        pods = sorted((pod.name, pod.uid, pod.restarts) for pod in self.kube.pods.of_system())
        return self.kube.identity(), pods

    def everything(self) -> frozenset[tuple[str, str]]:
        """All objects with their UIDs, but those that Kubernetes keeps making: events, leases."""
        found = (each for each in self.kube.objects.listed() if each.kind not in PASSING)
        return frozenset((str(each), each.uid) for each in found)

    def await_namespace(self, name: str, *, there: bool = True) -> None:
        """Wait until there is a namespace of this name, or none any more."""

        def look() -> None:
            names = {each for each, _ in self.everything()}
            if not there and f"Namespace {name}" in names:
                raise NotYetError("there is one")
            # Kubernetes puts these into every namespace, a moment after it was made.
            own = {f"ServiceAccount {name}/default", f"ConfigMap {name}/kube-root-ca.crt"}
            if there and not own <= names:
                raise NotYetError("there is none, or it is empty")

        what = f"a namespace {name} to be {'there' if there else 'gone'}"
        wait_for(look, deadline=Deadline.after(READY_TIMEOUT_S), what=what)

    @property
    def context(self) -> str:
        """What kind calls its context."""
        return f"kind-{self.name}"


@contextmanager
def strangers_cluster(name: str, folder: Path, api_port: int, nodes: int = 1) -> Iterator[Stranger]:
    """Make a bare cluster as a user would, and remove it."""
    provider = KindProvider(
        nodes, KUBECTL, (KIND, NODE_IMAGE), node_image=NODE_IMAGE, plane=CONTROL_PLANE
    )
    cache = Cache.open(default_cache_dir())
    with bare_cluster(provider, cache, name, folder, api_port) as kubeconfig:
        kube = Kube(kubeconfig, folder / f"{name}.discovery.json", "somebody-else")
        await_bare(provider, kube)
        yield Stranger(name, kubeconfig, kube)


@dataclass(frozen=True)
class Container:
    """A container of somebody else, by name."""

    name: str

    def observe(self) -> object:
        """Which one it is, and since when it runs: must not change."""
        template = "{{.Id}} {{.State.StartedAt}} {{.State.Status}}"
        return find_engine().run("inspect", "--format", template, self.name)


@contextmanager
def strangers_container(name: str, image: str) -> Iterator[Container]:
    """Run a container as a user would, from an image that is there."""
    engine = find_engine()
    argv = ["run", "--detach", "--name", name, "--entrypoint", "/bin/sleep"]
    engine.run(*argv, image, "infinity")
    try:
        yield Container(name)
    finally:
        engine.remove_containers([name])
