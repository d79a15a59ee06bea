"""An existing cluster: Docker Desktop's, a cloud's; ours only as far as its owner consents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.artifacts import Artifact, Resolved, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError, ProvisionError, UsageError
from groundwork.base.process import ProcessFailedError
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.provider import Provider, Wanted
from groundwork.declare.stage import Stage
from groundwork.kube.clearing import clear
from groundwork.kube.client import Kube
from groundwork.kube.guard import require_consent, require_recorded
from groundwork.kube.objects import Object
from groundwork.kube.tunnel import Tunnel, way_in

__all__ = ["Chosen", "Consent", "ContextProvider"]

ANSWER_TIMEOUT_S = 20.0
# What a namespace takes to go: its pods have 30 s to end, and controllers are slow to look.
REMOVE_TIMEOUT_S = 120.0

# What exposes a server to others than the cluster's own.
EXPOSED = frozenset({"NodePort", "LoadBalancer"})


@dataclass(frozen=True)
class Chosen:
    """The context that the user means.

    Attributes:
        context: Its name; empty for the kubeconfig's current one.
        kubectl: Reads kubeconfigs as every other tool does.
    """

    context: str
    kubectl: Path

    def title(self) -> str:
        """What the user calls the context."""
        return f"context {self.context}" if self.context else "the current context"

    def copy_to(self, file: Path) -> None:
        """Write a kubeconfig of this context alone; the user's is read, and never written.

        Raises:
            UsageError: There is no such context, or its server can't be told from another.
        """
        argv: list[str | Path] = [self.kubectl, "config", "view", "--minify", "--flatten", "--raw"]
        if self.context:
            argv.append(f"--context={self.context}")
        try:
            text = process.run([*argv, "--output=json"], timeout_s=ANSWER_TIMEOUT_S).output
        except ProcessFailedError as error:
            known = process.run(
                [self.kubectl, "config", "get-contexts", "--output=name"],
                timeout_s=ANSWER_TIMEOUT_S,
                check=False,
            ).output.split()
            missing = f"no {self.title()}" if self.context else "no current context"
            raise UsageError(
                f"--env context: there is {missing} in the kubeconfig; contexts there: "
                f"{', '.join(known) or 'none'}"
            ) from error
        server = json.loads(text)["clusters"][0]["cluster"]
        if not server["server"].startswith("https://") or server.get("insecure-skip-tls-verify"):
            raise UsageError(
                f"--env context: the server of {self.title()} isn't authenticated by TLS, so it "
                "can't be told from another"
            )
        file.touch(0o600)
        file.write_text(text)


@dataclass(frozen=True)
class Consent(Artifact):
    """The guard as an artifact: asked before anything starts, and before anything is written.

    Attributes:
        chosen: The context.
        consent: The identity that the user has consented to.
    """

    chosen: Chosen
    consent: str
    name: str = "consent"

    def key(self) -> str:
        """The context and the consent: another cluster is another environment."""
        return f"{self.chosen.context}\n{self.consent}"

    def resolve(self, workshop: Workshop) -> Resolved:
        """Ask the cluster who it is; it is only read.

        Raises:
            UsageError: It doesn't answer, or there is no consent to it.
        """
        with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
            folder = Path(name)
            self.chosen.copy_to(folder / "kubeconfig")
            kube = Kube(folder / "kubeconfig", folder / "discovery.json", "")
            try:
                identity = kube.identity()
            except (GroundworkError, OSError) as error:
                raise UsageError(
                    f"--env context: {self.chosen.title()} can't be asked who it is: {error}"
                ) from error
            what = f"{self.chosen.title()} ({kube.server()})"
            require_consent(what, identity, self.consent)
        return Resolved(self.name, str(identity), "the user", workshop.cache.root, cached=True)


@dataclass(frozen=True)
class ContextProvider(Provider):
    """Uses an existing cluster: in namespaces of the run's own, reached through the API server.

    No server is exposed to anybody else: ports of this machine are led to pods by the API server,
    so it needs no node to be reachable and no load balancer to be paid for.
    """

    chosen: Chosen
    consent: str
    artifacts: tuple[Artifact, ...] = ()
    remover: str = f"{__name__}:remove"
    own: bool = False

    def create(self, stage: Stage, name: str, wanted: Wanted) -> Path:
        """Bind the run to this cluster, whatever the user's current context becomes."""
        del name, wanted
        kubeconfig = kubeconfig_of(stage)
        self.chosen.copy_to(kubeconfig)
        kube = Kube(kubeconfig, stage.workdir / "discovery.json", stage.token)
        require_consent(self.chosen.title(), kube.identity(), self.consent)
        return kubeconfig

    def record(self, stage: Stage) -> dict[str, Any]:
        """Where to ask, and whose objects to remove there."""
        return {"kubeconfig": str(kubeconfig_of(stage)), "owner": stage.token}

    def adapt(self, body: Object) -> Object:
        """Services are exposed within the cluster alone."""
        if body["kind"] != "Service" or body["spec"].get("type") not in EXPOSED:
            return body
        ports = [
            {k: v for k, v in port.items() if k != "nodePort"} for port in body["spec"]["ports"]
        ]
        return body | {"spec": body["spec"] | {"type": "ClusterIP", "ports": ports}}

    def expose(
        self, stage: Stage, cluster: Cluster, objects: Iterable[Object], wanted: Wanted
    ) -> None:
        """Open a tunnel for each port, to the pods behind the service that has the node port."""
        services = [body for body in objects if body["kind"] == "Service"]
        for port, number in wanted.items():
            tunnel = Tunnel(cluster.kube.pods, way_in(services, number))
            tunnel.open(stage.port_of(*port))
            cluster.tunnels.append(tunnel)

    def title(self) -> str:
        """What the user calls the context that is used."""
        return self.chosen.title()


def kubeconfig_of(stage: Stage) -> Path:
    """The run's own kubeconfig; what can't be removed now is asked for again with it."""
    return stage.folder / "kubeconfig"


def remove(name: str, record: Mapping[str, Any]) -> None:
    """Remove what is labelled as this environment's, from the cluster that it was made in.

    Raises:
        ProvisionError: Something of it is there still, or nobody can tell.
    """
    del name
    if "uid" not in record:
        return  # nothing was written before the cluster was identified
    kubeconfig = Path(record["kubeconfig"])
    if not kubeconfig.exists():
        raise ProvisionError(
            "cluster", f"{kubeconfig} is gone, so what was made in the cluster can't be asked for"
        )
    kube = Kube(kubeconfig, kubeconfig.with_name("discovery.json"), record["owner"])
    try:
        require_recorded(kube.identity(), record)
        clear(kube.objects, REMOVE_TIMEOUT_S)
    except (GroundworkError, OSError) as error:
        raise ProvisionError(
            "cluster", f"what was made in {kube.server()} can't be removed: {error}"
        ) from error
