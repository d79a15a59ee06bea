"""Pictures of anomalies: each operation of an example is in it, in words."""

from __future__ import annotations

from pathlib import Path

from groundwork.checkers.delivery import check
from groundwork.checkers.history import Kind, Outcome, Partition
from reports.anomalies import draw_anomaly
from suites.support.histories import Notes


def test_the_operations_of_an_example_are_drawn(tmp_path: Path) -> None:
    """A record that is gone, and the poll that has passed it by."""
    notes = Notes(partitions=(Partition("t", 0, 0, 4, 4),))
    producer, consumer = notes.client(), notes.client()
    for value in range(4):
        notes.send(producer, value, value)
    notes.poll(consumer, (0, 0), (2, 2), (3, 3))
    history = notes.history()
    lost = check(history, acknowledged_min=0).found("lost write")
    assert lost is not None
    png, svg = draw_anomaly(history, lost, lost.examples[0], tmp_path / "lost-write-1")
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text()
    for said in ("lost write: record 1", "send record 1 at 0@1", "read 3 records, 0@0 to 0@3"):
        assert f"<!-- {said}" in text or said in text
    assert "client 0" in text


def test_what_nobody_knows_is_drawn_too(tmp_path: Path) -> None:
    """Of an operation without a place, and of an example none of whose operations is left."""
    notes = Notes()
    client = notes.client()
    op = notes.note(Kind.COMMIT, client, outcome=Outcome.INFO, transaction=1)
    notes.send(client, 0, 0)
    notes.poll(client, (0, 1))
    history = notes.history()
    finding = check(history, acknowledged_min=0).findings[0]
    for ops in ((op,), (999,)):
        example = type(finding.examples[0])("something", ops)
        files = draw_anomaly(history, finding, example, tmp_path / f"some-{ops[0]}")
        assert all(file.stat().st_size for file in files)
