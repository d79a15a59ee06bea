"""What a node of the broker stands on: its own disk, and who copies what it leads.

What is done there is done to a resource beside the broker; that it has come to the node is seen at
the node, and at what the kernel says.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping

import requests

from chaos.evidence import Death, addresses_of
from chaos.room import END_TIMEOUT_S, Room
from chaos.sightings import Sightings, Witness
from fixtures.resources import broker_volume, links
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import GroundworkError, NotYetError, UsageError, WaitTimeoutError
from groundwork.base.process import Identity
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.resource import Description
from groundwork.keep.messages import Status

__all__ = [
    "LINKS",
    "STANDING",
    "Copies",
    "Hunger",
    "followers_of",
    "node_on",
    "standing_witness_of",
]

VOLUME, LINKS = broker_volume.NAME, links.NAME

# What is witnessed here, by resource.
STANDING = {VOLUME: ("fill",), LINKS: ("isolate",)}

# A follower that fetches nothing is in sync for five seconds (replica.lag.time.max.ms), and up to
# half of that more before somebody looks.
OUT_TIMEOUT_S = 15.0

# What followers lack is copied in a moment; they ask again within seconds.
BACK_TIMEOUT_S = 60.0

# What a node tells that leads the quorum of controllers.
LEADS = re.compile(
    r"^kafka_controller_kafkacontroller_activecontrollercount(\{.*\})? 1(\.0)?$", re.MULTILINE
)
METRICS_TIMEOUT_S = 5.0


def node_on(resource: str, target: str) -> str:
    """The broker's node that stands on a part of a resource; empty where that isn't known."""
    return broker_volume.NODE if resource == VOLUME else target


class Hunger(Death):
    """Of a disk that is full: the kernel has no room in it, and the node that writes there ends.

    Args:
        addresses: Where the node listens.
        keeper: Whose child it is.
        folder: The disk.
    """

    def __init__(self, addresses: tuple[str, ...], keeper: Identity, folder: str) -> None:
        super().__init__(addresses, keeper)
        at = f"at {folder}"
        self._room = Room(self.sightings, "the disk", at, lambda: free_bytes(folder))

    def look_before(self) -> None:
        """There is room, and somebody listens."""
        self._room.expect_some("before")
        super().look_before()

    def look_during(self) -> None:
        """There is no room, and soon no node."""
        self._room.expect_none()

        def look() -> None:
            if any(each.alive() for each in self._old.values()):
                raise NotYetError("it lives")

        with contextlib.suppress(WaitTimeoutError):  # that it lives is told below
            wait_for(look, deadline=Deadline.after(END_TIMEOUT_S), what="the node to end")
        super().look_during()

    def look_after(self) -> None:
        """There is room, and another process in the node's place."""
        self._room.expect_some("again")
        super().look_after()


def free_bytes(folder: str) -> int:
    """How much can be written to a file system, as the kernel says."""
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize


class Copies:
    """Of a leader that nobody copies from: by the broker's word, to a client that nobody has told.

    Args:
        topic: Of which it leads some partitions.
        node: Its number.
    """

    def __init__(self, topic: ScratchTopic, node: int) -> None:
        self.sightings = Sightings()
        self._topic = topic
        self._node = node

    def look_before(self) -> None:
        """All nodes have all of each partition, and the first of each leads it."""
        self._await("all of each partition everywhere", self._whole(), BACK_TIMEOUT_S)
        self._expect_leaders()

    def look_during(self) -> None:
        """What it leads it has alone, and leads it still; what others lead it has, too."""
        alone = {
            number: frozenset({self._node})
            for number, nodes in enumerate(self._topic.placement)
            if nodes[0] == self._node
        }
        what = f"node {self._node} alone in what it leads"
        self._await(what, self._whole() | alone, OUT_TIMEOUT_S)
        self._expect_leaders()

    def look_after(self) -> None:
        """All have all of it again."""
        self._await("all of each partition everywhere again", self._whole(), BACK_TIMEOUT_S)

    def _whole(self) -> dict[int, frozenset[int]]:
        return {number: frozenset(own) for number, own in enumerate(self._topic.placement)}

    def _expect_leaders(self) -> None:
        leaders = self._topic.leaders()
        self.sightings.expect(
            so=leaders == {number: own[0] for number, own in enumerate(self._topic.placement)},
            seen=f"partitions are led as they were placed: {leaders}",
            doubt=f"partitions were to be led as they were placed, and are: {leaders}",
        )

    def _await(self, what: str, expected: dict[int, frozenset[int]], limit_s: float) -> None:
        def look() -> None:
            if (found := self._topic.in_sync()) != expected:
                raise NotYetError(f"in sync are {told_of(found)}")

        self.sightings.expect_soon(look, limit_s, what, f"{what}: {told_of(expected)}")


def told_of(in_sync: Mapping[int, frozenset[int]]) -> str:
    """Which nodes have all of each partition, for people."""
    return ", ".join(f"{number}: {sorted(nodes)}" for number, nodes in sorted(in_sync.items()))


def followers_of(broker: Description) -> tuple[int, ...]:
    """The nodes that don't lead the quorum of controllers, by what each measures of itself.

    Raises:
        GroundworkError: There are none.
    """
    found = tuple(
        int(name.removeprefix("metrics-"))
        for name, endpoint in sorted(broker.endpoints.items())
        if name.startswith("metrics-")
        and not LEADS.search(requests.get(endpoint.address, timeout=METRICS_TIMEOUT_S).text)
    )
    if not found:
        raise GroundworkError(f"{broker.name} has no node that follows another")
    return found


def standing_witness_of(resource: str, target: str, status: Status, topic: ScratchTopic) -> Witness:
    """Who looks at what is done to what a node stands on.

    Args:
        resource: What that is.
        target: Which part of it.
        status: The keeper's.
        topic: The workload's.

    Raises:
        UsageError: Nobody can.
    """
    if resource == LINKS:
        if not target:
            raise UsageError(f"{LINKS}: of which node is to be said: of all nobody can witness it")
        return Copies(topic, int(target.rpartition("-")[2]))
    told = {each.name: each for each in status.resources}
    node = node_on(resource, target)
    addresses = addresses_of(told["broker"], node)
    return Hunger(addresses, status.keeper, told[resource].endpoint())
