"""kind's configuration, for whatever host and whatever is wanted."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.platforms.nodes import CONTROL_PLANE
from groundwork.clusters.kind import failure_in, write_patches
from groundwork.clusters.kindconfig import CNI_TEMPLATE, PackagesNode, PortMapping, kind_config
from groundwork.clusters.nodefaults import CONTROL_PLANE as LABEL
from groundwork.containers.host import Host
from groundwork.nodes.controlplane import REPOSITORY
from groundwork.nodes.image import NETWORK

ORDINARY = Host(cgroup_v1=False, confined=False, nofile=1_048_576, nproc=65_536)

PLUGIN = "io.containerd.grpc.v1.cri"

hosts = st.builds(
    Host,
    cgroup_v1=st.booleans(),
    confined=st.booleans(),
    nofile=st.integers(1024, 1 << 20),
    nproc=st.integers(1024, 1 << 20),
)
ports = st.integers(1, 65_535)
nodes = st.integers(1, 9)
wanted = st.lists(st.builds(PortMapping, host_port=ports, node_port=ports), max_size=20)
versions = st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True)
packages_nodes = st.builds(
    PackagesNode, st.just("localhost/groundwork/node:abc"), etcd=versions, coredns=versions
)
either = st.none() | packages_nodes


def containerd(config: dict[str, Any]) -> dict[str, Any]:
    """What the patches of containerd's configuration come to for its plugin for Kubernetes."""
    found: dict[str, Any] = {}
    for patch in config["containerdConfigPatches"]:
        merge(found, tomllib.loads(patch))
    plugin: dict[str, Any] = found.get("plugins", {}).get(PLUGIN, {})
    return plugin


def merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """As kind merges patches: tables go into each other, and no value is given twice."""
    for name, value in other.items():
        if isinstance(value, dict):
            merge(into.setdefault(name, {}), value)
        else:
            assert name not in into
            into[name] = value


def kubeadm(config: dict[str, Any], kind: str) -> dict[str, Any]:
    """The patch of one of kubeadm's documents; empty where there is none."""
    patches = [json.loads(patch) for patch in config["kubeadmConfigPatches"]]
    found = [patch for patch in patches if patch["kind"] == kind]
    assert len(found) <= 1
    return found[0] if found else {}


@given(hosts, nodes, ports, wanted, either)
def test_every_port_is_on_loopback_and_leads_to_the_control_plane(
    host: Host,
    nodes: int,
    api_port: int,
    wanted: list[PortMapping],
    packages: PackagesNode | None,
) -> None:
    """Nothing of a cluster is offered to the network; there are as many nodes as were asked for."""
    config = kind_config(host, nodes=nodes, api_port=api_port, mappings=wanted, packages=packages)
    first, *others = config["nodes"]
    assert first["role"] == "control-plane"
    assert [each["role"] for each in others] == ["worker"] * (nodes - 1)
    mapped = first["extraPortMappings"]
    assert [PortMapping(each["hostPort"], each["containerPort"]) for each in mapped] == wanted
    assert {each["listenAddress"] for each in mapped} <= {"127.0.0.1"}
    assert not any("extraPortMappings" in each for each in others)
    networking = config["networking"]
    assert (networking["apiServerAddress"], networking["apiServerPort"]) == ("127.0.0.1", api_port)


@given(hosts, nodes, ports, wanted, either)
def test_it_is_what_kind_reads(
    host: Host,
    nodes: int,
    api_port: int,
    wanted: list[PortMapping],
    packages: PackagesNode | None,
) -> None:
    """It survives YAML, and each patch is TOML or JSON."""
    config = kind_config(host, nodes=nodes, api_port=api_port, mappings=wanted, packages=packages)
    assert yaml.safe_load(yaml.safe_dump(config)) == config
    assert (config["kind"], config["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")
    containerd(config)
    assert all(json.loads(patch)["kind"] for patch in config["kubeadmConfigPatches"])


@given(hosts, nodes, packages_nodes)
def test_packages_nodes_are_all_ours(host: Host, nodes: int, packages: PackagesNode) -> None:
    """Each node's image, the images of Kubernetes itself and the network: nothing is pulled."""
    config = kind_config(host, nodes=nodes, api_port=6443, mappings=(), packages=packages)
    assert {each["image"] for each in config["nodes"]} == {packages.image}
    assert config["networking"]["disableDefaultCNI"] is True
    own = kubeadm(config, "ClusterConfiguration")
    assert own["imageRepository"] == REPOSITORY
    etcd = {"imageRepository": REPOSITORY, "imageTag": packages.etcd}
    assert own["etcd"]["local"] == etcd
    assert own["dns"] == {"imageRepository": REPOSITORY, "imageTag": packages.coredns}
    found = containerd(config)
    assert found["sandbox_image"] == f"{REPOSITORY}/pause:1"
    assert found["cni"] == {"conf_template": CNI_TEMPLATE}


@given(hosts, nodes)
def test_the_vendors_nodes_keep_what_they_have(host: Host, nodes: int) -> None:
    """Their image, network and images are kind's own."""
    config = kind_config(host, nodes=nodes, api_port=6443, mappings=(), packages=None)
    assert not any("image" in each for each in config["nodes"])
    assert "disableDefaultCNI" not in config["networking"]
    assert not kubeadm(config, "ClusterConfiguration")
    assert containerd(config).keys() <= {"restrict_oom_score_adj"}


@given(hosts, nodes, either)
def test_each_concession_is_made_for_its_own_reason(
    host: Host, nodes: int, packages: PackagesNode | None
) -> None:
    """Old control groups and forbidden limits are two things; a host may have either."""
    config = kind_config(host, nodes=nodes, api_port=6443, mappings=(), packages=packages)
    assert config["featureGates"] == ({"KubeletInUserNamespace": True} if host.confined else {})
    assert ("restrict_oom_score_adj" in containerd(config)) == host.confined
    assert kubeadm(config, "KubeletConfiguration") == (
        {"kind": "KubeletConfiguration", "failCgroupV1": False} if host.cgroup_v1 else {}
    )


@given(nodes, wanted)
def test_an_ordinary_host_is_asked_for_nothing(nodes: int, wanted: list[PortMapping]) -> None:
    """With the vendor's nodes there is no patch: the cluster is what kind makes for anybody."""
    config = kind_config(ORDINARY, nodes=nodes, api_port=6443, mappings=wanted, packages=None)
    assert config["featureGates"] == {}
    assert config["kubeadmConfigPatches"] == []
    assert config["containerdConfigPatches"] == []


@given(nodes, st.dictionaries(st.sampled_from(["v", "housekeeping-interval"]), st.just("1s")))
def test_each_kubelet_is_started_with_what_is_asked_for(count: int, flags: dict[str, str]) -> None:
    """The first node's and those of all that join it."""
    config = kind_config(
        ORDINARY, nodes=count, api_port=6443, mappings=(), packages=None, kubelet_flags=flags
    )
    for kind in ("InitConfiguration", "JoinConfiguration"):
        told = kubeadm(config, kind).get("nodeRegistration", {}).get("kubeletExtraArgs", {})
        assert told == flags


@given(nodes, st.dictionaries(st.just("v"), st.just("1s")))
def test_name_servers_stay_with_the_control_plane(count: int, flags: dict[str, str]) -> None:
    """The first node has a folder with one patch, of their Deployment, and kubeadm is told."""
    with tempfile.TemporaryDirectory() as name:
        folder = write_patches(Path(name) / "patches")
        config = kind_config(
            ORDINARY,
            nodes=count,
            api_port=6443,
            mappings=(),
            packages=None,
            kubelet_flags=flags,
            patches=folder,
        )
        (file,) = folder.iterdir()
        patch = json.loads(file.read_text())
    first, *others = config["nodes"]
    (mount,) = first["extraMounts"]
    assert (mount["hostPath"], mount["readOnly"]) == (str(folder), True)
    assert not any("extraMounts" in each for each in others)
    told = kubeadm(config, "InitConfiguration")
    assert told["patches"] == {"directory": mount["containerPath"]}
    assert ("nodeRegistration" in told) == bool(flags)
    assert "patches" not in kubeadm(config, "JoinConfiguration")
    # As kubeadm reads it: what is patched, a plus, and how.
    assert file.name.split("+")[0] == "corednsdeployment"
    selector = patch["spec"]["template"]["spec"]["nodeSelector"]
    assert selector == {LABEL: ""}


def test_a_packages_node_is_told_the_versions_of_the_images_in_it() -> None:
    """As the modules pin them; and the network that it is told of is a file of the node."""
    node = PackagesNode.of("localhost/groundwork/node:abc", CONTROL_PLANE)
    tags = {tag for image in CONTROL_PLANE.images() for tag in image.tags}
    assert {f"{REPOSITORY}/etcd:{node.etcd}", f"{REPOSITORY}/coredns:{node.coredns}"} <= tags
    config = kind_config(ORDINARY, nodes=1, api_port=6443, mappings=(), packages=node)
    assert containerd(config)["sandbox_image"] in tags
    assert (CONTROL_PLANE.files / NETWORK).is_file()


# What kind says where a program in a node fails, shortened: the cause stands in the middle.
UNHEALTHY = """\
 • Joining worker nodes 🚜  ...
 ✗ Joining worker nodes 🚜
Deleted nodes: ["a-control-plane" "a-worker"]
ERROR: failed to create cluster: failed to join node with kubeadm: command "podman exec" failed
[kubelet-start] Starting the kubelet
[kubelet-check] The kubelet is not healthy after 4m0.00052093s

If you are on a systemd-powered system, you can try to troubleshoot the error with:
\t- 'journalctl -xeu kubelet'
"""
NOT_FOUND = """\
ERROR: failed to create cluster: failed to init node with kubeadm: command "podman" failed: 127

Command Output: Error: runc: exec failed: "kubeadm": executable file not found in $PATH
"""
TAKEN = """\
ERROR: failed to create cluster: node(s) already exist for a cluster with the name "a"
"""


@pytest.mark.parametrize(
    ("output", "step", "error"),
    [
        (UNHEALTHY, "failed to join node with kubeadm", "is not healthy after 4m0.00052093s)"),
        (NOT_FOUND, "failed to init node with kubeadm", "executable file not found in $PATH)"),
        (TAKEN, "node(s) already exist for a cluster with", 'the name "a"'),
        ("python took longer than 600 s and was killed", "", ""),
    ],
    ids=["unhealthy", "not found", "no command", "not by kind"],
)
def test_the_cause_is_found_in_what_kind_says(output: str, step: str, error: str) -> None:
    """The step that failed and the last error before its end, not the advice at its end."""
    cause = failure_in(output)
    assert cause.startswith(step)
    assert cause.endswith(error)
    assert "\n" not in cause
    assert bool(cause) == bool(step)
