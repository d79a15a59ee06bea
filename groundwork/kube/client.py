"""Kubernetes: the client of one cluster.

Who it is, its nodes and its accounts' rights are asked for here, what is in it by
:class:`groundwork.kube.objects.Objects` and :class:`groundwork.kube.pods.Pods`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes import client

from groundwork.kube.connection import REQUEST_TIMEOUT_S, Connection, KubeError, talking
from groundwork.kube.objects import Objects
from groundwork.kube.pods import Pods
from groundwork.kube.rights import rights_of

__all__ = ["ClusterIdentity", "Kube"]


@dataclass(frozen=True)
class ClusterIdentity:
    """What tells a cluster from all others; a name proves nothing.

    Attributes:
        uid: The UID of its namespace kube-system, which lives as long as the cluster.
        ca_sha256: The fingerprint of the authority that its API server's certificate is from.
    """

    uid: str
    ca_sha256: str

    def __str__(self) -> str:
        """The identity as one word, for a command line."""
        return f"{self.uid}:{self.ca_sha256[:16]}"


class Kube:
    """A client of one cluster.

    Args:
        kubeconfig: A file of the run's own; the user's is never read here nor written.
        cache: A file for what the server was found to offer.
        owner: The value of the environment's label.
        record: A file that objects are written to as they are applied.

    Attributes:
        objects: Objects of any kind: applied, read, listed, deleted.
        pods: What runs: listed, watched, read, talked to, killed.
    """

    def __init__(
        self, kubeconfig: Path, cache: Path, owner: str, record: Path | None = None
    ) -> None:
        self.kubeconfig = kubeconfig
        self._connection = Connection(kubeconfig)
        self.objects = Objects(self._connection, cache, owner, record)
        self.pods = Pods(self._connection)

    def identity(self) -> ClusterIdentity:
        """Who the server is."""
        with talking():
            system = self._connection.core.read_namespace(
                "kube-system", _request_timeout=REQUEST_TIMEOUT_S
            )
        return ClusterIdentity(system.metadata.uid, ca_sha256(self.kubeconfig))

    def server(self) -> str:
        """The API server's address."""
        return str(self._connection.api.configuration.host)

    def version(self) -> str:
        """The server's version, with its v."""
        with talking():
            api = client.VersionApi(self._connection.api)
            return str(api.get_code(_request_timeout=REQUEST_TIMEOUT_S).git_version)

    def nodes(self) -> list[client.V1Node]:
        """All nodes of the cluster."""
        with talking():
            return list(self._connection.core.list_node(_request_timeout=REQUEST_TIMEOUT_S).items)

    def cordon(self, node: str, *, cordoned: bool = True) -> None:
        """Have nothing more placed on a node, or let it be again.

        Raises:
            KubeError: There is no such node (status 404), or the server refused.
        """
        with talking():
            self._connection.core.patch_node(
                node,
                {"spec": {"unschedulable": cordoned or None}},
                _request_timeout=REQUEST_TIMEOUT_S,
            )

    def rights(self, account: str, namespace: str, within: str) -> frozenset[str]:
        """All that a service account of a namespace may do within another, as the server lists it.

        Raises:
            KubeError: The server can't list everything.
        """
        asking = self._connection.talker().api_client
        asking.set_default_header(
            "Impersonate-User", f"system:serviceaccount:{namespace}:{account}"
        )
        review = {"spec": {"namespace": within}}
        with talking(), contextlib.closing(asking):
            found = client.AuthorizationV1Api(asking).create_self_subject_rules_review(
                review, _request_timeout=REQUEST_TIMEOUT_S
            )
        if found.status.incomplete:
            raise KubeError(f"not all rights can be listed: {found.status.evaluation_error}")
        return rights_of(found.status)


def ca_sha256(kubeconfig: Path) -> str:
    """The fingerprint of the certificate authority in a kubeconfig of one cluster.

    Raises:
        KubeError: It names none: such a server can't be told from another.
    """
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    data = cluster.get("certificate-authority-data")
    if not data:
        raise KubeError(f"{kubeconfig} holds no certificate authority")
    return hashlib.sha256(base64.b64decode(data)).hexdigest()
