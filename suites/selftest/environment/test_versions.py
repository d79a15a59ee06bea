"""Versions: each stands in one place, and where two must, they are the same."""

from __future__ import annotations

import pytest
import yaml

from fixtures.declared.images import images_in
from fixtures.paths import KUBERNETES
from fixtures.platforms.nodes import CONTROL_PLANE, IMAGES
from fixtures.resources import alertmanager, node_exporter, prometheus
from fixtures.resources.collector import VENDORS
from groundwork.artifacts import GoBuild
from suites.support.pins.images import followed

BASE = KUBERNETES / "base"


@pytest.mark.parametrize("image", sorted(followed()))
def test_a_program_and_its_vendors_image_are_of_one_version(image: str) -> None:
    """What the locks hold is what the manifests pull; `make lock` moves both."""
    folders = {"apache/kafka": BASE / "kafka", VENDORS: KUBERNETES / "telemetry" / "collector"}
    folder = folders.get(image, BASE / image.removeprefix("prom/"))
    assert images_in(folder)[image] == followed()[image]


def test_a_build_tells_the_version_that_go_mod_requires() -> None:
    """Prometheus' modules are numbered otherwise than its releases."""
    for program, source in {
        alertmanager.PROGRAM: "github.com/prometheus/alertmanager",
        node_exporter.PROGRAM: "github.com/prometheus/node_exporter",
    }.items():
        required = GoBuild("", program.go_module, source).version
        assert program.go_ldflags.endswith(f"common/version.Version={required}")
    module = GoBuild("", prometheus.PROGRAM.go_module, prometheus.SOURCE).version
    assert prometheus.release("0.303.1") == "3.3.1"
    assert prometheus.PROGRAM.go_ldflags.endswith(f"Version={prometheus.release(module)}")


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
