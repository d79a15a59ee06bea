"""Witnesses of what is done to a cluster's nodes: what the API server says of them, and calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chaos.caller import call
from chaos.evidence import expect_answer
from chaos.sightings import Sightings
from groundwork.base.errors import NotYetError

__all__ = ["Drained", "NodeState", "Standstill"]

# Kubernetes gives a node up that has said nothing for fifty seconds, as it is delivered.
SILENT_TIMEOUT_S = 90.0

# A node that goes on says so within ten seconds; a busy machine has it wait.
BACK_TIMEOUT_S = 60.0

# That it takes no pods is told by whoever closes it, before it is emptied.
CLOSED_TIMEOUT_S = 15.0

# Whether each node is ready, and whether it takes pods, by its name.
NodeState = tuple[bool, bool]
LookAtNodes = Callable[[], Mapping[str, NodeState]]


class Nodes:
    """What these witnesses have: a node as the API server sees it.

    Args:
        look: Asks the API server.
        node: Its name.
    """

    def __init__(self, look: LookAtNodes, node: str) -> None:
        self.sightings = Sightings()
        self.node = node
        self._look = look

    def look_before(self) -> None:
        """It is ready, and takes pods."""
        self.await_state("ready", (True, True), BACK_TIMEOUT_S)

    def look_after(self) -> None:
        """It is as before."""
        self.await_state("ready again", (True, True), BACK_TIMEOUT_S)

    def await_state(self, word: str, wanted: NodeState, limit_s: float) -> None:
        """Wait for a node to be ready or not, and to take pods or not."""

        def look() -> None:
            ready, takes = found = self._look()[self.node]
            if found != wanted:
                told = "ready" if ready else "not ready"
                raise NotYetError(f"it is {told}, and takes {'pods' if takes else 'none'}")

        what, by = f"node {self.node}", f"{word}, by the API server's word"
        self.sightings.expect_soon(look, limit_s, f"{what} to be {by}", f"{what} is {by}")


class Standstill(Nodes):
    """Of a node that stands still: it says nothing any more, and nobody on it answers.

    Args:
        look: Asks the API server.
        node: Its name.
        there: Where those are called that are on it, and stay.
        elsewhere: Where those are called that aren't.
    """

    def __init__(
        self, look: LookAtNodes, node: str, there: Sequence[str], elsewhere: Sequence[str]
    ) -> None:
        super().__init__(look, node)
        self._there = there
        self._elsewhere = elsewhere

    def look_before(self) -> None:
        """It is ready, and everybody answers."""
        super().look_before()
        for address in (*self._there, *self._elsewhere):
            if (reply := call(address)) != "answered":
                self.sightings.doubts.append(f"a call to {address} was {reply} before")

    def look_during(self) -> None:
        """Nobody answers there, others do, and the API server gives it up."""
        for address in self._there:
            self._expect(address, "swallowed")
        for address in self._elsewhere:
            self._expect(address, "answered")
        # Its pods are there still, for all that anybody knows.
        self.await_state("given up", (False, True), SILENT_TIMEOUT_S)

    def look_after(self) -> None:
        """It is ready, and everybody answers."""
        super().look_after()
        for address in (*self._there, *self._elsewhere):
            expect_answer(self.sightings, address)

    def _expect(self, address: str, wanted: str) -> None:
        reply = call(address)
        self.sightings.expect(
            so=reply == wanted,
            seen=f"a call to {address} is {reply}",
            doubt=f"a call to {address} was to be {wanted}, and was {reply}",
        )


class Drained(Nodes):
    """Of a node that is emptied: it takes nothing more, and has nothing that could be elsewhere.

    Args:
        look: Asks the API server.
        node: Its name.
        movable: The names of the pods on it that could be elsewhere.
    """

    def __init__(self, look: LookAtNodes, node: str, movable: Callable[[], Sequence[str]]) -> None:
        super().__init__(look, node)
        self._movable = movable

    def look_before(self) -> None:
        """It takes pods, and has some."""
        super().look_before()
        if not self._movable():
            self.sightings.doubts.append(f"node {self.node} had nothing that could be elsewhere")

    def look_during(self) -> None:
        """It takes none, and has none."""
        self.await_state("ready and closed", (True, False), CLOSED_TIMEOUT_S)
        left = self._movable()
        self.sightings.expect(
            so=not left,
            seen=f"nothing is left on {self.node} that could be elsewhere",
            doubt=f"{self.node} was to be empty, and has {', '.join(left)}",
        )
