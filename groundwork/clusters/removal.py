"""Removing clusters, by what the ledger tells of them: at the end of a run, or after its death."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundwork.clusters import context, k3d, kind

__all__ = ["remove_cluster"]

PROVIDERS = {"kind": kind.remove, "k3d": k3d.remove, "context": context.remove}


def remove_cluster(name: str, record: Mapping[str, Any]) -> None:
    """Remove a cluster, or what was made in it; whatever state it is in.

    Args:
        name: The cluster's.
        record: What its intent and its identity said.

    Raises:
        ProvisionError: Something of it could not be removed.
    """
    PROVIDERS[record["provider"]](name, record)
