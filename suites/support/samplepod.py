"""A pod as an API server tells of it, for tests that need one of which nothing is special."""

from __future__ import annotations

from groundwork.kube.pods import Pod

__all__ = ["POD"]

POD = Pod(
    name="broker-0",
    namespace="infra",
    uid="uid-1",
    resource="broker",
    phase="Running",
    ready=True,
    restarts=0,
    exit_code=0,
    waiting="",
    node="node-1",
    ip="10.0.0.1",
)
