"""A bare kind cluster, made as a user makes one: to compare with, and to be somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.kind import KindProvider
from groundwork.clusters.kindconfig import PackagesNode, kind_config
from groundwork.containers.finding import find_engine
from groundwork.containers.host import examine_host
from groundwork.kube.client import Kube

__all__ = ["await_bare", "bare_cluster"]

CREATE_TIMEOUT_S = 600.0
REMOVE_TIMEOUT_S = 60.0
READY_TIMEOUT_S = 120.0

# The owner of its network, for whom nothing is swept.
NOBODY = "nobody"


@contextmanager
def bare_cluster(
    provider: KindProvider, cache: Cache, name: str, folder: Path, api_port: int
) -> Iterator[Path]:
    """`kind create cluster` with the nodes of a provider, and `kind delete cluster`.

    Yields its kubeconfig, in the given folder, as soon as kind returns.

    Raises:
        ProcessFailedError: kind has failed.
    """
    engine = find_engine()
    workshop = Workshop(cache)
    found = {each.name: each.resolve(workshop).path for each in provider.artifacts}
    packages = None
    if provider.node_image is not None and provider.plane is not None:
        packages = PackagesNode.of(provider.node_image.reference, provider.plane)
    body = kind_config(
        examine_host(), nodes=provider.nodes, api_port=api_port, mappings=[], packages=packages
    )
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(body))
    kubeconfig = folder / f"{name}.kubeconfig"
    kind = found["kind"] / "kind"
    env = engine.environment() | {
        "KUBECONFIG": str(kubeconfig),
        f"KIND_EXPERIMENTAL_{engine.name.upper()}_NETWORK": name,
    }
    engine.make_network(name, NOBODY)
    try:
        process.run(
            [kind, "create", "cluster", "--name", name, "--config", config],
            timeout_s=CREATE_TIMEOUT_S,
            env=env,
        )
        yield kubeconfig
    finally:
        process.run(
            [kind, "delete", "cluster", "--name", name], timeout_s=REMOVE_TIMEOUT_S, env=env
        )
        engine.remove_network(name)


def await_bare(provider: KindProvider, kube: Kube) -> None:
    """Wait until its nodes know the way to each other, and its own pods are ready.

    Raises:
        WaitTimeoutError: They aren't in time.
    """

    def look() -> None:
        provider.settle(kube.nodes())
        waiting = [pod.name for pod in kube.pods.of_system() if not pod.ready]
        if waiting:
            raise NotYetError(f"not ready: {waiting}")

    wait_for(look, deadline=Deadline.after(READY_TIMEOUT_S), what="a bare cluster to be ready")
