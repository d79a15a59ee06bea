"""Makes a kind cluster through pytest-kind, as a process that can be ended.

pytest-kind's class knows no time limit, keeps files in the current folder and downloads a kind of
its own unless it is given one. So it runs in the resource's folder, with our programs, under the
deadline of whoever has started this. When that one dies or has enough, standard input ends: kind
is killed, so that nothing goes on making nodes, and what it has just asked of the engine is waited
for. An engine's command that is cut short leaves things behind that the engine itself forgets.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil

__all__ = ["MAKING", "PATIENCE_S"]

# The mark of everything that is at work on a cluster; see groundwork.process.TOKEN.
MAKING = "making:"

# Starting three nodes at once was seen to take 10 s on two busy cores.
PATIENCE_S = 30.0


def follow_lifeline() -> None:
    """Wait for the end of standard input; end kind, wait for the engine's commands, and exit."""
    os.read(0, 1)  # unbuffered: a buffer would be locked when the interpreter ends
    working = psutil.Process().children(recursive=True)
    for each in working:
        with contextlib.suppress(psutil.Error):
            if each.name() == "kind":
                each.kill()
    psutil.wait_procs([each for each in working if each.is_running()], timeout=PATIENCE_S)
    os._exit(1)


def main(name: str, kubeconfig: str, kind_config: str, kind: str, kubectl: str) -> int:
    """Make the cluster; kind's own output tells what went wrong."""
    from pytest_kind import KindCluster  # noqa: PLC0415 - the keeper reads the constants alone

    threading.Thread(target=follow_lifeline, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cluster = KindCluster(
        name, kubeconfig=Path(kubeconfig), kind_path=Path(kind), kubectl_path=Path(kubectl)
    )
    try:
        cluster.create(kind_config)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
