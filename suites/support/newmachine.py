"""New machines: a root file system that has git, Python and make, and somebody who is new to it.

Root makes it, by debootstrap, of the system's own kind. What runs there has mounts and processes of
its own, which go with the first of them, however that ends; the network is this machine's. Of this
machine it gets what package managers are configured with: files and variables, whatever they say.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts import debian
from groundwork.base import process
from groundwork.base.errors import UsageError
from groundwork.containers.provide import install

__all__ = ["NAME", "NewMachine", "make_machine"]

# What a new machine has: what the README asks for, and nothing else.
PACKAGES = ("git", "python3-venv", "make")

# Whoever is new: no root, with a home.
NAME, UID, HOME = "newcomer", 1000, Path("home/newcomer")

# Half a minute on an idle machine; six were seen of a very busy one.
BOOTSTRAP_TIMEOUT_S = 900.0

# Files that tell clients of registries where those are and whom to trust; read-only, as they are.
SYSTEMS = (
    "/etc/apt/apt.conf", "/etc/apt/apt.conf.d", "/etc/apt/sources.list",
    "/etc/apt/sources.list.d", "/etc/apt/keyrings", "/etc/apt/trusted.gpg.d",
    "/etc/hosts", "/etc/npmrc", "/etc/pip.conf", "/etc/resolv.conf", "/etc/ssl/certs",
    "/etc/uv/uv.toml", "/usr/share/keyrings", "/usr/local/share/ca-certificates",
)  # fmt: skip
USERS = (
    ".config/go/env", ".config/pip/pip.conf", ".config/uv/uv.toml", ".m2/settings.xml", ".npmrc",
    ".pip/pip.conf",
)  # fmt: skip

# And variables that do, by how they begin or end. A folder that one names may not be there: clients
# say so, and go on.
BEGINNINGS = (
    "PIP_",
    "UV_",
    "GOPROXY",
    "GOSUMDB",
    "GONO",
    "GOPRIVATE",
    "NPM_CONFIG_",
    "npm_config_",
)
ENDINGS = (
    "_PROXY",
    "_proxy",
    "_CA_BUNDLE",
    "_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "_CAINFO",
)


@dataclass(frozen=True)
class NewMachine:
    """A root file system, and whoever works on it.

    Attributes:
        root: Its folder.
        work: The folder that commands run in, as it is called there.
    """

    root: Path
    work: Path

    @property
    def state_dir(self) -> Path:
        """Where ledgers lie there, as seen from here."""
        return self.root / HOME / ".local" / "state" / "groundwork"

    def run(self, commands: str, timeout_s: float) -> str:
        """Paste commands into one shell of whoever is new; what they print. Each must succeed.

        What still runs when the shell ends is ended: whatever is to be kept for the next command
        belongs into the same call.
        """
        shell = ["sh", "-eux", "-c", f"cd {self.work}\n{commands}"]
        who = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        return process.run(
            [*SPACES, "sh", "-eu", "-c", MOUNT, "sh", self.root, *who, *shell],
            timeout_s=timeout_s,
            env=self.environment(),
        ).output

    def environment(self) -> dict[str, str]:
        """Variables of a new login, and those that clients of registries are told by."""
        own = {"HOME": f"/{HOME}", "USER": NAME, "LOGNAME": NAME, "SHELL": "/bin/sh"}
        return told(os.environ) | own | {"PATH": PATH, "LANG": "C.UTF-8"}


# Of a login; with the folders of root's programs, for those that lead there.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Mounts and processes of its own; all are killed with the first of them, and that with its parent.
SPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")

# Within: what every system has at these places; then its root is the only one, a file system that
# node exporter measures as any machine's, and what was asked for is done.
MOUNT = """root=$1; shift
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
cd "$root"
pivot_root . mnt
umount --lazy /mnt
exec chroot . "$@"
"""


def told(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that clients of registries are configured with."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(BEGINNINGS) or name.endswith(ENDINGS)
    }


@contextmanager
def make_machine(base: Path, project: Path) -> Iterator[NewMachine]:
    """A machine in a folder, with a clone of a project in the newcomer's home.

    Args:
        base: A folder that is the caller's.
        project: A git repository.

    Raises:
        UsageError: Root is needed, or debootstrap can't be installed.
    """
    root = base / "root"
    bootstrap(root)
    configure(root)
    home = root / HOME
    home.mkdir(parents=True, exist_ok=True)
    clone: list[str | Path] = ["git", "clone", "--quiet", project, home / "groundwork"]
    process.run(clone, timeout_s=BOOTSTRAP_TIMEOUT_S)
    process.run(["chown", "-R", f"{UID}:{UID}", home], timeout_s=BOOTSTRAP_TIMEOUT_S)
    yield NewMachine(root, Path("/") / HOME / "groundwork")


def bootstrap(root: Path) -> None:
    """Make the file system, of this machine's release and mirror, in mounts of its own.

    Raises:
        UsageError: Root is needed, or debootstrap can't be installed.
    """
    if os.geteuid() != 0:
        raise UsageError("a new machine is made by root: sudo make fresh")
    if shutil.which("debootstrap") is None:
        install(("debootstrap",))
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    words: Sequence[str | Path] = [
        "debootstrap",
        "--variant=minbase",
        "--components=main,universe" if release["ID"] == "ubuntu" else "--components=main",
        f"--include={','.join(PACKAGES)}",
        release["VERSION_CODENAME"],
        root,
        debian.mirror(),
    ]
    process.run(["unshare", "--mount", *words], timeout_s=BOOTSTRAP_TIMEOUT_S)


def configure(root: Path) -> None:
    """Give it a user, and what this machine's package managers are configured with."""
    with (root / "etc/passwd").open("a") as file:
        file.write(f"{NAME}:x:{UID}:{UID}::/{HOME}:/bin/sh\n")
    with (root / "etc/group").open("a") as file:
        file.write(f"{NAME}:x:{UID}:\n")
    pairs = [(Path(each), root / each[1:]) for each in SYSTEMS]
    pairs += [(Path.home() / each, root / HOME / each) for each in USERS]
    for source, target in pairs:
        if source.is_dir():
            # What was there goes first: its links lead to files of this machine, seen from here.
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore_dangling_symlinks=True)
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy(source, target)
        elif target.is_file():  # as debootstrap's own list of sources: this machine has none there
            target.unlink()
