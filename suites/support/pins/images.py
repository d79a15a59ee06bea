"""Vendors' images of programs that are built here, too: both are of one version."""

from __future__ import annotations

from fixtures.packages.programs import KAFKA
from fixtures.resources import alertmanager, collector, node_exporter, prometheus
from groundwork.artifacts import Program

__all__ = ["followed"]

STAMPED = "common/version.Version="


def followed() -> dict[str, str]:
    """The tags that the manifests should have, by the images' names; the locks say which."""
    return {
        "apache/kafka": KAFKA.locked[0].coordinate.version,
        collector.VENDORS: collector.BUILD.version,
        "prom/alertmanager": tag(alertmanager.PROGRAM),
        "prom/node-exporter": tag(node_exporter.PROGRAM),
        "prom/prometheus": tag(prometheus.PROGRAM),
    }


def tag(program: Program) -> str:
    """The tag of the release that our build of a program tells itself to be."""
    return f"v{program.go_ldflags.rpartition(STAMPED)[2]}"
