"""Versions: each stands in one place, and where two must, they are the same."""

from __future__ import annotations

import pytest
import yaml

from fixtures.declared.images import images_in
from fixtures.packages.programs import KAFKA
from fixtures.paths import KUBERNETES
from fixtures.platforms.nodes import CONTROL_PLANE, IMAGES
from fixtures.resources import alertmanager, node_exporter, prometheus
from groundwork.artifacts import Program

BASE = KUBERNETES / "base"


@pytest.mark.parametrize(
    ("program", "image", "version"),
    [
        (prometheus.PROGRAM, "prom/prometheus", "3.3.1"),
        (alertmanager.PROGRAM, "prom/alertmanager", "0.28.1"),
        (node_exporter.PROGRAM, "prom/node-exporter", "1.9.1"),
    ],
    ids=lambda value: value.name if isinstance(value, Program) else "",
)
def test_a_program_and_its_vendors_image_are_of_one_version(
    program: Program, image: str, version: str
) -> None:
    """What go.mod requires is what our build tells, and what the manifests pull."""
    assert program.go_ldflags.endswith(f"common/version.Version={version}")
    assert images_in(BASE / program.name)[image] == f"v{version}"


def test_kafka_is_of_one_version_by_maven_and_by_its_vendors_image() -> None:
    """The lock's and the manifests'."""
    version = KAFKA.locked[0].coordinate.version
    assert images_in(BASE / "kafka")["apache/kafka"] == version


def test_the_storage_of_packages_runs_what_go_mod_requires() -> None:
    """Its image is one of the control plane's, by its module's version."""
    bodies = yaml.safe_load_all(
        (KUBERNETES / "components" / "packages" / "storage.yaml").read_text()
    )
    (deployment,) = (body for body in bodies if body["kind"] == "Deployment")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image in {tag for each in CONTROL_PLANE.images() for tag in each.tags}


def test_every_image_of_the_manifests_is_there_from_packages() -> None:
    """But Redpanda's and its console's, which come as their vendor's alone."""
    folders = (*BASE.iterdir(), KUBERNETES / "load")
    named = {image for folder in folders for image in images_in(folder)}
    assert named - {image.name for image in IMAGES} == {
        "redpandadata/console",
        "redpandadata/redpanda",
    }
