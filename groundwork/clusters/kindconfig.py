"""kind's configuration of a cluster: pure, from what the host is and what is wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from groundwork.clusters.nodefaults import CONTROL_PLANE
from groundwork.containers.host import Host
from groundwork.nodes.controlplane import REPOSITORY, ControlPlane
from groundwork.nodes.image import NETWORK

__all__ = ["NAME_SERVERS", "PackagesNode", "PortMapping", "kind_config"]

# What tells kubeadm of a node: of the first, and of those that come to it.
JOINING = ("InitConfiguration", "JoinConfiguration")

# Where kubeadm finds, in the first node, how what it makes is to differ.
PATCHES = "/groundwork/patches"

# Whoever tells of alerts asks for names. Of two name servers one was on a node that an experiment
# froze, and for a minute no name was found: names stay with the control plane, which none freezes.
NAME_SERVERS = {"spec": {"template": {"spec": {"nodeSelector": {CONTROL_PLANE: ""}}}}}

# Where the network of a packages node is described, in the node.
CNI_TEMPLATE = f"/etc/cni/{NETWORK}"


@dataclass(frozen=True)
class PortMapping:
    """A port of this machine's loopback that leads to a node port."""

    host_port: int
    node_port: int


@dataclass(frozen=True)
class PackagesNode:
    """What has to be told of a node image that was built from packages.

    Attributes:
        image: REPOSITORY:TAG.
        etcd: Its version, as the tag of its image.
        coredns: The same.
    """

    image: str
    etcd: str
    coredns: str

    @classmethod
    def of(cls, image: str, plane: ControlPlane) -> PackagesNode:
        """A node image and the versions of what is in it, as the modules pin them."""
        return cls(image, plane.etcd.version, plane.coredns.version)


def kind_config(
    host: Host,
    *,
    nodes: int,
    api_port: int,
    mappings: Iterable[PortMapping],
    packages: PackagesNode | None,
    kubelet_flags: Mapping[str, str] = MappingProxyType({}),
    patches: Path | None = None,
) -> dict[str, Any]:
    """The configuration, as kind reads it.

    Args:
        host: What concessions are needed.
        nodes: All nodes; the first is the control plane, and works too if it is alone.
        api_port: The API server's port on loopback.
        mappings: The node ports to be reached from this machine.
        packages: None for kind's own image, network and storage.
        kubelet_flags: What every kubelet is started with besides, without the dashes.
        patches: A folder of this machine, of what kubeadm makes otherwise; None for nothing.
    """
    first: dict[str, Any] = {
        "role": "control-plane",
        "extraPortMappings": [
            {
                "containerPort": each.node_port,
                "hostPort": each.host_port,
                "listenAddress": "127.0.0.1",
            }
            for each in mappings
        ],
    }
    members = [first, *({"role": "worker"} for _ in range(nodes - 1))]
    networking: dict[str, Any] = {"apiServerAddress": "127.0.0.1", "apiServerPort": api_port}
    kubelet: dict[str, Any] = {"kind": "KubeletConfiguration"}
    cri: list[str] = []
    gates: dict[str, bool] = {}
    kubeadm: list[dict[str, Any]] = []
    if host.cgroup_v1:
        kubelet["failCgroupV1"] = False
    if host.confined:
        gates["KubeletInUserNamespace"] = True  # its other meaning: don't insist on raised limits
        cri.append("restrict_oom_score_adj = true")
    if packages is not None:
        for member in members:
            member["image"] = packages.image
        networking["disableDefaultCNI"] = True
        cri.append(f'sandbox_image = "{REPOSITORY}/pause:1"')
        kubeadm.append(
            {
                "kind": "ClusterConfiguration",
                "imageRepository": REPOSITORY,
                "etcd": {"local": {"imageRepository": REPOSITORY, "imageTag": packages.etcd}},
                "dns": {"imageRepository": REPOSITORY, "imageTag": packages.coredns},
            }
        )
    if len(kubelet) > 1:
        kubeadm.append(kubelet)
    joining: dict[str, dict[str, Any]] = {kind: {} for kind in JOINING}
    if kubelet_flags:
        for each in joining.values():
            each["nodeRegistration"] = {"kubeletExtraArgs": dict(kubelet_flags)}
    if patches is not None:
        mount = {"hostPath": str(patches), "containerPath": PATCHES, "readOnly": True}
        first["extraMounts"] = [mount]
        joining[JOINING[0]]["patches"] = {"directory": PATCHES}
    kubeadm += [{"kind": kind, **told} for kind, told in joining.items() if told]
    plugin = 'plugins."io.containerd.grpc.v1.cri"'
    containerd = ["\n".join([f"[{plugin}]", *(f"  {line}" for line in cri)])] if cri else []
    if packages is not None:
        containerd.append(f'[{plugin}.cni]\n  conf_template = "{CNI_TEMPLATE}"')
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "nodes": members,
        "featureGates": gates,
        "kubeadmConfigPatches": [json.dumps(patch) for patch in kubeadm],
        "containerdConfigPatches": containerd,
    }
