"""kind: a Kubernetes whose nodes are containers, of the run's own and gone with it."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from groundwork.artifacts import Artifact
from groundwork.base import process
from groundwork.base.errors import GroundworkError, NotYetError, ProvisionError
from groundwork.base.process import TOKEN, ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.containernodes import ContainerProvider
from groundwork.clusters.kindchild import MAKING, PATIENCE_S, may_be_cut
from groundwork.clusters.kindconfig import NAME_SERVERS, PackagesNode, PortMapping, kind_config
from groundwork.clusters.provider import Wanted
from groundwork.containers.engine import Engine, reason_of
from groundwork.containers.finding import find_engine
from groundwork.containers.host import examine_host
from groundwork.declare.stage import Stage
from groundwork.nodes.controlplane import ControlPlane
from groundwork.nodes.image import NodeImage

__all__ = ["KindProvider"]

# What an engine's command leaves running: a container's supervisor, a name server of networks.
LASTING = frozenset({"conmon", "aardvark-dns"})

# 49 s were measured for three nodes while two builds ran; pulling kind's own image takes minutes.
CREATE_TIMEOUT_S = 600.0
# A hundred megabytes to each of nine nodes, one after another.
LOAD_TIMEOUT_S = 180.0
# The label that kind gives the nodes of a cluster.
KIND_LABEL = "io.x-k8s.kind.cluster"

# Kind's own last word, and what Kubernetes' programs and engines say of an error.
FAILED_STEP = re.compile(r"^ERROR: failed to create cluster: (.+?)(?:: command .*)?$", re.MULTILINE)
TOLD_ERROR = re.compile(r"^.*(?:not healthy|Error: |Error response).*$", re.MULTILINE)


@dataclass(frozen=True)
class KindProvider(ContainerProvider):
    """Makes a kind cluster on a network of its own.

    Attributes:
        nodes: All nodes, the control plane among them.
        kubectl: The program that kind's class is given.
        node_image: Built from packages; None for kind's own.
        plane: What that node image is made of.
        loaded: Archives of images that no registry has, for every node to load.
        kubelet_flags: What every kubelet is started with besides, without the dashes.
    """

    nodes: int
    kubectl: Path
    artifacts: tuple[Artifact, ...] = ()
    node_image: NodeImage | None = None
    plane: ControlPlane | None = None
    loaded: tuple[Artifact, ...] = ()
    kubelet_flags: Mapping[str, str] = field(default_factory=dict)
    remover: str = f"{__name__}:remove"
    ports: tuple[str, ...] = ("api",)
    label: ClassVar[str] = KIND_LABEL

    def create(self, stage: Stage, name: str, wanted: Wanted) -> Path:
        """Make a network of the run's own, and a kind cluster on it; its kubeconfig."""
        engine = find_engine()
        engine.make_network(name, stage.token)
        kubeconfig = stage.workdir / "kubeconfig"
        config = stage.workdir / "kind.yaml"
        packages = None
        if self.node_image is not None and self.plane is not None:
            packages = PackagesNode.of(self.node_image.reference, self.plane)
        mappings = [PortMapping(stage.port_of(*port), number) for port, number in wanted.items()]
        body = kind_config(
            examine_host(),
            nodes=self.nodes,
            api_port=stage.ports["api"],
            mappings=mappings,
            packages=packages,
            kubelet_flags=self.kubelet_flags,
            patches=write_patches(stage.workdir / "patches") if self.nodes > 1 else None,
        )
        config.write_text(yaml.safe_dump(body | {"name": name}, sort_keys=False))
        network = f"KIND_EXPERIMENTAL_{engine.name.upper()}_NETWORK"
        kind = stage.artifact("kind").program("kind")
        try:
            stage.run(
                [
                    sys.executable, "-m", "groundwork.clusters.kindchild",
                    name, kubeconfig, config, kind, self.kubectl,
                ],
                timeout_s=CREATE_TIMEOUT_S,
                env=dict(engine.settings) | {network: name, TOKEN: f"{MAKING}{name}"},
                lifeline_s=PATIENCE_S,
            )  # fmt: skip
        except ProcessFailedError as error:
            raise ProcessFailedError(
                f"kind {failure_in(error.output) or reason_of(error)}; {self._advice(engine)}\n"
                f"{error}"
            ) from error
        self.load(stage, name, self.loaded)
        return kubeconfig

    def load(self, stage: Stage, name: str, images: Iterable[Artifact]) -> None:
        """Load archives into every node, one after another."""
        kind, engine = stage.artifact("kind").program("kind"), find_engine()
        for image in images:
            archive = stage.artifact(image.name).program("image.tar")
            stage.run(
                [kind, "load", "image-archive", archive, "--name", name],
                timeout_s=LOAD_TIMEOUT_S,
                env=dict(engine.settings),
            )

    def _advice(self, engine: Engine) -> str:
        """What a user can do where no node comes up."""
        if self.node_image is None:
            return "is the machine short of memory or disk? --nodes 1 needs the least"
        anew = f"`{engine.name} rmi {self.node_image.reference}` has it made anew"
        return f"short of memory? --nodes 1 needs the least; a damaged node image? {anew}"

    def settle(self, nodes: Iterable[Any]) -> None:
        """Tell nodes of packages the way to each other's pods: they have no agent for it."""
        if self.node_image is not None:
            route(find_engine(), nodes)

    def title(self) -> str:
        """What makes the cluster, and on which engine: `kind on Podman 4.3.1`."""
        return f"kind on {find_engine().title}"

    def logs(self, name: str) -> str:
        """What each node's container has printed."""
        return find_engine().tails(f"{KIND_LABEL}={name}")


def write_patches(folder: Path) -> Path:
    """Put into a folder how what kubeadm makes is to differ, and give it back.

    Raises:
        OSError: It can't be written.
    """
    folder.mkdir(exist_ok=True)
    file = folder / "corednsdeployment+strategic.json"  # as kubeadm reads it: of what, and how
    file.write_text(json.dumps(NAME_SERVERS, indent=2) + "\n", encoding="utf-8")
    return folder


def remove(name: str, record: Mapping[str, Any]) -> None:
    """Remove the cluster with all that belongs to it, once nobody works on it any more."""
    del record
    try:
        engine = find_engine()
        await_makers(name)
        engine.remove_containers(engine.labelled(f"{KIND_LABEL}={name}"))
        engine.remove_volumes(engine.volumes_of(f"{name}-"))
        engine.remove_network(name)
    except GroundworkError as error:
        raise ProvisionError("cluster", f"{name} can't be removed: {error}") from error


def failure_in(output: str) -> str:
    """What kind failed to do, and the last error that was told meanwhile; empty where it says none.

    A program in a node says it many lines before the advice with which it ends.
    """
    step = FAILED_STEP.search(output)
    if step is None:
        return ""
    errors = TOLD_ERROR.findall(output)
    told = f" ({errors[-1].strip()})" if errors and errors[-1] not in step[0] else ""
    return f"{step[1]}{told}"


def route(engine: Engine, nodes: Iterable[Any]) -> None:
    """Tell each node the way to the pods of every other.

    Raises:
        NotYetError: A node has no pods' addresses yet.
    """
    ways = {}
    for node in nodes:
        if not node.spec.pod_cidr:
            raise NotYetError(f"{node.metadata.name} has no addresses for its pods yet")
        address = next(a.address for a in node.status.addresses if a.type == "InternalIP")
        ways[node.metadata.name] = (node.spec.pod_cidr, address)
    for one, other in itertools.permutations(ways, 2):
        subnet, address = ways[other]
        engine.run("exec", one, "ip", "route", "replace", subnet, "via", address)


def await_makers(name: str) -> None:
    """Wait for those that are still at work on a cluster; their keeper is dead.

    What lives as long as a container, or longer, has inherited the mark and isn't meant. What only
    follows what a node does is ended: kind has left it behind, and it would go on for ever.
    """

    def look() -> None:
        found = {each: process.argv_of(each) for each in process.find_by_token(f"{MAKING}{name}")}
        process.end((each for each, argv in found.items() if may_be_cut(argv)), grace_s=0)
        left = [
            " ".join(argv)
            for argv in found.values()
            if argv and Path(argv[0]).name not in LASTING and not may_be_cut(argv)
        ]
        if left:
            raise NotYetError("; ".join(left))

    wait_for(look, deadline=Deadline.after(PATIENCE_S), what=f"nobody to work on {name}")
