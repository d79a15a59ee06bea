"""The ledger and what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base import ledger
from groundwork.base.ledger import FILE, Ledger, Record, things

records = st.lists(
    st.builds(
        Record,
        step=st.sampled_from(["intent", "identity", "ready", "removed", "fault"]),
        kind=st.sampled_from(["process", "folder"]),
        name=st.sampled_from(["a", "b", "c"]),
        data=st.dictionaries(st.sampled_from(["pid", "token"]), st.integers()),
    ),
    max_size=30,
)


@given(written=records)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[Record]
) -> None:
    """A ledger gives back its transitions, in their order."""
    book = Ledger.create(tmp_path_factory.mktemp("state") / "one")
    for record in written:
        book.append(record)
    book.close()
    assert list(ledger.read(book.folder)) == written


@given(written=records.filter(bool), cut=st.integers(0, 10_000))
def test_a_crash_while_writing_costs_at_most_the_last_line(
    tmp_path_factory: pytest.TempPathFactory, written: list[Record], cut: int
) -> None:
    """However a ledger is cut short, what was complete is read and nothing else."""
    book = Ledger.create(tmp_path_factory.mktemp("state") / "one")
    for record in written:
        book.append(record)
    book.close()
    file = book.folder / FILE
    whole = file.read_bytes()
    kept = whole[: cut % (len(whole) + 1)]
    file.write_bytes(kept)
    assert list(ledger.read(book.folder)) == written[: kept.count(b"\n")]


@given(records)
def test_things_are_what_was_begun_and_not_removed(written: list[Record]) -> None:
    """Exactly that is left to clean up which has an intent and, after it, no removal."""
    expected = set()
    for record in written:
        if record.step == "intent":
            expected.add((record.kind, record.name))
        elif record.step == "removed":
            expected.discard((record.kind, record.name))
    assert {(thing.kind, thing.name) for thing in things(written)} == expected


def test_an_identity_completes_its_intent() -> None:
    """The token of the intent and the pid of the identity belong to one thing."""
    intent = Record("intent", "process", "broker", data={"token": "t"})
    identity = Record("identity", "process", "broker", data={"pid": 7})
    (thing,) = things([intent, identity])
    assert thing.data == {"token": "t", "pid": 7}


def test_a_living_keeper_holds_its_ledger(tmp_path: Path) -> None:
    """A ledger can be seized only when nobody holds it any more."""
    book = Ledger.create(tmp_path / "one")
    assert Ledger.seize(tmp_path / "one") is None
    book.close()
    seized = Ledger.seize(tmp_path / "one")
    assert seized is not None
    seized.delete()
    seized.close()
    assert ledger.environments(tmp_path) == ()
    assert not (tmp_path / "one").exists()
