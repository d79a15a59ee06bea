"""The machine: memory, processors, disk, ports, limits of the kernel, and ways to loopback."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from pathlib import Path
from typing import Iterator, Mapping

from doctor.files import told
from doctor.remark import Remark

__all__ = ["look"]

GIB = 1024**3

# Servers on local were seen to take 280 MiB, and in a cluster 550, beside Kubernetes' own programs,
# of which the API server alone has 300; tests and the report's Java come on top of either.
MEMORY_LOCAL, MEMORY_KIND = 1 * GIB, 4 * GIB
# A cache that has everything in several versions was seen to be 4.6 GiB, most of it images.
DISK_LOCAL, DISK_KIND = 2 * GIB, 8 * GIB
PROCESSORS = 2  # on one, servers that start at once miss the limits of their start

# Kafka holds a file for each segment and index, and each connection is one, too: 100 were seen of
# a broker that nobody loads. 1,024 is what Linux gives unless it is told otherwise, macOS less.
FILES = 1024
# Those that --env kind would like to have; another free one is taken, unless it is fixed.
USUAL_PORTS = {
    "broker": 19092,
    "prometheus": 9090,
    "alertmanager": 9093,
    "dashboards": 3000,
    "hello-world": 8080,
    "console": 8090,
}

# It is there where control groups are of version 2.
CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")

PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def look(root: Path, cache: Path) -> Iterator[Remark]:
    """What is wrong with it."""
    yield from memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    yield from processors(os.cpu_count() or 1)
    yield from disk(cache, free(cache))
    yield from ports(told("GROUNDWORK_PORT", root))
    yield from proxies(os.environ)
    yield from limits()
    yield from control_groups(sys.platform, CONTROLLERS)


def memory(has: int) -> Iterator[Remark]:
    """Memory in all; what is free now says little."""
    if has < MEMORY_KIND:
        short = has < MEMORY_LOCAL
        needs = MEMORY_LOCAL if short else MEMORY_KIND
        yield Remark(
            f"memory: {has / GIB:.1f} GiB",
            f"{'--env local' if short else '--env kind'} takes {needs // GIB}",
            "use a larger machine" if short else "use --env local, or --nodes 1",
            needed=short,
        )


def processors(count: int) -> Iterator[Remark]:
    """Processors."""
    if count < PROCESSORS:
        why = "servers that start at once are slow, and may miss the limits of their start"
        mend = "use a machine with two"
        yield Remark(f"processors: {count}", why, mend, needed=False)


def free(cache: Path) -> int:
    """How much room there is where the cache is, or will be."""
    there = next((folder for folder in (cache, *cache.parents) if folder.is_dir()), None)
    return shutil.disk_usage(there).free if there is not None else 0


def disk(cache: Path, has: int) -> Iterator[Remark]:
    """Room for what is fetched and built; where that is done, little more is needed."""
    filled = cache.is_dir() and any(cache.iterdir())
    if has < DISK_KIND and not filled:
        short = has < DISK_LOCAL
        yield Remark(
            f"disk: {has / GIB:.1f} GiB free for {cache}",
            f"programs take {DISK_LOCAL // GIB} GiB, and images of clusters {DISK_KIND // GIB}",
            "make room, or set GROUNDWORK_CACHE_DIR to a folder elsewhere",
            needed=short,
        )


def ports(fixed: str) -> Iterator[Remark]:
    """Loopback, ports that are fixed, and those that clusters would like to have."""
    if not bindable(0):
        yield Remark(
            "loopback: nothing can listen on 127.0.0.1",
            "every server here does",
            "sudo ip link set lo up",
        )
        return
    for item in filter(None, fixed.split(",")):
        name, _, number = item.partition("=")
        if number.strip().isdecimal() and not bindable(int(number)):
            yield Remark(
                f"port {number.strip()}: in use, and GROUNDWORK_PORT fixes it for {name.strip()}",
                "a fixed port is never another",
                f"stop what uses it (lsof -i :{number.strip()}), or fix another",
            )
    taken = {name: port for name, port in USUAL_PORTS.items() if not bindable(port)}
    for name, port in taken.items():
        yield Remark(
            f"port {port}: in use",
            f"{name} of a cluster gets another",
            f"nothing need be done; lsof -i :{port} tells who has it",
            needed=False,
        )


def bindable(port: int) -> bool:
    """Whether one can listen on a port of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def proxies(environ: Mapping[str, str]) -> Iterator[Remark]:
    """Proxies that lead even loopback away; runs except it by themselves, a shell doesn't."""
    named = [name for name in environ if name.lower() in PROXIES and environ[name]]
    excepted = ",".join(environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = {host.strip() for host in excepted.split(",")}
    if named and not hosts & {"*", "127.0.0.1"}:
        yield Remark(
            f"proxy: {', '.join(sorted(named))} leads 127.0.0.1 away, too",
            "runs reach their servers all the same, curl and a browser don't",
            "export NO_PROXY=127.0.0.1,localhost,::1",
            needed=False,
        )


def limits() -> Iterator[Remark]:
    """What the kernel allows a user's processes."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and files < FILES:
        why = "the broker holds a file for each segment and connection"
        yield Remark(f"open files: at most {files}", why, f"ulimit -n {FILES}")


def control_groups(platform: str, controllers: Path) -> Iterator[Remark]:
    """Control groups of version 1, which Kubernetes has left behind."""
    if platform != "linux" or controllers.exists():
        return
    yield Remark(
        "control groups: of version 1",
        "--env kind works with images from packages and Podman's runc, as root",
        "make engine; or boot with systemd.unified_cgroup_hierarchy=1",
        needed=False,
    )
