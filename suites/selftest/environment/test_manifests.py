"""The manifests, rendered as a run renders them, and the ports of the resources say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fixtures.kustomize import render
from fixtures.paths import KUBERNETES
from fixtures.platforms import kubernetes
from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError
from groundwork.clusters.manifests import node_ports as declared_ports
from groundwork.clusters.workload import Workload
from groundwork.nodes.controlplane import REPOSITORY
from suites.support.overlays import OVERLAYS, everything, overlay

# Of the rendered service template, which a run patches its node ports into.
ELSEWHERE = {"hello-world", "hello-world-relayed"}

KINDS = {"Deployment", "StatefulSet"}


def declared(**options: str) -> dict[tuple[str, str], int]:
    """The node port behind each port of the resources that options choose."""
    own = FoundationSettings.from_json("{}").model_copy(update={"env": "kind"} | options)
    return {
        (each.name, port): number
        for each in kubernetes.workloads(own)
        for port, number in each.opened().items()
    }


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], int]:
    """The node port behind each port of a resource, with all that can be chosen."""
    chosen = {"images": "vendor", "broker": "redpanda", "brokers": 3}
    return declared(**chosen) | declared(**chosen, stack="charts")  # type: ignore[arg-type]


def images(folder: Path) -> set[str]:
    """The images of a kustomization's pods."""
    specs = [
        body["spec"]["template"]["spec"]
        for body in render(folder)
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
        for body in render(folder)
        if body["kind"] == "Service"
        for port in body["spec"]["ports"]
        if "nodePort" in port
    ]
    found = dict(pairs)
    assert len(found) == len(pairs), "two services have the same node port"
    return found


def test_the_table_holds_no_port_twice(table: dict[tuple[str, str], int]) -> None:
    """Each port of a resource has a node port to itself."""
    assert len(set(table.values())) == len(table)


def test_every_node_port_of_the_table_is_a_services(
    tmp_path: Path, table: dict[tuple[str, str], int]
) -> None:
    """With all that can be chosen every port leads somewhere, and no other is open."""
    everything = overlay("vendor-redpanda-three-brokers", tmp_path)
    expected = {number for (resource, _), number in table.items() if resource not in ELSEWHERE}
    assert node_ports(everything).keys() == expected


@pytest.mark.parametrize("broker", ["packages", "vendor-redpanda"])
def test_one_broker_and_three_differ_in_ports_alone_by_the_others_nodes(
    tmp_path: Path, broker: str
) -> None:
    """Two more nodes, each with a port for clients and one for its metrics."""
    one = node_ports(overlay(broker, tmp_path))
    three = node_ports(overlay(f"{broker}-three-brokers", tmp_path))
    assert one.items() <= three.items()
    added = {port: name for port, name in three.items() if port not in one}
    assert sorted(added.values()) == ["broker-1", "broker-1", "broker-2", "broker-2"]


# Nobody looks on for longer than that while nothing is put elsewhere.
MOVED_S = 20


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_has_no_volume_is_put_elsewhere_while_somebody_looks_on(
    tmp_path: Path, name: str
) -> None:
    """Each Deployment of ours leaves a silent node soon; what has a volume waits for its node."""
    bodies = everything(name, tmp_path)
    found = {
        body["metadata"]["name"]: {
            each["key"].rpartition("/")[2]: each["tolerationSeconds"]
            for each in body["spec"]["template"]["spec"].get("tolerations", ())
            if "tolerationSeconds" in each
        }
        for body in bodies
        if body["kind"] in KINDS
    }
    kinds = {body["metadata"]["name"]: body["kind"] for body in bodies if body["kind"] in KINDS}
    soon = {"not-ready": MOVED_S, "unreachable": MOVED_S}
    moved = {each for each, told in found.items() if told == soon}
    assert {"hello-world", "hello-world-relayed", "receiver", "exporter"} <= moved
    assert {each for each in moved if kinds[each] != "Deployment"} == set()
    left = {each for each in found if kinds[each] == "Deployment"} - moved
    assert left <= {"local-path-provisioner"}


def test_charts_serve_at_the_manifests_node_ports(table: dict[tuple[str, str], int]) -> None:
    """Prometheus, Alertmanager and the stores are where they are without charts."""
    assert node_ports(KUBERNETES / "charts") == {
        table["prometheus", "http"]: "prometheus",
        table["alertmanager", "http"]: "alertmanager",
        table["logs", "http"]: "logs",
        table["traces", "http"]: "traces",
    }
    values = yaml.safe_load((KUBERNETES.parent / "helm" / "kube-prometheus-stack.yaml").read_text())
    assert values["grafana"]["service"]["nodePort"] == table["dashboards", "http"]


@pytest.mark.parametrize("name", ["vendor", "vendor-redpanda-three-brokers"])
def test_our_own_images_come_from_the_users_repository(tmp_path: Path, name: str) -> None:
    """All of them, with their tags, and no vendor's."""
    usual = images(overlay(name, tmp_path))
    elsewhere = images(overlay(name, tmp_path, env="context", repository="example.invalid/team"))
    ours = {image for image in usual if image.startswith(f"{REPOSITORY}/")}
    assert ours
    moved = {image.replace(REPOSITORY, "example.invalid/team") for image in ours}
    assert elsewhere == (usual - ours) | moved


def test_with_packages_every_image_is_ours(tmp_path: Path) -> None:
    """Nothing is pulled: no vendor's name is left in what is rendered."""
    found = images(overlay("packages-three-brokers", tmp_path))
    assert {image for image in found if not image.startswith(f"{REPOSITORY}/")} == set()


SERVICE = """apiVersion: v1
kind: Service
metadata: {name: pond}
spec: {type: NodePort, ports: [{name: http, port: 80, nodePort: 30001}, {name: quiet, port: 81}]}
"""


def manifests(folder: Path, **files: str) -> Path:
    """A kustomization of these files."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    resources = [f"{name}.yaml" for name in files]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": resources}))
    return folder


def test_a_workload_has_the_node_ports_that_its_manifests_open(tmp_path: Path) -> None:
    """Those of its own ports, by their names, also where one folder includes another."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    manifests(inner, service=SERVICE)
    (outer / "kustomization.yaml").write_text("resources: [../inner]\n")
    assert declared_ports(outer) == {"http": 30001}
    assert Workload("pond", manifests=outer, ports=("http",)).opened() == {"http": 30001}
    assert Workload("pond", manifests=outer).opened() == {}


def test_a_port_that_no_service_opens_is_told_by_name(tmp_path: Path) -> None:
    """In one line, before anything starts."""
    pond = Workload("pond", manifests=manifests(tmp_path, service=SERVICE), ports=("quiet",))
    with pytest.raises(UsageError, match="pond: no service opens a node port called 'quiet'"):
        pond.opened()


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"one": SERVICE, "two": SERVICE}, "two node ports are called 'http'"),
        ({"one": "kind: ["}, "while parsing"),
    ],
)
def test_manifests_that_cant_be_read_are_told(
    tmp_path: Path, files: dict[str, str], line: str
) -> None:
    """In one line, with the place."""
    with pytest.raises(UsageError, match=line) as refused:
        declared_ports(manifests(tmp_path, **files))
    assert str(refused.value).startswith(str(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_kustomization_is_told(tmp_path: Path) -> None:
    """By the file that is missing."""
    with pytest.raises(UsageError, match=r"kustomization\.yaml: No such file"):
        declared_ports(tmp_path)
