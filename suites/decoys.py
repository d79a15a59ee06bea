"""What belongs to somebody else: a cluster and a container that no run may touch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from fixtures.images import CONTROL_PLANE, NODE_IMAGE
from fixtures.programs import KIND
from groundwork import process
from groundwork.artifacts import Cache, default_cache_dir
from groundwork.clusters.engine import examine_host, find_engine
from groundwork.clusters.kind import route
from groundwork.clusters.kindconfig import PackagesNode, kind_config
from groundwork.errors import NotYetError
from groundwork.kube import Kube
from groundwork.wait import Deadline, wait_for

__all__ = ["Container", "Stranger", "strangers_cluster", "strangers_container"]

CREATE_TIMEOUT_S = 300.0
REMOVE_TIMEOUT_S = 60.0
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
        pods = sorted((pod.name, pod.uid, pod.restarts) for pod in self.kube.system_pods())
        return self.kube.identity(), pods

    def everything(self) -> frozenset[tuple[str, str]]:
        """All objects with their UIDs, but those that Kubernetes keeps making: events, leases."""
        found = (each for each in self.kube.objects() if each.kind not in PASSING)
        return frozenset((str(each), each.uid) for each in found)

    def await_namespace(self, name: str, *, there: bool = True) -> None:
        """Wait until there is a namespace of this name, or none any more."""

        def look() -> None:
            names = {each for each, _ in self.everything()}
            if (f"Namespace {name}" in names) is not there:
                raise NotYetError("there is one" if not there else "there is none")

        what = f"a namespace {name} to be {'there' if there else 'gone'}"
        wait_for(look, deadline=Deadline.after(READY_TIMEOUT_S), what=what)

    @property
    def context(self) -> str:
        """What kind calls its context."""
        return f"kind-{self.name}"


@contextmanager
def strangers_cluster(name: str, folder: Path, api_port: int, nodes: int = 1) -> Iterator[Stranger]:
    """Make a bare cluster as a user would, by kind's own command, and remove it."""
    engine = find_engine()
    cache = Cache.open(default_cache_dir())
    kind = KIND.resolve(cache, lambda _: None).program("kind")
    NODE_IMAGE.resolve(cache, lambda _: None)
    kubeconfig = folder / f"{name}.kubeconfig"
    body = kind_config(
        examine_host(),
        nodes=nodes,
        api_port=api_port,
        mappings=[],
        packages=PackagesNode.of(NODE_IMAGE.reference, CONTROL_PLANE),
    )
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(body))
    env = engine.environment() | {"KUBECONFIG": str(kubeconfig)}
    env |= {f"KIND_EXPERIMENTAL_{engine.name.upper()}_NETWORK": name}
    engine.make_network(name, "nobody")
    try:
        process.run(
            [kind, "create", "cluster", "--name", name, "--config", config],
            timeout_s=CREATE_TIMEOUT_S,
            env=env,
        )
        kube = Kube(kubeconfig, folder / f"{name}.discovery.json", "somebody-else")

        def ready() -> None:
            found = kube.nodes()
            route(engine, found)
            waiting = [pod.name for pod in kube.system_pods() if not pod.ready]
            if waiting:
                raise NotYetError(f"not ready: {waiting}")

        wait_for(ready, deadline=Deadline.after(READY_TIMEOUT_S), what="the stranger's cluster")
        yield Stranger(name, kubeconfig, kube)
    finally:
        process.run(
            [kind, "delete", "cluster", "--name", name], timeout_s=REMOVE_TIMEOUT_S, env=env
        )
        engine.remove("network", [name])


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
