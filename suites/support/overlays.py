"""Every overlay that settings can choose, rendered as a run renders it."""

from __future__ import annotations

from pathlib import Path

from fixtures.decisions import decide
from fixtures.platforms import kubernetes
from fixtures.platforms.overlay import overlay_of
from fixtures.settings import FoundationSettings

__all__ = ["OVERLAYS", "overlay"]

# The options that choose each of them, besides --env.
OVERLAYS: dict[str, dict[str, str]] = {
    "packages": {"images": "packages"},
    "packages-three-brokers": {"images": "packages", "brokers": "3"},
    "vendor": {"images": "vendor", "broker": "kafka"},
    "vendor-three-brokers": {"images": "vendor", "broker": "kafka", "brokers": "3"},
    "vendor-redpanda": {"images": "vendor", "broker": "redpanda"},
    "vendor-redpanda-three-brokers": {"images": "vendor", "broker": "redpanda", "brokers": "3"},
}


def overlay(name: str, folder: Path, **options: str) -> Path:
    """Write an overlay, with further options, below a folder; where its kustomization is."""
    given = {"env": "kind"} | OVERLAYS[name] | options
    own = decide(FoundationSettings.load(given, folder))
    assert isinstance(own, FoundationSettings)
    return overlay_of(own, kubernetes.workloads(own)).write(folder)
