"""Makes a kind cluster through pytest-kind, as a process that can be killed.

pytest-kind's class knows no time limit, keeps files in the current folder and downloads a kind of
its own unless it is given one. So it runs in the resource's folder, with our programs, under the
deadline of whoever has started this.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from pytest_kind import KindCluster


def main(name: str, kubeconfig: str, kind_config: str, kind: str, kubectl: str) -> int:
    """Make the cluster; kind's own output tells what went wrong."""
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
