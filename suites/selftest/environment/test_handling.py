"""Handling: what a consumer's diary says, held to what was acknowledged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.handler import BEGUN, COMMITTED, ENTRY
from chaos.handling import Handled, entries_of, handled_of, in_middle
from groundwork.checkers.history import COLUMNS, NONE, Client, History, Kind, Outcome, columns_of


def diary_of(folder: Path, number: int, *entries: int) -> Path:
    """A diary, as a handler writes it."""
    file = folder / f"{number}.diary"
    file.write_bytes(b"".join(ENTRY.pack(each) for each in entries))
    return file


def history_of(*sends: tuple[int, Outcome, int]) -> History:
    """One of sends: the record, what came of it, and of which transaction."""
    names = list(COLUMNS)

    def row(number: int, value: int, outcome: Outcome, transaction: int) -> tuple[int, ...]:
        told = dict.fromkeys(names, NONE) | {
            "op": number,
            "kind": int(Kind.SEND),
            "outcome": int(outcome),
            "value": value,
            "transaction": transaction,
        }
        return tuple(told[name] for name in names)

    rows = [row(number, *each) for number, each in enumerate(sends, 1)]
    return History(columns_of(rows), {0: Client("x")}, (), ())


def test_what_was_acknowledged_and_never_handled_is_missing(tmp_path: Path) -> None:
    """And what was handled again is counted; of others nothing is promised."""
    history = history_of(
        (1, Outcome.OK, NONE),
        (2, Outcome.OK, NONE),
        (3, Outcome.OK, NONE),
        (4, Outcome.INFO, NONE),
        (5, Outcome.OK, 7),
    )
    first = diary_of(tmp_path, 1, BEGUN, 1, COMMITTED, BEGUN, 2)
    second = diary_of(tmp_path, 2, BEGUN, 2, 4, COMMITTED)
    assert handled_of(history, [first, second]) == Handled(records=3, missing=1, again=1)
    third = diary_of(tmp_path, 3, BEGUN, 3)
    assert handled_of(history, [first, second, third]).missing == 0


@pytest.mark.parametrize(
    "entries", [(), (BEGUN,), (BEGUN, 1, COMMITTED), (BEGUN, 1, COMMITTED, BEGUN)]
)
def test_between_two_batches_is_no_middle(entries: tuple[int, ...]) -> None:
    """Nothing of one was handled, or all of it is committed."""
    assert not in_middle(entries)


@pytest.mark.parametrize("entries", [(BEGUN, 1), (BEGUN, 1, COMMITTED, BEGUN, 2, 3)])
def test_the_middle_of_a_batch_is_known(entries: tuple[int, ...]) -> None:
    """Something of it was handled, and it isn't committed."""
    assert in_middle(entries)


@given(st.lists(st.integers(0, 2**40), max_size=20), st.integers(0, ENTRY.size - 1))
def test_a_diary_that_ends_in_an_entry_is_read_to_the_one_before(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], torn: int
) -> None:
    """Whoever is killed may be so while he writes."""
    file = diary_of(tmp_path_factory.mktemp("diaries"), 1, *values)
    assert entries_of(file) == tuple(values)
    file.write_bytes(file.read_bytes() + b"\0" * torn)
    assert entries_of(file) == tuple(values)
    assert entries_of(file.with_name("none")) == ()


def test_columns_are_as_the_checker_has_them() -> None:
    """What is built here is a history like any other."""
    history = history_of((1, Outcome.OK, NONE))
    assert np.array_equal(history.columns["value"], [1])
