"""What a node of the broker stands on: its own disk.

What is done there is done to a resource beside the broker; that it has come to the node is seen at
the node, and at what the kernel says.
"""

from __future__ import annotations

import contextlib
import os

from chaos.evidence import Death, addresses_of
from chaos.sightings import Witness
from fixtures.resources import broker_volume
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.process import Identity
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import Status

__all__ = ["STANDING", "Hunger", "node_on", "standing_witness_of"]

VOLUME = broker_volume.NAME

# What is witnessed here, by resource.
STANDING = {VOLUME: ("fill",)}

# Kafka writes to the log of its quorum twice a second, and halts a moment after it couldn't.
END_TIMEOUT_S = 20.0


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
        self._folder = folder

    def look_before(self) -> None:
        """There is room, and somebody listens."""
        self._expect_room("before")
        super().look_before()

    def look_during(self) -> None:
        """There is no room, and soon no node."""
        free = free_bytes(self._folder)
        self.sightings.expect(
            so=free == 0,
            seen=f"no byte is free at {self._folder}",
            doubt=f"the disk was to be full, and {free} bytes are free at {self._folder}",
        )

        def look() -> None:
            if any(each.alive() for each in self._old.values()):
                raise NotYetError("it lives")

        with contextlib.suppress(WaitTimeoutError):  # that it lives is told below
            wait_for(look, deadline=Deadline.after(END_TIMEOUT_S), what="the node to end")
        super().look_during()

    def look_after(self) -> None:
        """There is room, and another process in the node's place."""
        self._expect_room("again")
        super().look_after()

    def _expect_room(self, when: str) -> None:
        free = free_bytes(self._folder)
        self.sightings.expect(
            so=free > 0,
            seen=f"{free} bytes are free {when} at {self._folder}",
            doubt=f"no byte is free {when} at {self._folder}",
        )


def free_bytes(folder: str) -> int:
    """How much can be written to a file system, as the kernel says."""
    told = os.statvfs(folder)
    return told.f_bavail * told.f_frsize


def standing_witness_of(resource: str, target: str, status: Status) -> Witness:
    """Who looks at what is done to what a node stands on."""
    told = {each.name: each for each in status.resources}
    node = node_on(resource, target)
    addresses = addresses_of(told["broker"], node)
    return Hunger(addresses, status.keeper, told[resource].endpoint())
