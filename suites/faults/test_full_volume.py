"""The broker's own volume is full: the node ends, nothing acknowledged is lost, it comes back."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from chaos.evidence import found_at
from fixtures.scratch import ScratchTopic
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.use.client import Handle

# A node writes to the log of its quorum twice a second: it meets the full disk soon, and halts.
END_TIMEOUT_S = 30.0

# From the objective of the broker's recovery; the node reads its whole log before it answers.
BACK_TIMEOUT_S = 60.0

RECORDS = 500
RECORD = b"x" * 1024

# What the environment may have more of on the machine's own disk then: logs, the other nodes' data.
DISK_TOLERANCE_BYTES = 50 * 1024 * 1024


@pytest.fixture
def topic(broker: Handle) -> Iterator[ScratchTopic]:
    """One partition, of which the first node alone has a copy."""
    made = ScratchTopic(broker.endpoint("kafka"), f"full-{uuid.uuid4().hex}", ((1,),))
    made.make()
    yield made
    made.remove()


def publish(topic: ScratchTopic, many: int, within_s: float) -> int:
    """Send records, and wait for their acknowledgements; how many have come."""
    acknowledged = 0

    def told(error: KafkaError | None, _: Message) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    config = {"acks": "all", "message.timeout.ms": round(within_s * 1000), "log_level": 0}
    producer = Producer({"bootstrap.servers": topic.bootstrap, **config})
    for _ in range(many):
        producer.produce(topic.name, RECORD, on_delivery=told)
    producer.flush(within_s + 5)
    return acknowledged


def taken_bytes(folder: Path) -> int:
    """What a folder takes of the machine's disk, as the kernel counts it.

    What is free on all of the disk would tell of everybody else, too.
    """
    disk = folder.stat().st_dev
    taken = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it has just gone
            told = file.lstat()
            taken += told.st_blocks * 512 if told.st_dev == disk else 0
    return taken


@pytest.mark.disturbs("broker-volume", limit_s=300)
def test_a_node_whose_disk_is_full_ends_and_is_there_again_with_all_that_it_acknowledged(
    broker_volume: Handle, broker: Handle, topic: ScratchTopic
) -> None:
    """Seen at the kernel's: nobody listens at its address; the machine's own disk has no part."""
    address = broker.endpoint("kafka").partition(",")[0]
    environment = Path(broker.description.log_dir).parent
    disk_bytes = taken_bytes(environment)
    before = found_at(address)
    assert before is not None
    first = publish(topic, RECORDS, BACK_TIMEOUT_S)
    assert first == RECORDS

    def gone() -> None:
        if found_at(address) is not None:
            raise NotYetError("somebody listens")

    with broker_volume.fault("fill", share=1.0, limit_s=120) as fault:
        assert fault.told.after["broker"] == "100% full"
        wait_for(gone, deadline=Deadline.after(END_TIMEOUT_S), what="the node to end")
        assert publish(topic, 1, 1.0) == 0, "nobody is there who could acknowledge"
        assert abs(taken_bytes(environment) - disk_bytes) < DISK_TOLERANCE_BYTES
    second = publish(topic, RECORDS, BACK_TIMEOUT_S)
    assert second == RECORDS
    after = found_at(address)
    assert after is not None
    assert after.pid != before.pid
    low, high = topic.watermarks()[0]
    assert high - low >= first + second
    assert abs(taken_bytes(environment) - disk_bytes) < DISK_TOLERANCE_BYTES
