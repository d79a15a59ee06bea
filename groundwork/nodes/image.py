"""The node image of kind, built from packages: Debian, Kubernetes, and every image a pod may need.

The images lie unpacked in it, so a cluster that is made of it pulls nothing and loads nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from groundwork.artifacts import (
    Artifact,
    GoBuild,
    Image,
    NotThisWayError,
    Provenance,
    Resolved,
    Workshop,
    debian,
    resolve_all,
)
from groundwork.artifacts.gobuild import find_go
from groundwork.base import process
from groundwork.base.errors import ArtifactError, NotYetError
from groundwork.base.process import ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.containers.engine import LABEL, Engine
from groundwork.containers.finding import find_engine

__all__ = ["NETWORK", "NodeImage", "NodeRoot"]

# 55 s were measured on two busy cores.
DEBOOTSTRAP_TIMEOUT_S = 900.0
PACK_TIMEOUT_S = 300.0
IMPORT_TIMEOUT_S = 600.0
CONTAINERD_TIMEOUT_S = 60.0
# Branches of a project take turns without building anew.
IMAGES_KEPT = 3

# What kind's own base image installs (images/base/Dockerfile of its module), with Debian's
# containerd, runc and network plugins instead of ones built from their sources.
PACKAGES = (
    "bash", "ca-certificates", "conntrack", "containerd", "containernetworking-plugins", "curl",
    "dbus", "e2fsprogs", "ethtool", "hostname", "iproute2", "iptables", "jq", "kmod",
    "libseccomp2", "mount", "nftables", "pigz", "procps", "runc", "socat", "systemd",
    "systemd-sysv", "util-linux",
)  # fmt: skip

# Units that make sense on a machine and not in a container; as in kind's Dockerfile.
UNWANTED_UNITS = (
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "lib/systemd/system/basic.target.wants/*",
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
)
OWN_UNIT = "service-addresses.service"
ENABLED_UNITS = ("kubelet.service", "containerd.service", "undo-mount-hacks.service", OWN_UNIT)

NO_STORAGE = "{apiVersion: v1, kind: ConfigMap, metadata: {name: no-storage, namespace: default}}\n"
NETWORK = "groundwork.conflist.template"
KUBERNETES_NAMES = ("kubeadm", "kubectl", "kubelet")
ENTRYPOINT = '["/usr/local/bin/entrypoint", "/sbin/init"]'
KIND_MODULE = "sigs.k8s.io/kind"

# What is being built and what was built are told apart: a node's container inherits its image's.
BUILD = f"{LABEL}=build"
IMAGE = f"{LABEL}=image"
BUILD_NAME = "groundwork-node-build-"


@dataclass(frozen=True)
class NodeRoot(Artifact):
    """The file system of a node, as the file ``root.tar``.

    Attributes:
        kubernetes: The program that is kubeadm and kubelet by other names.
        kind_folder: The module that kind is built from: its base files are part of the download.
        files: Our own files: ``groundwork.conflist.template``, which describes the pod network to
            containerd, and ``service-addresses.service``.
    """

    kubernetes: GoBuild
    kind_folder: Path
    files: Path
    name: str = "node-root"

    def key(self) -> str:
        """Packages, programs and files."""
        own = sorted(file for file in self.files.iterdir() if file.is_file())
        sums = [file.read_text() for file in (self.kind_folder / "go.mod", *own)]
        digest = hashlib.sha256("".join(sums).encode()).hexdigest()
        contents = f"{PACKAGES} {UNWANTED_UNITS} {KUBERNETES_NAMES} {NO_STORAGE}"
        return f"{contents} {self.kubernetes.key()} {digest}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Make it, which needs root.

        Raises:
            ArtifactError: It can't be made here; says why.
        """
        kubernetes = self.kubernetes.resolve(workshop)
        workshop.tell(self.name, "(a Debian for the nodes)")
        root = folder / "root"
        bootstrap(root, workshop.cancel)
        self._add_base_files(root, workshop)
        for pattern in UNWANTED_UNITS:
            for unit in root.glob(pattern):
                unit.unlink()
        shutil.copy(self.files / OWN_UNIT, root / "etc/systemd/system" / OWN_UNIT)
        wanted = root / "etc/systemd/system/multi-user.target.wants"
        wanted.mkdir(parents=True, exist_ok=True)
        for unit_name in ENABLED_UNITS:
            (wanted / unit_name).symlink_to(f"/etc/systemd/system/{unit_name}")
        (root / "etc/systemd/system/systemd-binfmt.service").symlink_to("/dev/null")
        (root / "etc/kubernetes/manifests").mkdir(parents=True)
        program = root / "usr/bin" / self.kubernetes.name
        shutil.copy(kubernetes.program(self.kubernetes.name), program)
        for name in KUBERNETES_NAMES:
            (root / "usr/bin" / name).symlink_to(program.name)
        (root / "kind/version").write_text(f"v{self.kubernetes.version}")
        (root / "kind/manifests").mkdir()
        # kind insists on applying something; the storage class comes with our own manifests.
        (root / "kind/manifests/default-storage.yaml").write_text(NO_STORAGE)
        (root / "etc/cni").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.files / NETWORK, root / "etc/cni" / NETWORK)
        pack(root, folder / "root.tar", workshop.cancel)
        shutil.rmtree(root)
        return Provenance(self.kubernetes.version, "debootstrap, Go build")

    def _add_base_files(self, root: Path, workshop: Workshop) -> None:
        """The files of kind's base image, adapted to where Debian has containerd."""
        go = find_go(self.kind_folder.parent / "go", workshop)
        shown = process.run(
            [go, "mod", "download", "-json", kind_version(self.kind_folder)],
            timeout_s=IMPORT_TIMEOUT_S,
            cwd=self.kind_folder,
            env=os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
            cancel=workshop.cancel,
        ).output
        base = Path(json.loads(shown[shown.index("{") :])["Dir"]) / "images/base/files"
        for source in base.rglob("*"):
            if source.is_file():
                target = root / source.relative_to(base)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
                program = "bin" in source.relative_to(base).parts[:-1]
                target.chmod(0o755 if program else 0o644)
        unit = root / "etc/systemd/system/containerd.service"
        unit.write_text(
            unit.read_text().replace("/usr/local/bin/containerd", "/usr/bin/containerd")
        )
        (root / "opt/cni").mkdir(parents=True)
        (root / "opt/cni/bin").symlink_to("/usr/lib/cni")
        with (root / "etc/systemd/journald.conf").open("a") as file:
            file.write("ReadKMsg=no\n")


def kind_version(folder: Path) -> str:
    """MODULE@VERSION of kind, as go.mod pins it."""
    return f"{KIND_MODULE}@v{GoBuild('kind', folder, KIND_MODULE).version}"


def bootstrap(root: Path, cancel: threading.Event | None) -> None:
    """Make a minimal Debian, in mount and process spaces of its own: a kill leaves no mount.

    Raises:
        ArtifactError: It can't be made here.
    """
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise ArtifactError(
            "node-root: a node's Debian is made by debootstrap as root: call `groundwork engine` "
            "as root, or use --images vendor"
        )
    try:
        words = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        process.run(
            ["unshare", "--mount", *words, "bookworm", root, debian.mirror()],
            timeout_s=DEBOOTSTRAP_TIMEOUT_S,
            cancel=cancel,
        )
    except (ProcessFailedError, NotThisWayError) as error:
        last = str(error).strip().splitlines()[-1]
        raise ArtifactError(
            f"node-root: debootstrap failed: {last}; is there a network, and is apt's first mirror "
            "one of Debian's? If not, use --images vendor"
        ) from error
    for unwanted in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(root / unwanted, ignore_errors=True)
    # Each container has its own identity; systemd makes it at the first start.
    (root / "etc/machine-id").write_text("")


def pack(root: Path, archive: Path, cancel: threading.Event | None) -> None:
    """Pack a file system with all its owners and modes."""
    process.run(
        ["tar", "--numeric-owner", "--xattrs", "-C", root, "-cf", archive, "."],
        timeout_s=PACK_TIMEOUT_S,
        cancel=cancel,
    )


@dataclass(frozen=True)
class NodeImage(Artifact):
    """The node image in the engine's storage, named by its content.

    Attributes:
        root: The node's file system.
        images: Everything that pods run, ready in it.
        repository: The image's name; its tag follows from the content.
    """

    root: NodeRoot
    images: tuple[Image, ...]
    name: str = "node-image"
    repository: str = "localhost/groundwork/node"

    def key(self) -> str:
        """The keys of all parts."""
        return f"{self.root.key()} {[image.key() for image in self.images]} layout 2"

    @property
    def reference(self) -> str:
        """The node image's REPOSITORY:TAG; the tag follows from its content."""
        return f"{self.repository}:{hashlib.sha256(self.key().encode()).hexdigest()[:20]}"

    def cache_key(self) -> str:
        """The key with the engine's name: each has a storage of its own."""
        return f"{find_engine().name} {self.key()}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Build it in the engine's storage; the entry in the cache says which image it should be.

        Raises:
            ArtifactError: It can't be built.
        """
        engine = find_engine()
        parts = resolve_all([self.root, *self.images], workshop)
        root = parts[self.root.name]
        archives = [parts[image.name].path for image in self.images]
        workshop.tell(self.name, "(unpacking all images into it)")
        try:
            identity = build(
                engine, self.reference, root.path / "root.tar", archives, workshop.cancel
            )
        except ProcessFailedError as error:
            last = str(error).strip().splitlines()[-1]
            raise ArtifactError(
                f"{self.name}: {engine.title} can't build it: {last}; is the disk full?"
            ) from error
        (folder / "id").write_text(identity)
        return Provenance(root.version, f"image in {engine.name}")

    def resolve(self, workshop: Workshop) -> Resolved:
        """Find it in the engine's storage, which may have lost what the cache knows, or build it.

        Raises:
            ArtifactError: It can't be built.
            UsageError: There is no engine.
        """
        engine, key = find_engine(), self.cache_key()
        known = workshop.cache.peek(self.name, key)
        if known is not None and engine.image_id(self.reference) != (known / "id").read_text():
            workshop.tell(self.name, f"again: {engine.title} has lost or changed it")
            workshop.cache.forget(self.name, key)
        return super().resolve(workshop)


def build(
    engine: Engine,
    reference: str,
    root: Path,
    archives: list[Path],
    cancel: threading.Event | None,
) -> str:
    """Import the root, unpack the images inside, and commit; the new image's id."""
    forget_interrupted(engine)
    base = f"{reference.rpartition(':')[0]}-base:{reference.rpartition(':')[2]}"
    engine.run("import", root, base, timeout_s=IMPORT_TIMEOUT_S, cancel=cancel)
    try:
        with building_container(engine, base, archives, cancel) as container:
            import_images(engine, container, len(archives), cancel)
            engine.run(
                "commit", "--change", f"ENTRYPOINT {ENTRYPOINT}", "--change",
                "ENV container=docker", "--change", "STOPSIGNAL SIGRTMIN+3",
                "--change", f"LABEL {IMAGE}",
                container, reference, timeout_s=IMPORT_TIMEOUT_S, cancel=cancel,
            )  # fmt: skip
    finally:
        engine.run("rmi", base, check=False, timeout_s=IMPORT_TIMEOUT_S)
    forget_old(engine, reference)
    return engine.image_id(reference)


def forget_old(engine: Engine, reference: str) -> None:
    """Remove the oldest node images, a gigabyte each, and any that a later one has replaced.

    One that is in use stays.
    """
    repository = reference.rpartition(":")[0]
    listed = engine.listed("images", "--format", "{{.Repository}}:{{.Tag}}")  # newest first
    old = [each for each in listed if each.startswith(f"{repository}:")][IMAGES_KEPT:]
    replaced = engine.listed(
        "images", "--quiet", "--filter", f"label={IMAGE}", "--filter", "dangling=true"
    )
    for image in (*old, *replaced):
        engine.run("rmi", image, check=False, timeout_s=IMPORT_TIMEOUT_S)


def forget_interrupted(engine: Engine) -> None:
    """Remove the containers of builds whose process was killed; each name ends with its pid."""
    names = [name for name in engine.labelled(BUILD) if name.startswith(BUILD_NAME)]
    engine.remove_containers(
        [name for name in names if not psutil.pid_exists(int(name.removeprefix(BUILD_NAME)))]
    )


@contextmanager
def building_container(
    engine: Engine, base: str, archives: list[Path], cancel: threading.Event | None
) -> Iterator[str]:
    """A container of the base with a volume for containerd and the archives to read."""
    name = f"{BUILD_NAME}{os.getpid()}"
    mounts: list[str | Path] = []
    for number, archive in enumerate(archives):
        mounts += ["--volume", f"{archive}:/images/{number}:ro"]
    try:  # a container that can't be started is there all the same
        engine.run(
            "run", "--detach", "--privileged", "--network", "none", "--name", name,
            "--label", BUILD, "--volume", "/unpacked", *mounts,
            "--entrypoint", "sleep", base, "infinity", timeout_s=IMPORT_TIMEOUT_S, cancel=cancel,
        )  # fmt: skip
        yield name
    finally:
        engine.remove_containers([name])


def import_images(
    engine: Engine, container: str, count: int, cancel: threading.Event | None
) -> None:
    """Have the node's containerd unpack all images, and keep what it has unpacked.

    Its folder can't lie in the container's own file system: an overlay on an overlay isn't
    possible. So it works in a volume, and the result is copied. The layers' archives aren't: nobody
    unpacks them again.
    """

    def inside(*words: str, timeout_s: float = IMPORT_TIMEOUT_S) -> str:
        return engine.run("exec", container, *words, timeout_s=timeout_s, cancel=cancel)

    inside("sh", "-c", BASE_SPEC)
    engine.run("exec", "--detach", container, "containerd", "--root", "/unpacked")

    def answers() -> None:
        try:
            inside("ctr", "version", timeout_s=CONTAINERD_TIMEOUT_S)
        except ProcessFailedError as error:
            raise NotYetError("no answer") from error

    wait_for(
        answers, deadline=Deadline.after(CONTAINERD_TIMEOUT_S), what="containerd", cancel=cancel
    )
    for number in range(count):
        inside("ctr", "-n", "k8s.io", "images", "import", f"/images/{number}/image.tar")
    inside("ctr", "-n", "k8s.io", "content", "prune", "references")
    inside("sh", "-c", FINISH)


# Every container of the cluster begins with this; kind adds a hook that hides the host's serial
# number, and takes the limits out (images/base/Dockerfile of its module).
BASE_SPEC = (
    "ctr oci spec | jq '.hooks.createContainer += "
    '[{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)\''
    " > /etc/containerd/cri-base.json"
)

# Stopped cleanly, its databases are whole.
FINISH = (
    "pkill -TERM -x containerd; while pgrep -x containerd > /dev/null; do sleep 0.1; done; "
    "rm -rf /var/lib/containerd; cp -a /unpacked /var/lib/containerd"
)
