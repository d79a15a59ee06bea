"""Histories on disk: as they were, or refused with the file's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundwork.base.errors import UsageError
from groundwork.checkers.archive import ABOUT, ROWS, read, write
from groundwork.checkers.history import COLUMNS, NONE, Kind, Outcome, Phase
from suites.support.histories import Notes


def noted() -> Notes:
    """A history with some of everything."""
    notes = Notes(phases=(Phase("cut", 1, 2, progress=False, network=True),))
    producer, consumer = notes.client(acks_all=False), notes.client(subscribed=True, group="g")
    notes.send(producer, 2**62, 0, transaction=3)
    notes.send(producer, 2, NONE, outcome=Outcome.INFO)
    notes.note(Kind.COMMIT, producer, transaction=3)
    notes.poll(consumer, (0, 2**62), (2**40, 2))
    notes.note(Kind.COMMIT_OFFSET, consumer, (1, NONE), generation=4)
    return notes


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Rows, types, clients, partitions and phases."""
    history = noted().history()
    write(history, tmp_path)
    again = read(tmp_path)
    assert (again.clients, again.partitions, again.phases) == (
        history.clients,
        history.partitions,
        history.phases,
    )
    for name, kind in COLUMNS.items():
        assert again.columns[name].dtype == kind
        assert np.array_equal(again.columns[name], history.columns[name])


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (ROWS, None, "there is no such file"),
        (ABOUT, None, "there is no such file"),
        (ROWS, "not parquet", "Parquet"),
        (ABOUT, "{}", "Field required"),
        (ABOUT, "{", "Invalid JSON"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, file: str, text: str | None, said: str) -> None:
    """In one line that names the file."""
    write(noted().history(), tmp_path)
    (tmp_path / file).unlink()
    if text is not None:
        (tmp_path / file).write_text(text)
    with pytest.raises(UsageError) as refused:
        read(tmp_path)
    assert file in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
