"""What Kubernetes itself runs, as images built from packages.

They carry our own names: kubeadm and containerd are told to look for those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts import DebianTree, GoBuild, Image, Piece
from groundwork.nodes.image import NodeRoot

__all__ = ["REPOSITORY", "ControlPlane"]

REPOSITORY = "localhost/groundwork"
PATH = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin"}

# kube-proxy programs the kernel's packet filter by these; Debian chooses between the two kinds of
# iptables by links that the installation makes, which here are made by hand.
FILTERS = DebianTree("packet-filters", ("iptables", "nftables", "conntrack", "kmod"))
IPTABLES = {
    f"/usr/sbin/{family}tables{suffix}": "xtables-nft-multi"
    for family in ("ip", "ip6")
    for suffix in ("", "-save", "-restore")
}

# A volume's folder is made and removed by a shell script.
SHELL = DebianTree("busybox", ("busybox-static",))
SHELL_COMMANDS = {f"/usr/bin/{name}": "busybox" for name in ("sh", "mkdir", "rm")}


@dataclass(frozen=True)
class ControlPlane:
    """Kubernetes, etcd, CoreDNS and the provisioner of volumes, of the modules in one folder.

    Attributes:
        tools: The folder of Go modules: kubernetes, etcd, coredns, local-path-provisioner, pause
            and kind.
        files: The nodes' own files; see :class:`~groundwork.nodes.image.NodeRoot`.
    """

    tools: Path
    files: Path

    @property
    def kubernetes(self) -> GoBuild:
        """All of Kubernetes' servers. kubeadm refuses a build that doesn't know its version."""
        major, minor = "1", "34"
        stamp = "-X k8s.io/component-base/version.git"
        flags = f"-s -w {stamp}Version=v{{version}} {stamp}Major={major} {stamp}Minor={minor}"
        return GoBuild("kubernetes", self.tools / "kubernetes", "k8s.io/kubernetes", flags)

    def program(self, name: str, source: str) -> GoBuild:
        """A program that is built from a module of the tools' folder."""
        return GoBuild(name, self.tools / name, source, "-s -w")

    @property
    def etcd(self) -> GoBuild:
        """etcd, in which the API server stores everything."""
        return self.program("etcd", "go.etcd.io/etcd/server/v3")

    @property
    def coredns(self) -> GoBuild:
        """CoreDNS, which answers for the cluster's names."""
        return self.program("coredns", "github.com/coredns/coredns")

    @property
    def provisioner(self) -> GoBuild:
        """The provisioner of volumes, which are folders of a node."""
        source = "github.com/rancher/local-path-provisioner"
        return self.program("local-path-provisioner", source)

    @property
    def root(self) -> NodeRoot:
        """The file system of the nodes."""
        return NodeRoot(self.kubernetes, self.tools / "kind", self.files)

    def images(self) -> tuple[Image, ...]:
        """The images, under the names that the cluster's configuration asks for."""
        servers = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
        version = self.kubernetes.version
        kubernetes = Image(
            "image-kubernetes",
            tuple(f"{REPOSITORY}/{name}:v{version}" for name in servers),
            (
                Piece(FILTERS, "", links=IPTABLES),
                Piece(
                    self.kubernetes,
                    "usr/local/bin/kubernetes",
                    "kubernetes",
                    {f"/usr/local/bin/{name}": "kubernetes" for name in servers},
                ),
            ),
            env=PATH,
            folders={"/tmp": 0o1777},  # noqa: S108 - in an image
        )
        helper = Image(
            "image-local-path-helper",
            (f"{REPOSITORY}/local-path-helper:1",),
            (Piece(SHELL, "", links=SHELL_COMMANDS),),
            env=PATH,
        )
        return (
            kubernetes,
            self._image(self.etcd),
            self._image(self.coredns),
            self._image(self.provisioner),
            self._image(GoBuild("pause", self.tools / "pause", ldflags="-s -w")),
            helper,
        )

    def _image(self, program: GoBuild) -> Image:
        """An image that holds one static program."""
        return Image(
            f"image-{program.name}",
            (f"{REPOSITORY}/{program.name}:{program.version or 1}",),
            (Piece(program, f"usr/local/bin/{program.name}", program.name),),
            entrypoint=(f"/usr/local/bin/{program.name}",),
            env=PATH,
            folders={"/tmp": 0o1777},  # noqa: S108 - in an image
        )
