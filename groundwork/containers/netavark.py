"""What Podman's network program leaves of a network: an empty chain of the firewall, each time."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys

from groundwork.base import process

__all__ = ["chain_of", "forget_chain"]

ANSWER_TIMEOUT_S = 20.0
# netavark 1.4, firewall/varktables: NETAVARK-DN- and this much of the name's SHA-512.
DIGITS = 13


def forget_chain(network: str) -> None:
    """Delete the chain of a network that is gone; one with rules in it stays.

    Newer versions delete it themselves, and one without root has it in a namespace of its own.
    """
    program = shutil.which("iptables")
    if sys.platform != "linux" or os.geteuid() != 0 or program is None:
        return
    process.run(
        [program, "--wait", "--table", "nat", "--delete-chain", chain_of(network)],
        timeout_s=ANSWER_TIMEOUT_S,
        check=False,  # there is none where nothing was published
    )


def chain_of(network: str) -> str:
    """What the chain of a network is called."""
    return f"NETAVARK-DN-{hashlib.sha512(network.encode()).hexdigest()[:DIGITS].upper()}"
