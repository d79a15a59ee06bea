"""The watch: sees that an objective is broken so much that its experiment must end."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from chaos.recorder import Acknowledged
from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.objective import Objective

__all__ = ["TENFOLD", "Tally", "Watch"]

# What is missed by so much is known to be missed, and costs others time.
TENFOLD = 10

LOOK_INTERVAL_S = 0.5


class Tally:
    """What is acknowledged, and since when too little is.

    Args:
        objective: What is promised.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._since_ns = 0
        self._landed_ns = 0
        self._spared: tuple[int, ...] = ()
        self._last_ns = 0
        self._arrived: defaultdict[int, deque[int]] = defaultdict(deque)

    def landed(self, now_ns: int, spared: tuple[int, ...]) -> None:
        """A fault has landed, which leaves these partitions alone."""
        self._landed_ns, self._spared = now_ns, spared
        if self._objective.since == "fault":
            self._since_ns = now_ns

    def healed(self, now_ns: int) -> None:
        """It is healed."""
        if self._objective.since == "healing":
            self._since_ns = now_ns

    def add(self, sends: Iterable[Acknowledged]) -> None:
        """Records were acknowledged."""
        for partition, _, at_ns in sends:
            self._last_ns = max(self._last_ns, at_ns)
            if partition in self._spared:
                self._arrived[partition].append(at_ns)

    def broken(self, now_ns: int) -> str:
        """What is broken tenfold; empty where nothing is."""
        own = self._objective
        limit_s = TENFOLD * own.within_s
        begin_ns = max(self._since_ns, self._last_ns)
        if self._since_ns and now_ns - begin_ns > limit_s * SECOND_NS:
            return (
                f"nothing was acknowledged for {limit_s:g} s, ten times what an interruption may "
                "take"
            )
        window_ns = round(own.window_s * SECOND_NS)
        if not own.spared_min or now_ns < self._landed_ns + window_ns:
            return ""
        for partition in self._spared:
            arrived = self._arrived[partition]
            while arrived and arrived[0] < now_ns - window_ns:
                arrived.popleft()
            if TENFOLD * len(arrived) < own.spared_min:
                return (
                    f"of partition {partition}, which the fault leaves alone, {len(arrived)} "
                    f"records were acknowledged in {own.window_s:g} s, a tenth of what is promised"
                )
        return ""


class Watch(threading.Thread):
    """Looks at a tally until told to stop.

    Args:
        tally: What is acknowledged.
        look: The next acknowledgements.
        stop: Told what is broken tenfold, once.
    """

    def __init__(
        self,
        tally: Tally,
        look: Callable[[], Iterable[Acknowledged]],
        stop: Callable[[str], None],
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._tally = tally
        self._look = look
        self._tell = stop
        self._over = threading.Event()

    def run(self) -> None:
        """In a thread."""
        while not self._over.wait(LOOK_INTERVAL_S):
            self._tally.add(self._look())
            broken = self._tally.broken(time.monotonic_ns())
            if broken:
                self._tell(broken)
                return

    def end(self) -> None:
        """It is over, for the first time or again; it may never have begun."""
        self._over.set()
        if self.is_alive():
            self.join()
