"""Records of a load: each is known by its header, and nothing of it can change unnoticed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from load.records import HEADER_BYTES, ForeignError, number_of, seal, sealed, value_of

RUNS = st.integers(0, 2**32 - 1)
WORKERS = st.integers(0, 99)
NUMBERS = st.integers(0, 2**40 - 1)
KEYS = st.binary(max_size=20)
VALUES = st.binary(max_size=300)


def flipped(data: bytes, bit: int) -> bytes:
    """The same, but for one bit."""
    found = bytearray(data)
    found[bit // 8] ^= 1 << bit % 8
    return bytes(found)


@given(WORKERS, NUMBERS, KEYS, VALUES)
def test_a_header_names_its_message(worker: int, number: int, key: bytes, value: bytes) -> None:
    """Of any worker, of any number, with any key and value, also without."""
    header = seal(worker, number, key, value)
    assert len(header) == HEADER_BYTES
    assert sealed(header, key, value) == value_of(worker, number)


@given(st.lists(RUNS, min_size=2, max_size=2, unique=True), WORKERS, NUMBERS, KEYS, VALUES)
def test_another_runs_message_is_foreign(
    runs: list[int], worker: int, number: int, key: bytes, value: bytes
) -> None:
    """Of the same worker and number, with the same key and value: the mark tells."""
    own, other = runs
    header = seal(worker, number, key, value, other)
    assert sealed(header, key, value, other) == value_of(worker, number)
    with pytest.raises(ForeignError, match=f"message {number} of worker {worker} is of another"):
        sealed(header, key, value, own)


@given(st.integers(0, 8 * HEADER_BYTES - 1), RUNS, WORKERS, NUMBERS, KEYS, VALUES)
def test_our_message_with_another_mark_isnt_foreign(
    bit: int, run: int, worker: int, number: int, key: bytes, value: bytes
) -> None:
    """One bit of the mark has changed on the way: it would be passed over as somebody else's."""
    header = flipped(seal(worker, number, key, value, run), bit)
    with pytest.raises(ValueError, match="isn't what was sent") as caught:
        sealed(header, key, value, run)
    assert not isinstance(caught.value, ForeignError)


@given(WORKERS, NUMBERS)
def test_numbers_and_names_are_each_others(worker: int, number: int) -> None:
    """No two messages share a name, and a name fits into a history's column."""
    value = value_of(worker, number)
    assert number_of(value) == (worker, number)
    assert 0 <= value < 2**63
    assert value != value_of(worker + 1, number)


@given(st.data(), WORKERS, NUMBERS, st.binary(min_size=1, max_size=20), st.binary(min_size=1))
def test_any_bit_that_changes_in_key_or_value_is_noticed(
    data: st.DataObject, worker: int, number: int, key: bytes, value: bytes
) -> None:
    """One is enough; the message is named, for people."""
    header = seal(worker, number, key, value)
    said = f"message {number} of worker {worker} isn't what was sent"
    bit = data.draw(st.integers(0, 8 * len(key) - 1))
    with pytest.raises(ValueError, match=said):
        sealed(header, flipped(key, bit), value)
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    with pytest.raises(ValueError, match=said):
        sealed(header, key, flipped(value, bit))


def test_the_last_bit_of_a_large_value_counts() -> None:
    """As the first: all of it is looked at."""
    value = bytes(1_000_000)
    header = seal(0, 1, b"k", value)
    assert sealed(header, b"k", value) == value_of(0, 1)
    for bit in (0, 8 * len(value) - 1):
        with pytest.raises(ValueError, match="isn't what was sent"):
            sealed(header, b"k", flipped(value, bit))


@given(st.integers(0, 8 * HEADER_BYTES - 1), WORKERS, NUMBERS, KEYS, VALUES)
def test_any_bit_that_changes_in_a_header_is_noticed(
    bit: int, worker: int, number: int, key: bytes, value: bytes
) -> None:
    """Also in the number: else it would seem to be another message, which is there twice then."""
    header = flipped(seal(worker, number, key, value), bit)
    with pytest.raises(ValueError, match="isn't what was sent"):
        sealed(header, key, value)


@given(WORKERS, NUMBERS, st.binary(min_size=1, max_size=20), VALUES)
def test_what_goes_from_key_to_value_is_noticed(
    worker: int, number: int, key: bytes, value: bytes
) -> None:
    """Both together are the same bytes still, and aren't what was sent."""
    header = seal(worker, number, key, value)
    with pytest.raises(ValueError, match="isn't what was sent"):
        sealed(header, key[:-1], key[-1:] + value)


@given(NUMBERS, VALUES, VALUES)
def test_headers_that_are_exchanged_are_noticed(number: int, one: bytes, other: bytes) -> None:
    """Each belongs to its own key and value alone."""
    assume(one != other)
    with pytest.raises(ValueError, match=f"message {number + 1} of worker 0 isn't what was sent"):
        sealed(seal(0, number + 1, b"k", other), b"k", one)


@given(st.binary(max_size=2 * HEADER_BYTES), KEYS, VALUES)
def test_somebody_elses_header_is_none_of_ours(header: bytes, key: bytes, value: bytes) -> None:
    """Whatever it is, short or long; what is told of it is short."""
    said = r"no header of ours|isn't what was sent|is of another run"
    with pytest.raises(ValueError, match=said) as caught:
        sealed(header, key, value)
    assert len(str(caught.value)) < 120
    if len(header) != HEADER_BYTES:
        assert "no header of ours" in str(caught.value)
