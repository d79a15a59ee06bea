"""Every overlay that settings can choose, rendered as a run renders it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fixtures.decisions import decide
from fixtures.kustomize import render
from fixtures.platforms import kubernetes
from fixtures.platforms.overlay import overlay_of
from fixtures.resources.hello_world import TEMPLATE, HelloWorldWorkload, render_template
from fixtures.settings import FoundationSettings
from groundwork.kube.objects import Object

__all__ = ["OVERLAYS", "everything", "overlay"]

# The options that choose each of them, besides --env.
OVERLAYS: dict[str, dict[str, str]] = {
    "packages": {"images": "packages"},
    "packages-three-brokers": {"images": "packages", "brokers": "3"},
    "packages-small-volume": {"images": "packages", "broker_volume": "small"},
    "packages-generators": {"images": "packages", "generators": "2"},
    "vendor": {"images": "vendor", "broker": "kafka"},
    "vendor-three-brokers": {"images": "vendor", "broker": "kafka", "brokers": "3"},
    "vendor-small-volume": {"images": "vendor", "broker": "kafka", "broker_volume": "small"},
    "vendor-generators": {"images": "vendor", "broker": "kafka", "generators": "2"},
    "vendor-redpanda": {"images": "vendor", "broker": "redpanda"},
    "vendor-redpanda-three-brokers": {"images": "vendor", "broker": "redpanda", "brokers": "3"},
}


def settings_of(name: str, folder: Path, **options: str) -> FoundationSettings:
    """The settings that choose an overlay."""
    given = {"env": "kind"} | OVERLAYS[name] | options
    own = decide(FoundationSettings.load(given, folder))
    assert isinstance(own, FoundationSettings)
    return own


def overlay(name: str, folder: Path, **options: str) -> Path:
    """Write an overlay, with further options, below a folder; where its kustomization is."""
    own = settings_of(name, folder, **options)
    return overlay_of(own, kubernetes.workloads(own)).write(folder)


def everything(name: str, folder: Path) -> list[Object]:
    """All objects of an overlay, and those of the service template's instances."""
    own = settings_of(name, folder)
    inside = kubernetes.workloads(own)
    made = overlay_of(own, inside)
    template = folder / "service"
    render_service(template)
    services = [each for each in inside if isinstance(each, HelloWorldWorkload)]
    image = made.images.get("hello-world", "hello-world:none")
    folders = [made.write(folder), *(each.write(template, folder, image) for each in services)]
    return [body for each in folders for body in render(each)]


def render_service(target: Path) -> None:
    """Render the service template, with no trace elsewhere: hooks are filled in temporary files."""
    target.mkdir()
    usual, tempfile.tempdir = tempfile.tempdir, str(target)
    try:
        render_template(TEMPLATE, target)
    finally:
        tempfile.tempdir = usual
