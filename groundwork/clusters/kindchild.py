"""Makes a kind cluster through pytest-kind, as a process that can be killed.

pytest-kind's class knows no time limit, keeps files in the current folder and downloads a kind of
its own unless it is given one. So it runs in the resource's folder, with our programs, under the
deadline of whoever has started this. When that one dies, standard input ends, and this ends with
kind and everything that kind is just running: nothing goes on making nodes.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from pytest_kind import KindCluster


def follow_lifeline() -> None:
    """Wait for the end of standard input, and end the whole process group."""
    os.read(0, 1)  # unbuffered: a buffer would be locked when the interpreter ends
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(name: str, kubeconfig: str, kind_config: str, kind: str, kubectl: str) -> int:
    """Make the cluster; kind's own output tells what went wrong."""
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
