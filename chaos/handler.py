"""`python -m chaos.handler BOOTSTRAP TOPIC GROUP FILE`: a consumer that awaits, in its own process.

It handles each record of a batch, which takes its time, and commits after that: whoever kills it in
the middle has its records handled again by another. FILE is its diary, of eight bytes an entry: the
number of a record that was handled, or one of the two below. The kernel keeps what was written.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from chaos.records import value_of
from groundwork.use.command import say

__all__ = ["BEGUN", "COMMITTED", "ENTRY"]

ENTRY = struct.Struct(">q")

# A batch was begun; all of it was handled and committed.
BEGUN, COMMITTED = -1, -2

# Small enough that a batch takes a third of a second, in whose middle it can be killed; three times
# what a workload sends.
BATCH_MAX = 1_000
EVERY, PAUSE_S = 50, 0.015

POLL_MS = 200
SESSION_TIMEOUT_MS = 6_000
RETRY_S = 0.5


async def handle(diary: int, records: Sequence[ConsumerRecord]) -> None:
    """Handle a batch, record by record; what is done with each is to write it down."""
    os.write(diary, ENTRY.pack(BEGUN))
    for number, record in enumerate(records):
        if number % EVERY == 0:
            await asyncio.sleep(PAUSE_S)
        os.write(diary, ENTRY.pack(value_of(record.value)))


async def consume(consumer: AIOKafkaConsumer, diary: int, stop: asyncio.Event) -> None:
    """Handle and commit until told to stop, or until whoever has started this is gone."""
    parent = os.getppid()
    while not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        found = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_MAX)
        records = [record for batch in found.values() for record in batch]
        if records:
            await handle(diary, records)
            await consumer.commit({spot: batch[-1].offset + 1 for spot, batch in found.items()})
            os.write(diary, ENTRY.pack(COMMITTED))


async def main(bootstrap: str, topic: str, group: str, file: Path) -> None:
    """Be the group's member until SIGTERM; where the broker is away, again once it is back."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    diary = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while not stop.is_set():
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=500,
        )
        try:
            await consumer.start()
            await consume(consumer, diary, stop)
        except KafkaError as error:
            say(f"again in {RETRY_S:g} s: {error}")
            await asyncio.sleep(RETRY_S)
        finally:
            await consumer.stop()


if __name__ == "__main__":
    own_bootstrap, own_topic, own_group, own_file = sys.argv[1:]
    asyncio.run(main(own_bootstrap, own_topic, own_group, Path(own_file)))
