"""What a provider of clusters has to do: one small protocol behind kind, k3d and existing ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from groundwork.artifacts import Artifact
from groundwork.base.errors import UsageError
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
        own: Whether its nodes are the run's own: they are entered, drained and stopped, and all
            that is done to them is gone with them.
    """

    remover: str
    artifacts: tuple[Artifact, ...]
    ports: tuple[str, ...] = ()
    own: bool = True

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

    def freeze(self, node: str) -> None:
        """Have a node stand still, with all that is on it; one that does stays so.

        Raises:
            UsageError: Nodes of such clusters can't be stopped.
            ProcessFailedError: The engine refused.
        """
        raise UsageError(f"node {node} can't be stopped")

    def thaw(self, node: str) -> None:
        """Let a node go on; one that does isn't touched.

        Raises:
            ProcessFailedError: The engine refused.
        """
        del node  # by default none was stopped

    def frozen(self) -> Collection[str]:
        """The names of what stands still, as far as can be told from outside."""
        return ()

    def lost(self, name: str) -> tuple[str, ...]:
        """The nodes that have stopped, as far as can be told from outside."""
        del name
        return ()

    def logs(self, name: str) -> str:
        """The last log lines of its nodes, for an error's text."""
        del name
        return ""
