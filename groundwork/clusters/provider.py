"""What a provider of clusters has to do: one small protocol behind kind, k3d and existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from groundwork.artifacts import Artifact
from groundwork.clusters.cluster import Cluster, refuse_entry
from groundwork.declare.stage import Stage
from groundwork.kube.objects import Object

__all__ = ["Provider", "Wanted"]

# The node port behind each port of the resources in a cluster, by resource and port name.
Wanted = Mapping[tuple[str, str], int]


class Provider(Protocol):
    """How a cluster comes to be; subclass it (a frozen dataclass is a good fit).

    Attributes:
        remover: Who removes such a cluster, or what was made in it: ``package.module:function``.
        artifacts: What it runs, and what must be so before anything starts.
        ports: What the cluster itself listens on, on loopback.
    """

    remover: str
    artifacts: tuple[Artifact, ...]
    ports: tuple[str, ...] = ()

    def create(self, stage: Stage, name: str, wanted: Wanted) -> Path:
        """Make the cluster, or find it; its kubeconfig, in the stage's folder.

        ``wanted`` are the node ports to be reached by the ports of the stage's resources.
        """
        raise NotImplementedError

    def record(self, stage: Stage) -> dict[str, Any]:
        """What removing it needs to know besides its name."""
        del stage
        return {}

    def load(self, stage: Stage, name: str, images: Iterable[Artifact]) -> None:
        """Give every node images that no registry has.

        Args:
            stage: Of the resource that brings them: their artifacts are among its own.
            name: The cluster's.
            images: Archives, each with a file ``image.tar``.
        """
        del stage, name, images  # by default nodes pull what they run

    def settle(self, nodes: Iterable[Any]) -> None:
        """What has to be done on nodes that have joined; raises NotYetError where it's too soon."""
        del nodes  # by default nothing

    def adapt(self, body: Object) -> Object:
        """An object as it is to be applied here."""
        return body

    def expose(
        self, stage: Stage, cluster: Cluster, objects: Iterable[Object], wanted: Wanted
    ) -> None:
        """Lead ports of this machine into the cluster, where creating it hasn't done so.

        ``objects`` are those of the environment, as rendered.
        """
        del stage, cluster, objects, wanted  # by default it has

    def title(self) -> str:
        """What it is, for people: `kind on Podman 4.3.1`."""
        raise NotImplementedError

    def enter(self, node: str, *argv: str) -> str:
        """Run a command on a node; its output.

        Raises:
            UsageError: Nodes of such clusters can't be entered.
            ProcessFailedError: The command failed.
        """
        return refuse_entry(node, *argv)

    def lost(self, name: str) -> tuple[str, ...]:
        """The nodes that have stopped, as far as can be told from outside."""
        del name
        return ()

    def logs(self, name: str) -> str:
        """The last log lines of its nodes, for an error's text."""
        del name
        return ""
