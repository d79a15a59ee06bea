"""The manifests, rendered as a run renders them, and the table of node ports say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fixtures.resources.cluster import (
    KUBECTL,
    KUBERNETES,
    NODE_PORTS,
    RENDER_TIMEOUT_S,
    from_repository,
)
from groundwork.base import process
from groundwork.kube.objects import Object
from groundwork.nodes.controlplane import REPOSITORY

# Of the rendered service template, which a run patches its node ports into.
ELSEWHERE = {"hello-world", "hello-world-relayed"}
# By the value of a chart, not by a manifest of ours.
BY_CHART = {"grafana"}


def rendered(folder: Path) -> list[Object]:
    """The objects of a kustomization."""
    text = process.run([KUBECTL, "kustomize", folder], timeout_s=RENDER_TIMEOUT_S).output
    return [body for body in yaml.safe_load_all(text) if body]


def images(folder: Path) -> set[str]:
    """The images of a kustomization's pods."""
    specs = [
        body["spec"]["template"]["spec"]
        for body in rendered(folder)
        if body["kind"] in {"DaemonSet", "Deployment", "StatefulSet"}
    ]
    return {
        container["image"]
        for spec in specs
        for container in (*spec["containers"], *spec.get("initContainers", ()))
    }


def node_ports(folder: Path) -> dict[int, str]:
    """The node ports of a kustomization, and the names of their services."""
    pairs = [
        (port["nodePort"], body["metadata"]["name"])
        for body in rendered(folder)
        if body["kind"] == "Service"
        for port in body["spec"]["ports"]
        if "nodePort" in port
    ]
    found = dict(pairs)
    assert len(found) == len(pairs), "two services have the same node port"
    return found


def test_the_table_holds_no_port_twice() -> None:
    """Each port of a resource has a node port to itself."""
    assert len(set(NODE_PORTS.values())) == len(NODE_PORTS)


def test_every_node_port_of_the_table_is_a_services() -> None:
    """With all that can be chosen every port leads somewhere, and no other is open."""
    everything = KUBERNETES / "overlays" / "vendor-redpanda-three-brokers"
    expected = {
        number
        for (resource, _), number in NODE_PORTS.items()
        if resource not in ELSEWHERE | BY_CHART
    }
    assert node_ports(everything).keys() == expected


@pytest.mark.parametrize("broker", ["packages", "vendor-redpanda"])
def test_one_broker_and_three_differ_in_ports_alone_by_the_others_nodes(broker: str) -> None:
    """Two more nodes, each with a port for clients and one for its metrics."""
    one = node_ports(KUBERNETES / "overlays" / broker)
    three = node_ports(KUBERNETES / "overlays" / f"{broker}-three-brokers")
    assert one.items() <= three.items()
    added = {port: name for port, name in three.items() if port not in one}
    assert sorted(added.values()) == ["broker-1", "broker-1", "broker-2", "broker-2"]


def test_charts_serve_at_the_manifests_node_ports() -> None:
    """Prometheus and Alertmanager are where they are without charts."""
    assert node_ports(KUBERNETES / "charts") == {
        NODE_PORTS["prometheus", "http"]: "prometheus",
        NODE_PORTS["alertmanager", "http"]: "alertmanager",
    }
    values = yaml.safe_load((KUBERNETES.parent / "helm" / "kube-prometheus-stack.yaml").read_text())
    assert values["grafana"]["service"]["nodePort"] == NODE_PORTS["grafana", "http"]


@pytest.mark.parametrize("overlay", ["vendor", "vendor-redpanda-three-brokers"])
def test_our_own_images_come_from_the_users_repository(tmp_path: Path, overlay: str) -> None:
    """All of them, with their tags, and no vendor's."""
    folder = KUBERNETES / "overlays" / overlay
    elsewhere = images(from_repository(folder, "example.invalid/team", tmp_path))
    ours = {name for name in images(folder) if name.startswith(f"{REPOSITORY}/")}
    assert ours
    moved = {name.replace(REPOSITORY, "example.invalid/team") for name in ours}
    assert elsewhere == (images(folder) - ours) | moved
