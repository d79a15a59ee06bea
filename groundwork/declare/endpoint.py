"""An endpoint: one address that a resource serves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["METRICS", "Endpoint"]

# The kind of endpoints that are to be scraped.
METRICS = "metrics"


@dataclass(frozen=True)
class Endpoint:
    """An address that a resource serves, and what is found there.

    Attributes:
        address: Where this machine reaches it: a URL, HOST:PORT, or several of them separated by
            commas; of what is served inside of a cluster alone, the address there.
        kind: What is found there, such as :data:`METRICS`, for whoever looks for all of a kind;
            empty where its name says enough.
        inside: Where those that live in the same host reach it; empty where that is the address.
    """

    address: str
    kind: str = ""
    inside: str = ""
