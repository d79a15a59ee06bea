"""A Helm chart's release as a resource: installed through pyhelm3, watched like any workload."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from groundwork.artifacts import Artifact
from groundwork.base.process import ProcessFailedError
from groundwork.clusters.helmchild import Order
from groundwork.clusters.workload import Workload
from groundwork.declare.stage import Stage

__all__ = ["Chart", "ChartSource"]

# What Helm needs of the user's environment to reach a repository, beyond what every program does.
ROADS = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_DIR", "SSL_CERT_FILE"),
)


@dataclass(frozen=True)
class ChartSource:
    """Where a chart is from.

    Attributes:
        chart: Its name in the repository, or its folder.
        repository: The repository's address; empty for a folder.
        version: Which one; empty for a folder.
    """

    chart: str | Path
    repository: str = ""
    version: str = ""

    @property
    def title(self) -> str:
        """The chart's name and version, for people."""
        return f"{Path(self.chart).name} {self.version}".strip()


@dataclass(frozen=True)
class Chart(Workload):
    """A release of a chart, under the resource's name.

    The chart must label its pods with ``groundwork.dev/resource`` by its values; those with the
    resource's own name are waited for. It goes with its cluster.

    Attributes:
        artifacts: Helm must be among them.
        source: The chart.
        namespace: Where it is installed; it must be there.
        values: The chart's values.
        install_timeout_s: To fetch the chart and hand its objects over; pods are waited for later.
    """

    artifacts: tuple[Artifact, ...] = ()
    source: ChartSource = ChartSource("")
    namespace: str = "default"
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    install_timeout_s: float = 180.0  # fetching takes seconds; an operator's kinds up to a minute
    ready_timeout_s: float = 300.0  # images of several hundred megabytes

    def launch(self, stage: Stage) -> None:
        """Apply what belongs to it, and install the chart."""
        super().launch(stage)
        self.install(stage)

    def version(self, stage: Stage) -> str:
        """The chart's own, where there is no question: the server behind it may tell none."""
        return super().version(stage) if self.question else f"chart {self.source.title}"

    def install(self, stage: Stage) -> None:
        """Install the release, or upgrade it to these values.

        Raises:
            ProcessFailedError: Helm couldn't, or took too long.
        """
        self._tell(stage, "install")

    def uninstall(self, stage: Stage) -> None:
        """Take the release out of a cluster that stays.

        Raises:
            ProcessFailedError: Helm couldn't, or took too long.
        """
        self._tell(stage, "uninstall")

    def _tell(self, stage: Stage, verb: Literal["install", "uninstall"]) -> None:
        order = Order(
            verb,
            helm=str(stage.artifact("helm").program("helm")),
            kubeconfig=str(self.kube(stage).kubeconfig),
            release=self.name,
            namespace=self.namespace,
            chart=str(self.source.chart),
            repository=self.source.repository,
            version=self.source.version,
            timeout_s=self.install_timeout_s,
            values=dict(self.values),
        )
        file = stage.workdir / "order.json"
        order.write(file)
        child: list[str | Path] = [sys.executable, "-m", "groundwork.clusters.helmchild", file]
        env = {name: os.environ[name] for name in ROADS if name in os.environ}
        for purpose in ("CACHE", "CONFIG", "DATA"):  # Helm's own folders are the user's
            env[f"HELM_{purpose}_HOME"] = str(stage.workdir / "helm" / purpose.lower())
        env["KUBECONFIG"] = order.kubeconfig
        try:
            stage.run(child, timeout_s=self.install_timeout_s, env=env)
        except ProcessFailedError as error:
            first = str(error).partition("\n")[0]
            said = first.partition(" exit code 1: ")[2] or first  # Helm's own last words
            raise ProcessFailedError(f"can't {verb} chart {self.source.title}: {said}") from error
