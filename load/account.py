"""The account: what became of every message, and whether a run of a load is worth anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from groundwork.base.errors import GroundworkError
from load.latency import Latencies

__all__ = ["LIMIT_MS", "Account", "Judgement", "Verdict", "judge", "on_schedule_of"]

Judgement = Literal["valid", "invalid"]

# What a message may be late: a fraction of what brokers take to acknowledge one, and more than the
# few ms that an operating system takes now and then to let a process have its turn.
LIMIT_MS = 5.0
LATE_SHARE = 99

# What may lack of a schedule: its very end, where a run is stopped a moment early. Of what lacks
# otherwise neither lateness nor drops tell, as it was never begun.
MISSING_SHARE_MAX = 0.01


@dataclass(frozen=True)
class Account:
    """What became of messages; each is counted in one place on each side.

    Attributes:
        scheduled: Were due.
        sent: Were handed to the client's library, which took them.
        dropped: Were due and weren't taken: its queue was full, or it was too late for them.
        acknowledged: Are acknowledged by the broker.
        failed: Were given up: the broker has them certainly not.
        unknown: Were sent, and nobody said what became of them.
    """

    scheduled: int = 0
    sent: int = 0
    dropped: int = 0
    acknowledged: int = 0
    failed: int = 0
    unknown: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Account:
        """What a worker has sent of it, such as ``dataclasses.asdict`` makes.

        Args:
            counts: By name, all of them.

        Raises:
            GroundworkError: One is missing, unknown, or no count.
        """
        names = [each.name for each in fields(cls)]
        if set(counts) != set(names):
            said = ", ".join(sorted(counts)) or "nothing"
            raise GroundworkError(f"an account says {', '.join(names)}; this one says {said}")
        for name, count in counts.items():
            if type(count) is not int or count < 0:
                raise GroundworkError(f"of an account {name} is {count!r}, which is no count")
        return cls(**counts)

    def __add__(self, other: Account) -> Account:
        names = (each.name for each in fields(self))
        return Account(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def expect_balanced(self) -> None:
        """Every message that was due is somewhere, and every one that was sent.

        Raises:
            GroundworkError: One isn't, or is in two places: nothing can be said of the run.
        """
        if self.scheduled != self.sent + self.dropped:
            raise GroundworkError(
                f"the account isn't balanced: {self.scheduled} messages were scheduled, and "
                f"{self.sent} sent + {self.dropped} dropped = {self.sent + self.dropped}"
            )
        ended = self.acknowledged + self.failed + self.unknown
        if self.sent != ended:
            raise GroundworkError(
                f"the account isn't balanced: {self.sent} messages were sent, and "
                f"{self.acknowledged} acknowledged + {self.failed} failed + {self.unknown} unknown "
                f"= {ended}"
            )


@dataclass(frozen=True)
class Verdict:
    """Whether a run says anything of whom the load was for.

    Attributes:
        judgement: ``invalid`` where it says something of the generator instead.
        reasons: Why it is invalid, one sentence each; empty where it is valid.
    """

    judgement: Judgement
    reasons: tuple[str, ...]


def on_schedule_of(lateness: Latencies, duration_s: float, limit_ms: float = LIMIT_MS) -> float:
    """Messages a second that certainly went on schedule.

    Args:
        lateness: Of each message, from when it was due until it was handed over.
        duration_s: How long the run was.
        limit_ms: What a message may be late.
    """
    return (lateness.total - lateness.count_over(us_of(limit_ms))) / duration_s


def us_of(limit_ms: float) -> int:
    """The same limit in whole microseconds."""
    return round(limit_ms * 1000)


def judge(
    account: Account,
    lateness: Latencies,
    *,
    offered: float,
    duration_s: float,
    on_schedule: float,
    limit_ms: float = LIMIT_MS,
) -> Verdict:
    """Say whether a run is one of the offered load, or of a generator that couldn't keep up.

    Args:
        account: Of all its messages.
        lateness: Of each message that was sent, from when it was due until ``produce()`` returned.
        offered: Messages a second that were to be sent, on the average of the whole run.
        duration_s: For how long.
        on_schedule: Messages a second that went on schedule, of ``on_schedule_of``.
        limit_ms: What 99 of 100 messages may be late.

    Raises:
        GroundworkError: The account isn't balanced.
    """
    account.expect_balanced()
    if not account.scheduled:
        return Verdict("invalid", ("nothing was scheduled",))
    # What was dropped may have come back on time; it wasn't sent.
    limit = min(on_schedule, account.sent / duration_s)
    bottleneck = (
        f"the generator was the bottleneck; its limit is at least {int(limit)} messages a second"
    )
    reasons = (
        *unmeasured(account, lateness),
        *(f"{bottleneck}: {why}" for why in behind(account, lateness, limit_ms)),
        *(f"{bottleneck}: {why}" for why in missing(account, offered, duration_s)),
    )
    return Verdict("invalid" if reasons else "valid", reasons)


def unmeasured(account: Account, lateness: Latencies) -> Iterator[str]:
    """What was sent and nobody knows when: those would seem to be on time."""
    if lateness.total < account.sent:
        yield f"of {account.sent} messages that were sent, lateness is known of {lateness.total}"


def behind(account: Account, lateness: Latencies, limit_ms: float) -> Iterator[str]:
    """What shows that messages didn't go when they were due."""
    late_us = lateness.percentile(LATE_SHARE)
    if late_us > us_of(limit_ms):
        yield (
            f"{LATE_SHARE} of 100 messages went within {late_us / 1000:.1f} ms of when they were "
            f"due, which should be {limit_ms:g} ms"
        )
    if account.dropped:
        yield f"{account.dropped} of {account.scheduled} messages were dropped"


def missing(account: Account, offered: float, duration_s: float) -> Iterator[str]:
    """What shows that messages were never due, although they were offered."""
    due = round(offered * duration_s)
    if account.scheduled < due * (1 - MISSING_SHARE_MAX):
        yield (
            f"{account.scheduled} messages were scheduled; {offered:g} a second for "
            f"{duration_s:g} s are {due}"
        )
