"""Oblivion: a client of librdkafka that knows no broker any more, and will never know one again.

A node of Kafka that ends may answer that there are no brokers. librdkafka believes it, forgets
also those that it was told of in the beginning, and may lose that it meant to begin with these
again (confluentinc/librdkafka#5301, open in 2.16): it asks nobody any more, and whatever is sent
by it is given up in the end. Presumably that was it where, on a busy machine, three nodes ended
at about the same time and a producer got nothing through for good. An application that wants to
live on begins anew with another client, and so do ours: what such a one had under way is unknown.
"""

from __future__ import annotations

import json

__all__ = ["Oblivion"]

EVERY_MS = 1_000

# A client that begins again at its bootstrap servers knows nobody for a moment.
TOLD_MAX = 3

# Whom it was told of in the beginning, and of whom by those.
SOURCES = frozenset({"configured", "learned"})


class Oblivion:
    """Hears what a client tells of itself once a second.

    Attributes:
        complete: Whether it has known no broker for three seconds in a row.
    """

    def __init__(self) -> None:
        self.complete = False
        self._told = 0

    def configuration(self) -> dict[str, object]:
        """What the client is configured with, so that it tells."""
        return {"statistics.interval.ms": EVERY_MS, "stats_cb": self.hear}

    def hear(self, statistics: str) -> None:
        """What the client has told: librdkafka's statistics, as JSON."""
        brokers = json.loads(statistics)["brokers"].values()
        known = any(each["source"] in SOURCES for each in brokers)
        self._told = 0 if known else self._told + 1
        self.complete = self._told >= TOLD_MAX
