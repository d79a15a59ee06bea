"""What of this machine containers need concessions for.

What the host lacks is detected, never assumed: an ordinary laptop needs none of the concessions
that a confined machine does.
"""

from __future__ import annotations

import functools
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULT_NOFILE", "Host", "examine_host"]

# What Podman gives a container unless told otherwise, whether or not it may.
DEFAULT_NOFILE = 1_048_576

CAP_SYS_RESOURCE = 24  # linux/capability.h


@dataclass(frozen=True)
class Host:
    """What of the host a cluster must make concessions for.

    Attributes:
        cgroup_v1: Kubernetes refuses to run on the old control groups unless it is told to, and
            not every runtime knows them.
        confined: Not even root may raise limits (no CAP_SYS_RESOURCE), so nothing may ask for it.
        nofile: The hard limit of open files.
        nproc: The hard limit of processes.
    """

    cgroup_v1: bool
    confined: bool
    nofile: int
    nproc: int


@functools.cache
def examine_host() -> Host:
    """Look at this machine; elsewhere than on Linux containers run in a machine of their own."""
    if sys.platform != "linux":
        return Host(cgroup_v1=False, confined=False, nofile=DEFAULT_NOFILE, nproc=DEFAULT_NOFILE)
    capabilities = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            capabilities = int(line.split()[1], 16)
    nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    nproc = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return Host(
        cgroup_v1=not Path("/sys/fs/cgroup/cgroup.controllers").exists(),
        confined=not capabilities >> CAP_SYS_RESOURCE & 1,
        nofile=DEFAULT_NOFILE if nofile == resource.RLIM_INFINITY else nofile,
        nproc=DEFAULT_NOFILE if nproc == resource.RLIM_INFINITY else nproc,
    )
