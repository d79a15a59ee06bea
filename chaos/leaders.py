"""Leaders: which nodes lead a topic's partitions is changed on purpose, as by an operator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import AlterPartitionReassignmentsRequest
from confluent_kafka import ElectionType, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from chaos.sightings import Sightings
from fixtures.scratch import ADMIN_TIMEOUT_S, ScratchTopic
from groundwork.base.errors import GroundworkError, NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["Leadership", "moved"]

# What an election comes to where a node leads already that is to.
NEEDLESS = KafkaError.ELECTION_NOT_NEEDED

# Every client hears of a new leader within a second or two; a busy machine takes longer.
HEARD_TIMEOUT_S = 20.0

# Whether a partition of this number has the leader that it should have.
Wanted = Callable[[int, int], bool]

# Of requests whose fields are all fixed nothing stands behind them.
NO_TAGS: dict[int, bytes] = {}


@contextmanager
def moved(topic: ScratchTopic) -> Iterator[None]:
    """Have each partition led by the next of its nodes for as long as the block lasts.

    All of them keep their copies: nothing is moved but who leads.

    Raises:
        GroundworkError: The broker refuses.
    """
    before = [list(each) for each in topic.placement]
    try:
        prefer(topic, [[*each[1:], each[0]] for each in before])
        yield
    finally:
        prefer(topic, before)


def prefer(topic: ScratchTopic, placement: Sequence[Sequence[int]]) -> None:
    """Have the first node of each partition preferred, and elected.

    Raises:
        GroundworkError: The broker refuses.
    """
    asyncio.run(reassign(topic, placement))
    admin = AdminClient({"bootstrap.servers": topic.bootstrap, "log_level": 0})
    parts = [TopicPartition(topic.name, number) for number in topic.numbers]
    try:
        found = admin.elect_leaders(ElectionType.PREFERRED, parts).result(ADMIN_TIMEOUT_S)
    except (KafkaException, TimeoutError) as error:
        raise GroundworkError(f"{topic.name}: no leaders are elected: {error}") from error
    refused = [str(e) for e in found.values() if e is not None and e.code() != NEEDLESS]
    if refused:
        raise GroundworkError(f"{topic.name}: {refused[0]}")


async def reassign(topic: ScratchTopic, placement: Sequence[Sequence[int]]) -> None:
    """Tell the broker which nodes have copies of each partition, the preferred leader first.

    Raises:
        GroundworkError: It refuses.
    """
    numbered = [(number, list(nodes), NO_TAGS) for number, nodes in enumerate(placement)]
    timeout_ms = round(ADMIN_TIMEOUT_S * 1000)
    asked = AlterPartitionReassignmentsRequest(
        timeout_ms, [(topic.name, numbered, NO_TAGS)], NO_TAGS
    )
    client = AIOKafkaAdminClient(bootstrap_servers=topic.bootstrap)
    await client.start()
    try:
        # The library knows the request, and has no method for it.
        answer = await client._send_to_controller(asked)  # noqa: SLF001
    finally:
        await client.close()
    codes = [part[1] for _, parts, *_ in answer.responses for part in parts]
    if answer.error_code or any(codes):
        raise GroundworkError(
            f"{topic.name}: reassignment is refused: {answer.error_code}, {codes}"
        )


class Leadership:
    """Of leaders that are others: by a client of its own, that nobody has told.

    Args:
        topic: Whose partitions are to be led by others.
    """

    def __init__(self, topic: ScratchTopic) -> None:
        self.sightings = Sightings()
        self._topic = topic
        self._before: dict[int, int] = {}

    def look_before(self) -> None:
        """Each partition has a leader."""
        self._before = self._topic.leaders()

    def look_during(self) -> None:
        """Each has another one."""
        self._await("another leader of each partition", lambda n, now: now != self._before[n])

    def look_after(self) -> None:
        """Each has the first one again."""
        self._await("each partition's first leader", lambda n, now: now == self._before[n])

    def _await(self, what: str, wanted: Wanted) -> None:
        def look() -> dict[int, int]:
            now = self._topic.leaders()
            if not all(wanted(number, leader) for number, leader in now.items()):
                raise NotYetError(f"leaders are {now}, and were {self._before}")
            return now

        try:
            found = wait_for(look, deadline=Deadline.after(HEARD_TIMEOUT_S), what=what)
        except WaitTimeoutError as error:
            self.sightings.doubts.append(" ".join(str(error).splitlines()[:2]))
        else:
            told = ", ".join(f"{number} by node {leader}" for number, leader in found.items())
            self.sightings.seen.append(f"partitions are led: {told}")
