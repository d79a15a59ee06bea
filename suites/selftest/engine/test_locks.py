"""Locks on resources."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import LockTimeoutError
from groundwork.base.wait import Deadline
from groundwork.keep.locks import Claim, Locks

names = st.frozensets(st.sampled_from("abcd"), max_size=3)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=12))
def test_nobody_shares_what_somebody_disturbs(wishes: list[tuple[frozenset[str], ...]]) -> None:
    """Whatever is wished, two who hold locks at the same time never clash."""
    locks = Locks()
    held: list[Claim] = []
    for owner, (exclusive, shared) in enumerate(wishes):
        claim = Claim(owner, exclusive, shared - exclusive)
        free = not any(claim.clashes(other) for other in held)
        if free:
            locks.acquire(owner, exclusive, shared, Deadline.after(0))
            held.append(claim)
        else:
            with pytest.raises(LockTimeoutError):
                locks.acquire(owner, exclusive, shared, Deadline.after(0))
    for claim in held:
        assert locks.release(claim.owner) == claim.exclusive


def test_who_disturbs_goes_before_those_who_come_later() -> None:
    """A stream of users can't starve a test that wants a resource for itself."""
    locks = Locks()
    locks.acquire(1, [], ["broker"], Deadline.after(1))
    got = threading.Event()

    def disturb() -> None:
        locks.acquire(2, ["broker"], [], Deadline.after(30))
        got.set()

    waiter = threading.Thread(target=disturb)
    waiter.start()
    while not locks.waiting():
        pass
    with pytest.raises(LockTimeoutError, match=r"a disturber is ahead|used by connection 1"):
        locks.acquire(3, [], ["broker"], Deadline.after(0.01))
    assert not got.is_set()
    locks.release(1)
    waiter.join(timeout=30)
    assert got.is_set()


def test_a_time_out_says_who_holds_what() -> None:
    """The text names the resource and the connection that holds it."""
    locks = Locks()
    locks.acquire(7, ["relay"], [], Deadline.after(1))
    with pytest.raises(LockTimeoutError, match=r"relay .disturbed by connection 7"):
        locks.acquire(8, [], ["relay", "broker"], Deadline.after(0.01))
