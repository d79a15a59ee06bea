"""Clusters whose nodes are containers: who runs containers enters and stops them, too."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from groundwork.clusters.provider import Provider
from groundwork.containers.finding import find_engine

__all__ = ["ContainerProvider"]


class ContainerProvider(Provider):
    """What providers have in common that make each node a container of the engine's.

    Attributes:
        label: What each node's container has; its value is the cluster's name.
    """

    label: ClassVar[str]

    def enter(self, node: str, *argv: str) -> str:
        """Run a command in the node's container; its output."""
        return find_engine().run("exec", node, *argv)

    def freeze(self, node: str) -> None:
        """Have the engine pause the node's container."""
        find_engine().pause(node)

    def thaw(self, node: str) -> None:
        """Have the engine let it go on."""
        find_engine().unpause(node)

    def frozen(self) -> Collection[str]:
        """The containers that are paused."""
        return find_engine().paused()

    def lost(self, name: str) -> tuple[str, ...]:
        """The nodes whose container doesn't run."""
        return find_engine().stopped(f"{self.label}={name}")
