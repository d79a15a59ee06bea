"""Shared topics: a load into one that exists looks at what is its own, and lets the topic be."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from fixtures.declared.topics import Topic
from groundwork.use.client import Client, Handle
from load.desk import PROGRESS
from load.records import HEADER, seal
from load.settings import LoadSettings
from load.topic import LoadTopic, topics_of
from suites.support.loads import OVERHEAD_S, expect_answered, offer, show
from suites.support.meanwhile import await_told, meanwhile

TOPIC = "market-data.trades"

# Long enough that others have written before it ends.
DURATION_S = 5.0
LIMIT_S = DURATION_S + OVERHEAD_S + 60.0

# What others write, of each sort.
MANY = 100

# A broker that is there answers within milliseconds; the first transaction makes a topic for it.
ANSWER_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Others:
    """Whoever else writes to the topic.

    Attributes:
        plain: A client like any.
        ended, open: Clients with a transaction each; one of them is never ended.
    """

    plain: Producer
    ended: Producer
    open: Producer

    @classmethod
    @contextmanager
    def of(cls, bootstrap: str) -> Iterator[Others]:
        """Them, each with a transaction that has begun where it has one."""
        config = {"bootstrap.servers": bootstrap, "log_level": 0}
        plain = Producer(config)
        ended, left = (
            Producer({**config, "transactional.id": f"load-{uuid.uuid4()}"}) for _ in range(2)
        )
        for each in (ended, left):
            each.init_transactions(ANSWER_TIMEOUT_S)
            each.begin_transaction()
        try:
            yield cls(plain, ended, left)
        finally:
            left.abort_transaction(ANSWER_TIMEOUT_S)

    def write(self) -> None:
        """Records without a header, such as another run's, and both transactions'."""
        for number in range(MANY):
            text = b"%d" % number
            self.plain.produce(TOPIC, text, text)
            header = (HEADER, seal(0, number, text, text, run=2**32 - 1))
            self.plain.produce(TOPIC, text, text, headers=[header])
            for each in (self.ended, self.open):
                each.produce(TOPIC, text, text, 0)
        for each in (self.plain, self.ended, self.open):
            assert each.flush(ANSWER_TIMEOUT_S) == 0
        self.ended.commit_transaction(ANSWER_TIMEOUT_S)


def write_meanwhile(others: Others, folder: Path, over: threading.Event) -> None:
    """Have others write once a load is under way."""
    await_told(lambda: [folder / PROGRESS], "load:", over, OVERHEAD_S)
    others.write()


# To whom a commit is a record, too, is who counts offsets.
@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.parametrize(
    ("operation", "counted"),
    [("produce", 4 * MANY), ("end-to-end", 4 * MANY), ("consume", 4 * MANY + 1)],
)
def test_what_others_write_meanwhile_is_counted_aside(
    broker: Handle,
    topics: tuple[Topic, ...],
    out_dir: Path,
    operation: str,
    counted: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Nothing of it is corrupt, also behind a transaction that nobody ends; the topic stays."""
    bootstrap = broker.endpoint("kafka")
    folder = out_dir / "load" / f"shared-{operation}"
    asked = {"operation": operation, "topic": TOPIC, "duration_s": f"{DURATION_S:g}", "seed": "1"}
    with (
        Others.of(bootstrap) as others,
        meanwhile(lambda over: write_meanwhile(others, folder, over)),
    ):
        conclusion = offer(broker.client, asked, folder, DURATION_S)
    text = show(conclusion, folder)
    record_property("load", text)
    # Not "valid" alone: that a busy machine made messages late says nothing of others'.
    expect_answered(conclusion, text)
    assert conclusion.notes == (f"{counted} records of others came to {TOPIC} meanwhile",)
    assert conclusion.account.acknowledged == conclusion.account.sent > 0
    declared = {each.name: each.partitions for each in topics}
    assert declared.items() <= topics_of(bootstrap).items()
    found = LoadTopic.found(
        LoadSettings.of(
            {"bootstrap": bootstrap, "topic": TOPIC}
            | {"partitions": declared[TOPIC], "existing": True}
        ),
        threading.Event(),
    )
    assert sum(found.settings.begins.values()) >= conclusion.account.sent + counted


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"topic": "trades"}, "topic trades: there is none of that name; there are: "),
        ({"topic": TOPIC, "partitions": "6"}, f"partitions: topic {TOPIC} has 6, and keeps them"),
    ],
)
def test_a_topic_that_isnt_there_so_is_refused(
    broker: Handle, tmp_path: Path, asked: dict[str, str], said: str
) -> None:
    """By the load itself, too, who asks the broker; in one line, and nothing is made."""
    before = topics_of(broker.endpoint("kafka"))
    options = [f"{name}={value}" for name, value in asked.items()]
    client: Client = broker.client
    done = client.job("load", {"options": options}, tmp_path / "load", OVERHEAD_S)
    (line,) = done.log.read_text().splitlines()
    assert line.startswith(f"groundwork: {said}")
    assert done.exit_code == 4
    assert topics_of(broker.endpoint("kafka")) == before
