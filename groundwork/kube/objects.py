"""Objects of ours in a cluster: as they are applied, and as they are found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Object", "Owned"]

Object = dict[str, Any]


@dataclass(frozen=True)
class Owned:
    """An object of ours that is in the cluster.

    Attributes:
        held_by: What keeps it while it is being deleted, as the server tells it.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    held_by: str

    @classmethod
    def read(cls, api_version: str, kind: str, body: Object) -> Owned:
        """The object of an answer."""
        metadata = body["metadata"]
        reasons = [f"finalizer {each}" for each in metadata.get("finalizers") or ()]
        if kind == "Namespace":
            conditions = (body.get("status") or {}).get("conditions") or ()
            reasons += [each["message"] for each in conditions if each["status"] == "True"]
        return cls(
            api_version,
            kind,
            metadata.get("namespace") or "",
            metadata["name"],
            metadata["uid"],
            "; ".join(reasons),
        )

    def __str__(self) -> str:
        """For people."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"
