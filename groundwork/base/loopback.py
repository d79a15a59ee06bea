"""Loopback: what runs on this machine is reached directly, whatever proxy leads elsewhere.

Downloads keep the user's proxy.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["HOSTS", "reach_directly"]

HOSTS = ("127.0.0.1", "localhost", "::1")

# Programs differ in which spelling they read.
SPELLINGS = ("NO_PROXY", "no_proxy")

EVERYTHING = "*"


def reach_directly(environ: MutableMapping[str, str] = os.environ) -> None:
    """Except loopback from the proxies that an environment names, for all that inherits it.

    What the user has excepted stays; where there is no proxy nothing changes.
    """
    if not any(name.lower().endswith("_proxy") for name in environ):
        return
    told = [environ[name] for name in SPELLINGS if environ.get(name)]
    hosts = [host.strip() for text in told for host in text.split(",") if host.strip()]
    if EVERYTHING not in hosts:
        hosts += HOSTS
    for name in SPELLINGS:
        environ[name] = ",".join(dict.fromkeys(hosts))
