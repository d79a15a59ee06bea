"""k3d: k3s, a small Kubernetes, whose nodes are containers; the way of laptops with a registry."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from groundwork.artifacts import Artifact, Resolved, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError, ProvisionError, UsageError
from groundwork.clusters.containernodes import ContainerProvider
from groundwork.clusters.provider import Wanted
from groundwork.containers.engine import LABEL
from groundwork.containers.finding import ENGINE, find_engine
from groundwork.declare.stage import Stage

__all__ = ["K3dArtifact", "K3dProvider", "k3d_config"]

# It pulls the image of k3s; k3d itself is told to give up a little earlier.
CREATE_TIMEOUT_S = 600.0
REMOVE_TIMEOUT_S = 120.0
LOAD_TIMEOUT_S = 180.0
ANSWER_TIMEOUT_S = 20.0
# The label that k3d gives all that belongs to a cluster.
K3D_LABEL = "k3d.cluster"


@dataclass(frozen=True)
class K3dArtifact(Artifact):
    """k3d from PATH: no package registry has it."""

    name: str = "k3d"

    def key(self) -> str:
        """Nothing: there is one k3d, the one on PATH."""
        return ""

    def resolve(self, workshop: Workshop) -> Resolved:
        """Find it.

        Raises:
            UsageError: It isn't installed.
        """
        del workshop
        program = Path(find_k3d())
        shown = process.run(
            [program, "version"], timeout_s=ANSWER_TIMEOUT_S, env=find_engine().environment()
        )
        version = shown.output.partition("\n")[0].rpartition(" ")[2]
        return Resolved(self.name, version, "on PATH", program.parent, cached=True)


def find_k3d() -> str:
    """The program.

    Raises:
        UsageError: It isn't installed.
    """
    program = shutil.which("k3d")
    if program is None:
        raise UsageError(
            "--env k3d: k3d is not on PATH; install it (`brew install k3d`), or use --env kind, "
            "which needs no program of yours"
        )
    return program


@dataclass(frozen=True)
class K3dProvider(ContainerProvider):
    """Makes a k3d cluster on a network of its own.

    Attributes:
        nodes: All nodes, the server among them.
        entry: The port of a resource that the load balancer leads to; the cluster's own service
            of type LoadBalancer takes it from there.
        loaded: Archives of images that no registry has, for every node to load.
    """

    nodes: int
    entry: tuple[str, str]
    loaded: tuple[Artifact, ...] = ()
    artifacts: tuple[Artifact, ...] = field(default_factory=lambda: (ENGINE, K3dArtifact()))
    remover: str = f"{__name__}:remove"
    ports: tuple[str, ...] = ("api",)
    label: ClassVar[str] = K3D_LABEL

    def create(self, stage: Stage, name: str, wanted: Wanted) -> Path:
        """Make it, with a kubeconfig of the run's own."""
        config = stage.workdir / "k3d.yaml"
        body = k3d_config(
            name,
            stage.token,
            nodes=self.nodes,
            api_port=stage.ports["api"],
            node_ports={
                stage.port_of(*port): number
                for port, number in wanted.items()
                if port != self.entry
            },
            entry_port=stage.port_of(*self.entry),
        )
        config.write_text(yaml.safe_dump(body, sort_keys=False))
        program, env = find_k3d(), find_engine().environment()
        stage.run(
            [program, "cluster", "create", "--config", config],
            timeout_s=CREATE_TIMEOUT_S,
            env=env,
            lifeline_s=ANSWER_TIMEOUT_S,  # its nodes would inherit the mark of the run
        )
        self.load(stage, name, self.loaded)
        kubeconfig = stage.workdir / "kubeconfig"
        text = process.run(
            [program, "kubeconfig", "get", name], timeout_s=ANSWER_TIMEOUT_S, env=env
        ).output
        kubeconfig.touch(0o600)
        kubeconfig.write_text(text)
        return kubeconfig

    def load(self, stage: Stage, name: str, images: Iterable[Artifact]) -> None:
        """Import archives into every node."""
        archives = [stage.artifact(each.name).program("image.tar") for each in images]
        if archives:
            stage.run(
                [find_k3d(), "image", "import", *archives, "--cluster", name],
                timeout_s=LOAD_TIMEOUT_S,
                env=find_engine().environment(),
                lifeline_s=ANSWER_TIMEOUT_S,
            )

    def title(self) -> str:
        """What makes the cluster, and on which engine: `k3d on Docker 28.2.2`."""
        return f"k3d on {find_engine().title}"

    def logs(self, name: str) -> str:
        """What each node's container has printed."""
        return find_engine().tails(f"{K3D_LABEL}={name}")


def remove(name: str, record: Mapping[str, Any]) -> None:
    """Have k3d remove it, and then what an interrupted creation has left."""
    del record
    try:
        engine = find_engine()
        process.run(
            [find_k3d(), "cluster", "delete", name],
            timeout_s=REMOVE_TIMEOUT_S,
            env=engine.environment(),
            check=False,  # it doesn't know a cluster whose making was cut short
        )
        engine.remove_containers(engine.labelled(f"{K3D_LABEL}={name}"))
        engine.remove_volumes([v for v in engine.volumes() if v == f"k3d-{name}-images"])
        engine.remove_network(name)
    except GroundworkError as error:
        raise ProvisionError("cluster", f"{name} can't be removed: {error}") from error


def k3d_config(
    name: str,
    token: str,
    *,
    nodes: int,
    api_port: int,
    node_ports: Mapping[int, int],
    entry_port: int,
) -> dict[str, Any]:
    """k3d's configuration: one server, agents, everything on loopback, traefik off.

    Args:
        name: The cluster's, and its network's.
        token: The label of all its containers.
        nodes: All nodes; the first is the server.
        api_port: The API server's port on loopback.
        node_ports: Node ports by the port of this machine that leads there.
        entry_port: The port of this machine that leads to port 80 of the load balancer.
    """
    direct = [
        {"port": f"127.0.0.1:{port}:{number}", "nodeFilters": ["server:0:direct"]}
        for port, number in node_ports.items()
    ]
    everywhere = ["server:*", "agent:*", "loadbalancer"]
    return {
        "apiVersion": "k3d.io/v1alpha5",
        "kind": "Simple",
        "metadata": {"name": name},
        "servers": 1,
        "agents": nodes - 1,
        "network": name,
        "kubeAPI": {"host": "127.0.0.1", "hostIP": "127.0.0.1", "hostPort": str(api_port)},
        "ports": [
            {"port": f"127.0.0.1:{entry_port}:80", "nodeFilters": ["loadbalancer"]},
            *direct,
        ],
        "options": {
            "k3d": {"wait": True, "timeout": f"{CREATE_TIMEOUT_S - 30:.0f}s"},
            "k3s": {
                "extraArgs": [{"arg": "--disable=traefik", "nodeFilters": ["server:*"]}],
            },
            "kubeconfig": {"updateDefaultKubeconfig": False, "switchCurrentContext": False},
            "runtime": {"labels": [{"label": f"{LABEL}={token}", "nodeFilters": everywhere}]},
        },
    }
