"""Makes a kind cluster through pytest-kind, as a process that can be ended.

pytest-kind's class knows no time limit, keeps files in the current folder and downloads a kind of
its own unless it is given one. So it runs in the resource's folder, with our programs, under the
deadline of whoever has started this. When that one dies or has enough, standard input ends: kind
is stopped, so that nothing goes on making nodes, what it has just asked of the engine is waited
for, and kind is killed. An engine's command that is cut short leaves things behind (network
namespaces, rules of the firewall) that the engine itself forgets.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

__all__ = ["MAKING", "PATIENCE_S", "may_be_cut"]

# The mark of everything that is at work on a cluster; see groundwork.base.process.TOKEN.
MAKING = "making:"

# Starting three nodes at once was seen to take 10 s on two busy cores.
PATIENCE_S = 30.0
LOOK_EVERY_S = 0.1
# The commands that follow what happens in a node, and end with it: kind waits for a line of each
# node's log, and for programs that wait in their turn.
FOLLOWING = frozenset({"exec", "logs"})


def follow_lifeline() -> None:
    """Wait for the end of standard input; let the engine's commands end, end kind, and exit."""
    os.read(0, 1)  # unbuffered: a buffer would be locked when the interpreter ends
    makers = [each for each in psutil.Process().children() if stop(each)]
    commands = [command for maker in makers for command in maker.children()]
    give_up = time.monotonic() + PATIENCE_S
    while any(goes_on(command) for command in commands) and time.monotonic() < give_up:
        time.sleep(LOOK_EVERY_S)
    for maker in makers:
        maker.kill()
    os._exit(1)


def stop(maker: psutil.Process) -> bool:
    """Stop kind: it asks for nothing more, and its commands can still write to it.

    Were it killed now, they would be killed by their next word to it, half done.
    """
    try:
        maker.suspend()
    except psutil.Error:
        return False
    return True


def goes_on(command: psutil.Process) -> bool:
    """Whether a command still has something to finish."""
    try:
        return command.status() != psutil.STATUS_ZOMBIE and not may_be_cut(command.cmdline())
    except psutil.Error:
        return False


def may_be_cut(argv: Sequence[str]) -> bool:
    """Whether an engine's command can be killed: it makes nothing, and may last for ever."""
    return bool(FOLLOWING.intersection(argv[1:2]))


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
