"""The guard: a cluster that the run didn't make is touched only with its owner's consent.

Consent names the cluster's identity, which is read from the cluster itself: the UID of its
namespace kube-system and the fingerprint of the authority behind its certificate. A context's name
proves nothing, for two kubeconfigs may use the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundwork.base.errors import ProvisionError, UsageError
from groundwork.kube.client import ClusterIdentity, Kube

__all__ = ["recorded", "require_consent", "require_recorded"]


def require_consent(what: str, identity: ClusterIdentity, consent: str) -> None:
    """Let pass only a cluster whose very identity was consented to.

    Args:
        what: The cluster, as the user knows it.
        identity: Who it is.
        consent: What the user gave with ``--consent``; empty for nothing.

    Raises:
        UsageError: That is another cluster, or none was named; prints the identity.
    """
    if consent == str(identity):
        return
    if consent:
        raise UsageError(
            f"--consent {consent}: that isn't {what}, whose identity is {identity}; nothing was "
            "written to it"
        )
    raise UsageError(
        f"{what} wasn't made by this run; to have things made and removed in it, add "
        f"--consent {identity}"
    )


def require_recorded(identity: ClusterIdentity, record: Mapping[str, Any]) -> None:
    """Let pass only the cluster that something was made in.

    Args:
        identity: Who it is.
        record: What the ledger tells of it: ``uid`` and ``ca_sha256``.

    Raises:
        ProvisionError: That is another cluster.
    """
    if identity != ClusterIdentity(record["uid"], record["ca_sha256"]):
        raise ProvisionError("cluster", "the API server is another cluster's now")


def recorded(record: Mapping[str, Any]) -> Kube:
    """A client of the cluster that the ledger tells of.

    Args:
        record: ``kubeconfig``, ``owner``, ``uid`` and ``ca_sha256``.

    Raises:
        ProvisionError: The API server is another cluster's now.
    """
    kubeconfig = Path(record["kubeconfig"])
    kube = Kube(kubeconfig, kubeconfig.with_name("discovery.json"), record["owner"])
    require_recorded(kube.identity(), record)
    return kube
