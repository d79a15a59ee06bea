"""Claims: resources held alone or shared, joined by others, waited for with patience that ends."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import CancelledError, LockTimeoutError, UsageError
from groundwork.keep import claims as module
from groundwork.keep.claims import Claim, Claims, Wish

names = st.frozensets(st.sampled_from("abcd"), max_size=3)


def wish(exclusive: str, shared: str = "", *, holder: str = "a test", limit_s: float = 30) -> Wish:
    """A wish for resources of one letter each."""
    return Wish.of(holder, exclusive, shared, limit_s)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than holders have declared."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)


@pytest.mark.usefixtures("impatient")
@given(st.lists(st.tuples(names, names), min_size=1, max_size=12))
def test_nobody_shares_what_somebody_has_alone(wishes: list[tuple[frozenset[str], ...]]) -> None:
    """Whatever is wished, two that are held at the same time never clash."""
    claims = Claims()
    held: list[Claim] = []
    for owner, (exclusive, shared) in enumerate(wishes):
        wanted = Wish.of(f"test {owner}", exclusive, shared, 0)
        if any(wanted.contested(other.wish) for other in held):
            with pytest.raises(LockTimeoutError):
                claims.take(owner, wanted)
        else:
            held.append(claims.take(owner, wanted))
    assert list(claims.held()) == held
    for claim in held:
        assert claims.begin_end(claim.owner) == claim.wish.exclusive
        claims.end(claim.owner)
    assert claims.held() == ()


@pytest.mark.usefixtures("impatient")
def test_who_wants_something_alone_goes_before_those_who_come_later() -> None:
    """A stream of users can't starve a test that wants a resource for itself."""
    claims = Claims()
    claims.take(1, wish("", "b", limit_s=0))
    got = threading.Event()
    broken_off = threading.Event()
    claims.end(1)
    claims.take(1, wish("", "b"))

    def disturb() -> None:
        claims.take(2, wish("b", holder="a disturber"))
        got.set()

    waiter = threading.Thread(target=disturb)
    waiter.start()
    while not claims.waiting():
        pass
    late = threading.Thread(target=lambda: refused(claims, broken_off))
    late.start()
    while len(claims.waiting()) < 2:
        pass
    assert not got.is_set()
    broken_off.set()
    late.join(timeout=30)
    claims.end(1)
    waiter.join(timeout=30)
    assert got.is_set()


def refused(claims: Claims, broken_off: threading.Event) -> None:
    """Wait for what somebody else wants alone, until nobody waits any more."""
    with pytest.raises(CancelledError):
        claims.take(3, wish("", "b"), broken_off=broken_off)


@pytest.mark.usefixtures("impatient")
def test_a_time_out_says_who_holds_what_and_for_how_long() -> None:
    """The text names the resource, its holder, and what that has declared."""
    claims = Claims()
    claims.take(7, wish("r", holder="suites/test_a.py::test_b", limit_s=0.01))
    with pytest.raises(LockTimeoutError, match=r"r held by suites/test_a.py::test_b .*of 0.01 s"):
        claims.take(8, wish("", "rb"))


@pytest.mark.usefixtures("impatient")
def test_whoever_waits_bears_what_the_holder_has_declared() -> None:
    """Not a constant: a holder of half a second is waited for, and then no more."""
    claims = Claims()
    claims.take(1, wish("a", limit_s=0.5))
    timer = threading.Timer(0.3, lambda: claims.end(1))
    timer.start()
    assert claims.take(2, wish("a", limit_s=0.1)).owner == 2
    with pytest.raises(LockTimeoutError):
        claims.take(3, wish("a"))
    timer.join()


def test_whoever_has_to_wait_is_told_of() -> None:
    """Once, with the one it waits for; whoever gets what it wants at once isn't."""
    told: list[tuple[str, str]] = []
    claims = Claims(lambda holder, why: told.append((holder, why)))
    claims.take(1, wish("a", holder="first"))
    timer = threading.Timer(0.5, lambda: claims.end(1))
    timer.start()
    claims.take(2, wish("a", holder="second"))
    timer.join()
    ((holder, why),) = told
    assert holder == "second"
    assert why.startswith("a held by first (")


# --- joining


def test_a_joined_connection_acts_under_the_claim() -> None:
    """What the owner has alone it may disturb, and it gets all of it at once."""
    claims = Claims()
    owned = claims.take(1, wish("a", "b"))
    claims.join(2, owned.key)
    assert claims.may_disturb(2, "a")
    assert not claims.may_disturb(2, "b")
    assert claims.take(2, wish("", "ab")) is owned
    assert claims.take(2, wish("a", "b")) is owned
    assert not claims.may_disturb(3, "a")


@pytest.mark.parametrize("wanted", [wish("", "c"), wish("b"), wish("a", "c")])
def test_a_claim_can_not_be_widened(wanted: Wish) -> None:
    """Whoever has joined gets no more than its owner has; the text names what is missing."""
    claims = Claims()
    claims.join(2, claims.take(1, wish("a", "b", holder="the owner")).key)
    with pytest.raises(UsageError, match=r"claim of the owner, which doesn't have [bc]"):
        claims.take(2, wanted)


def test_a_claim_that_is_over_is_nobodys() -> None:
    """From the moment in which its owner gives it back nobody joins it or acts under it."""
    claims = Claims()
    owned = claims.take(1, wish("a"))
    claims.join(2, owned.key)
    assert claims.begin_end(1) == {"a"}
    assert not claims.may_disturb(1, "a")
    assert not claims.may_disturb(2, "a")
    with pytest.raises(UsageError, match="over"):
        claims.join(3, owned.key)
    claims.end(1)
    assert claims.take(3, wish("a")).owner == 3
    assert not claims.may_disturb(2, "a")


def test_who_leaves_a_claim_takes_nothing_of_it_along() -> None:
    """Its owner holds on; whoever has left may have claims of its own again."""
    claims = Claims()
    owned = claims.take(1, wish("a"))
    claims.join(2, owned.key)
    assert claims.begin_end(2) == frozenset()
    claims.end(2)
    assert claims.held() == (owned,)
    assert not claims.may_disturb(2, "a")
    assert claims.take(2, wish("b")).owner == 2


def test_one_acts_under_one_claim_at_a_time() -> None:
    """Who has a claim joins no other."""
    claims = Claims()
    owned = claims.take(1, wish("a"))
    claims.take(2, wish("b"))
    for peer in (1, 2):
        with pytest.raises(UsageError, match="has a claim already"):
            claims.join(peer, owned.key)


def test_what_a_member_was_lent_is_not_given_back_for_it() -> None:
    """A joined connection that is broken off while it asks takes nothing from the owner."""
    claims = Claims()
    owned = claims.take(1, wish("a"))
    claims.join(2, owned.key)
    claims.give_back(2, claims.take(2, wish("a")))
    assert claims.held() == (owned,)


def test_an_environment_that_ends_keeps_nobody_waiting() -> None:
    """Whoever waits is told so, and whoever comes later."""
    claims = Claims()
    claims.take(1, wish("a"))
    timer = threading.Timer(0.2, claims.close)
    timer.start()
    with pytest.raises(CancelledError):
        claims.take(2, wish("a"))
    with pytest.raises(CancelledError):
        claims.take(3, wish("b"))
    timer.join()
