"""`python -m groundwork engine`: see to a container engine where there is none.

On a machine of CI (root, and a system with apt) Podman is installed, with what building a node
image needs. Elsewhere this says what to install and changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from groundwork.base import process
from groundwork.base.errors import UsageError
from groundwork.base.process import ProcessFailedError
from groundwork.containers.finding import find_engine

__all__ = ["provide_engine"]

# runc knows control groups of the old kind, which crun refuses when both kinds are mounted.
ENGINE = ("podman", "crun", "runc", "conmon", "netavark", "aardvark-dns", "iptables")
NODE_IMAGE = ("debootstrap",)
INSTALL_TIMEOUT_S = 900.0


def provide_engine(say: Callable[[str], None]) -> None:
    """Find an engine, or install one.

    Raises:
        UsageError: There is none, and none can be installed here: says what to do.
    """
    missing = tuple(name for name in NODE_IMAGE if shutil.which(name) is None)
    try:
        engine = find_engine()
    except UsageError as error:
        if not may_install():
            raise
        say(f"{error}: installing Podman")
        install((*ENGINE, *missing))
        # kind mounts it into every node, whether or not the kernel has modules.
        Path("/lib/modules").mkdir(exist_ok=True)
        engine = find_engine()
    else:
        if missing and may_install():
            install(missing)
        elif missing:
            say(f"not installed: {', '.join(missing)}; only --images packages needs it")
    say(f"{engine.title} is used ({engine.why})")


def may_install() -> bool:
    """Whether this is root on a system with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: tuple[str, ...]) -> None:
    """Install packages of the system.

    Raises:
        UsageError: apt failed.
    """
    quiet = ["apt-get", "-qq"]
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        process.run([*quiet, "update"], timeout_s=INSTALL_TIMEOUT_S, env=env)
        process.run(
            [*quiet, "install", "--yes", "--no-install-recommends", *packages],
            timeout_s=INSTALL_TIMEOUT_S,
            env=env,
        )
    except ProcessFailedError as error:
        first = str(error).partition("\n")[0]
        raise UsageError(f"can't install {', '.join(packages)}: {first}") from error
