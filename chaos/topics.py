"""Topics of the workload's own: made, looked at when all is over, and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as Spot
from confluent_kafka.admin import AdminClient, NewTopic, PartitionMetadata  # type: ignore[attr-defined] # it is there

from groundwork.base.errors import GroundworkError, NotYetError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["Topic"]

ADMIN_TIMEOUT_S = 20.0

# After all is healed: a node that comes back catches up first.
WATERMARK_TIMEOUT_S = 60.0

# Nothing goes while it is looked for.
KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


@dataclass(frozen=True)
class Topic:
    """A topic.

    Attributes:
        bootstrap: Where the broker is found.
        name: Nobody else's.
        placement: Of each partition the nodes that have a copy, the preferred leader first.
        config: What it is configured with, besides that nothing goes.
    """

    bootstrap: str
    name: str
    placement: Sequence[Sequence[int]]
    config: Mapping[str, str] = field(default_factory=dict)

    def make(self) -> None:
        """Make it.

        Raises:
            GroundworkError: The broker refuses, or can't be reached.
        """
        config = KEPT | dict(self.config)
        nodes = [list(each) for each in self.placement]
        topic = NewTopic(self.name, len(nodes), replica_assignment=nodes, config=config)
        admin = self._admin()  # whose answers end with it
        try:
            for told in admin.create_topics([topic]).values():
                told.result(ADMIN_TIMEOUT_S)
        except KafkaException as error:
            raise GroundworkError(f"topic {self.name} can't be made: {error}") from error

    def remove(self) -> None:
        """Remove it, with what is in it."""
        admin = self._admin()
        for told in admin.delete_topics([self.name]).values():
            told.result(ADMIN_TIMEOUT_S)

    def leaders(self) -> dict[int, int]:
        """The node that leads each partition; raises NotYetError where nobody can tell."""
        return {number: each.leader for number, each in self._told().items()}

    def in_sync(self) -> dict[int, frozenset[int]]:
        """The nodes that have all of each partition; raises NotYetError where nobody can tell."""
        return {number: frozenset(each.isrs) for number, each in self._told().items()}

    def _told(self) -> Mapping[int, PartitionMetadata]:
        try:
            told = self._admin().list_topics(self.name, ADMIN_TIMEOUT_S)
            return told.topics[self.name].partitions
        except KafkaException as error:
            raise NotYetError(f"{self.name}: {error}") from error

    @property
    def numbers(self) -> range:
        """The numbers of its partitions."""
        return range(len(self.placement))

    def watermarks(self) -> dict[int, tuple[int, int]]:
        """The first offset and the high watermark of each partition.

        Raises:
            WaitTimeoutError: Some can't be told.
        """
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "nobody's", "log_level": 0}
        )
        try:
            return wait_for(
                lambda: {number: self._marks(consumer, number) for number in self.numbers},
                deadline=Deadline.after(WATERMARK_TIMEOUT_S),
                what=f"the high watermarks of {self.name}",
            )
        finally:
            consumer.close()

    def _marks(self, consumer: Consumer, number: int) -> tuple[int, int]:
        """The first offset and the high watermark of a partition."""
        try:
            marks = consumer.get_watermark_offsets(Spot(self.name, number), ADMIN_TIMEOUT_S)
        except KafkaException as error:
            raise NotYetError(f"partition {number}: {error}") from error
        if marks is None:
            raise NotYetError(f"partition {number} has no watermarks")
        return int(marks[0]), int(marks[1])

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
