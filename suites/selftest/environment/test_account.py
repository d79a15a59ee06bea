"""The account: every message is somewhere, and a run of a slow generator is worth nothing."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from groundwork.base.errors import GroundworkError
from load.account import Account, Verdict, judge, on_schedule_of
from load.latency import Latencies

# Ten seconds at a thousand messages a second.
GOOD = Account(scheduled=10_000, sent=10_000, dropped=0, acknowledged=9_990, failed=4, unknown=6)
BOTTLENECK = "the generator was the bottleneck; its limit is at least"
LATE = "99 of 100 messages went within 8.2 ms of when they were due, which should be 5 ms"
SHORT = "5000 messages were scheduled; 1000 a second for 10 s are 10000"


def late(*many_us: tuple[int, int]) -> Latencies:
    """So many messages, so many microseconds late each."""
    found = Latencies()
    for many, late_us in many_us:
        found.fold([late_us] * many)
    return found


def judged(account: Account, lateness: Latencies) -> Verdict:
    """The verdict on ten seconds at a thousand messages a second."""
    on_schedule = on_schedule_of(lateness, 10.0)
    return judge(account, lateness, offered=1_000, duration_s=10.0, on_schedule=on_schedule)


def test_a_balanced_account_is_accepted() -> None:
    """Also one of nothing, and one with messages of every kind; one more of any isn't."""
    every = Account(10, 7, 3, 4, 2, 1)
    for each in (Account(), GOOD, every):
        each.expect_balanced()
    with pytest.raises(GroundworkError, match="11 messages were scheduled"):
        replace(every, scheduled=11).expect_balanced()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("scheduled", "10001 messages were scheduled, and 10000 sent + 0 dropped = 10000"),
        ("dropped", "10000 messages were scheduled, and 10000 sent + 1 dropped = 10001"),
        ("acknowledged", "sent, and 9991 acknowledged + 4 failed + 6 unknown = 10001"),
        ("failed", "sent, and 9990 acknowledged + 5 failed + 6 unknown = 10001"),
        ("unknown", "sent, and 9990 acknowledged + 4 failed + 7 unknown = 10001"),
    ],
)
def test_one_message_too_many_is_noticed(name: str, said: str) -> None:
    """Wherever it is counted; both sides are told with their numbers."""
    wrong = replace(GOOD, **{name: getattr(GOOD, name) + 1})
    with pytest.raises(GroundworkError) as caught:
        wrong.expect_balanced()
    assert said in str(caught.value)
    with pytest.raises(GroundworkError, match="isn't balanced"):
        judged(wrong, late((10_000, 100)))


def test_accounts_of_workers_are_added() -> None:
    """Each column for itself."""
    assert Account(10, 7, 3, 4, 2, 1) + Account(1, 1, 0, 0, 1, 0) == Account(11, 8, 3, 4, 3, 1)
    assert sum([GOOD, GOOD], Account()).acknowledged == 19_980


def test_an_account_is_what_a_worker_has_sent() -> None:
    """By name; nothing is guessed for what is missing, and nothing is left out."""
    counts = asdict(GOOD)
    assert Account.of(counts) == GOOD
    for wrong, said in (
        ({"sent": 1}, "this one says sent"),
        ({}, "this one says nothing"),
        (counts | {"lost": 0}, "lost"),
        (counts | {"sent": -1}, "sent is -1"),
        (counts | {"sent": "1"}, "sent is '1'"),
        (counts | {"sent": True}, "sent is True"),
    ):
        with pytest.raises(GroundworkError, match=said):
            Account.of(wrong)


def test_a_run_on_schedule_is_valid() -> None:
    """Whatever the broker made of it; one of a hundred messages may be late."""
    lateness = late((9_900, 300), (100, 80_000))
    assert judged(GOOD, lateness) == Verdict("valid", ())
    refused = replace(GOOD, acknowledged=0, failed=10_000, unknown=0)
    assert judged(refused, lateness) == Verdict("valid", ())


def test_lateness_makes_a_run_invalid() -> None:
    """More than one of a hundred is late: what is known is what the generator has kept up with."""
    verdict = judged(GOOD, late((9_000, 300), (1_000, 8_192)))
    assert verdict == Verdict(
        "invalid",
        (f"{BOTTLENECK} 900 messages a second: {LATE}",),
    )


def test_the_limit_of_lateness_can_be_another() -> None:
    """The same lateness is borne by one limit, and not by another."""
    lateness = late((10_000, 4_000))
    for limit_ms, judgement in ((4.5, "valid"), (3.5, "invalid")):
        on_schedule = on_schedule_of(lateness, 10.0, limit_ms)
        verdict = judge(
            GOOD,
            lateness,
            offered=1_000,
            duration_s=10.0,
            on_schedule=on_schedule,
            limit_ms=limit_ms,
        )
        assert verdict.judgement == judgement


def test_a_single_drop_makes_a_run_invalid() -> None:
    """It came back on time; but it wasn't sent, and doesn't count for the generator."""
    dropped = replace(GOOD, sent=9_999, dropped=1, acknowledged=9_989)
    verdict = judged(dropped, late((10_000, 300)))
    assert verdict.judgement == "invalid"
    assert verdict.reasons == (
        f"{BOTTLENECK} 999 messages a second: 1 of 10000 messages were dropped",
    )


def test_each_reason_is_told() -> None:
    """Late and dropped are two; none of them says of anything that it is slow."""
    verdict = judged(Account(10_000, 5_000, 5_000, 5_000, 0, 0), late((5_000, 900_000)))
    assert len(verdict.reasons) == 2
    for reason in verdict.reasons:
        assert reason.startswith(f"{BOTTLENECK} 0 messages a second: ")
        assert "slow" not in reason


def test_nothing_scheduled_is_worth_nothing() -> None:
    """Not a run without lateness or drops."""
    assert judged(Account(), Latencies()) == Verdict("invalid", ("nothing was scheduled",))


def test_messages_of_unknown_lateness_are_worth_nothing() -> None:
    """They would all seem to be on time."""
    verdict = judged(GOOD, late((9_999, 300)))
    assert verdict.judgement == "invalid"
    assert verdict.reasons == ("of 10000 messages that were sent, lateness is known of 9999",)


def test_a_schedule_that_fell_behind_is_noticed() -> None:
    """What was never scheduled is neither late nor dropped: the rate tells of it."""
    half = Account(5_000, 5_000, 0, 5_000, 0, 0)
    verdict = judged(half, late((5_000, 300)))
    assert verdict.reasons == (f"{BOTTLENECK} 500 messages a second: {SHORT}",)
    nearly = Account(9_950, 9_950, 0, 9_950, 0, 0)
    assert judged(nearly, late((9_950, 300))).judgement == "valid"
