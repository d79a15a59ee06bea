"""The links between nodes: a leader is cut off from those who copy it, and from nobody else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, Producer

from fixtures.pods.asked.network import connects
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle
from suites.support.illness import follower_of

# A follower that fetches nothing is in sync for five seconds (replica.lag.time.max.ms); then the
# leader has it taken out. The controller, too, may have to be elected anew before.
OUT_TIMEOUT_S = 60.0

# What it lacks is copied in a moment; it asks again within seconds.
BACK_TIMEOUT_S = 60.0

# Each leader is there, and well.
WRITE_TIMEOUT_S = 10.0

ALL = frozenset({1, 2, 3})


@pytest.fixture
def topic(broker: Handle) -> Iterator[ScratchTopic]:
    """Three partitions, each led by another node, of which all have copies."""
    led = ((1, 2, 3), (2, 3, 1), (3, 1, 2))
    made = ScratchTopic(broker.endpoint("kafka"), f"links-{uuid.uuid4().hex}", led)
    made.make()
    yield made
    made.remove()


def await_in_sync(topic: ScratchTopic, expected: dict[int, frozenset[int]], limit_s: float) -> None:
    """Wait until the broker says that these nodes have all of each partition."""

    def look() -> None:
        found = topic.in_sync()
        if found != expected:
            raise NotYetError(f"{found}")

    wait_for(look, deadline=Deadline.after(limit_s), what=f"in sync {expected}")


def publish(topic: ScratchTopic) -> None:
    """Write a record to each partition, which its leader acknowledges alone.

    A follower that has all that there is counts as in sync, whether it asks for more or not.
    """
    config = {"acks": "1", "message.timeout.ms": round(WRITE_TIMEOUT_S * 1000), "log_level": 0}
    failed: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": topic.bootstrap, **config})
    for number in topic.numbers:
        producer.produce(
            topic.name,
            b"one more",
            partition=number,
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )
    assert producer.flush(2 * WRITE_TIMEOUT_S) == 0
    assert failed == []


@pytest.mark.disturbs("links", limit_s=240)
def test_a_leader_is_cut_off_from_its_followers_and_clients_reach_it(
    links: Handle, broker: Handle, topic: ScratchTopic
) -> None:
    """Nobody copies what it leads any more; it copies from others as ever; then all is as before.

    By the broker's own word, asked as any client does: only what comes in is cut. It is no leader
    of the quorum: one that isn't reached is voted for again, for it reaches the others.
    """
    node = follower_of(broker)
    whole = dict.fromkeys(topic.numbers, ALL)
    await_in_sync(topic, whole, BACK_TIMEOUT_S)
    with links.fault("isolate", f"broker-{node}", limit_s=120) as fault:
        cut = {n: fault.told.after[f"broker-{n}"] == "isolated" for n in ALL}
        assert cut == {n: n == node for n in ALL}
        publish(topic)
        await_in_sync(topic, whole | {node - 1: frozenset({node})}, OUT_TIMEOUT_S)
        assert topic.leaders() == {0: 1, 1: 2, 2: 3}
        assert all(map(connects, broker.endpoint("kafka").split(",")))
    await_in_sync(topic, whole, BACK_TIMEOUT_S)


@pytest.mark.disturbs("links", limit_s=120)
def test_the_way_to_a_node_alone_is_silent(links: Handle) -> None:
    """Both of its ways, and of nobody else's; what is undone is undone for both."""
    with links.fault("blackhole", "broker-2", limit_s=30) as fault:
        states = {name: fault.told.after[name] for name in ("broker-1", "broker-2", "broker-3")}
        assert states == {
            "broker-1": "joined",
            "broker-2": "joined blackhole",
            "broker-3": "joined",
        }
    assert fault.told.before["broker-2"] == "joined"
