"""The conclusion of a load: whether it was the load that was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from groundwork.base.jsonfile import read_json, write_json
from groundwork.base.machine import Machine
from groundwork.checkers.delivery import check
from load.account import Account, Verdict, judge, on_schedule_of
from load.course import Course
from load.latency import Latencies
from load.result import MS_US, Moment, borne_per_s, merged, together
from load.settings import LoadSettings

__all__ = ["CONCLUSION", "Conclusion", "conclude", "read", "write"]

CONCLUSION = "conclusion.json"

# valid: the load was offered as asked for, and all that was acknowledged is there, once, in order;
# invalid: it wasn't offered so, and nothing was measured; broken: the broker didn't keep its word;
# unknown: too little was seen to tell.
Outcome = Literal["valid", "invalid", "broken", "unknown"]

# What each operation ends with, for people: where it isn't an acknowledgement.
ENDS = {"end-to-end": "it had come back", "consume": "it was in hands"}

SHOWN = (50.0, 90.0, 99.0, 99.9, 99.99)


@dataclass(frozen=True)
class Conclusion:
    """What a load has come to.

    Attributes:
        settings: What was asked for.
        outcome: In a word.
        reasons: Why it isn't ``valid``, in sentences.
        account: What became of every message, also of those that were due before.
        percentiles_ms: Of latency, from when each message was due until it was acknowledged.
        lateness_ms: The same of lateness, until it was given to the client.
        latency, lateness: Both histograms, encoded.
        closed: That of latency in a closed loop beside it; empty where there was none.
        moments: Second by second, of each worker.
        machine: On which it was measured.
        worth: What the checker's verdict says and what it doesn't.
        notes: What else is to be said of a topic that isn't the load's own.
    """

    settings: LoadSettings
    outcome: Outcome
    reasons: tuple[str, ...]
    account: Account
    percentiles_ms: dict[str, float]
    lateness_ms: dict[str, float]
    closed: str
    latency: str
    lateness: str
    moments: tuple[tuple[Moment, ...], ...]
    machine: Machine
    worth: str = ""
    notes: tuple[str, ...] = ()

    @property
    def borne_per_s(self) -> float:
        """Messages that were acknowledged in a second, of a flood."""
        return borne_per_s(together(self.moments), self.settings.warm_up_s)

    def lines(self) -> Iterator[str]:
        """For people."""
        own, found = self.settings, self.account
        where = f" on {own.topic}" if own.existing else ""
        size = f"{own.size_bytes} bytes" if own.size_bytes else "any size"
        yield (
            f"{own.operation}{where}, {own.arrivals}, {own.rate_per_s:g} of {size} a second for "
            f"{own.duration_s:g} s, acks={own.acks}, workers: {own.workers}: {self.outcome} "
            f"(seed {own.seed})"
        )
        yield from (f"  {reason}" for reason in self.reasons)
        yield (
            f"  {found.scheduled} scheduled = {found.sent} sent + {found.dropped} dropped; sent = "
            f"{found.acknowledged} acknowledged + {found.failed} failed + {found.unknown} unknown"
        )
        yield from (f"  {note}" for note in self.notes)
        end = ENDS.get(own.operation, "it was acknowledged")
        yield f"  from when each was due until {end}: {told(self.percentiles_ms)}"
        yield f"  until it was given to the client: {told(self.lateness_ms)}"
        if self.closed:
            found_ms = percentiles_of(Latencies.decode(self.closed))
            yield f"  beside it a closed loop, which waits for each answer: {told(found_ms)}"


def told(percentiles_ms: dict[str, float]) -> str:
    """Percentiles, for people."""
    return ", ".join(f"{name} {value:.2f} ms" for name, value in percentiles_ms.items())


def percentiles_of(found: Latencies) -> dict[str, float]:
    """The percentiles that are shown, and the greatest."""
    shown = {f"p{share:g}": found.percentile(share) / MS_US for share in SHOWN}
    return shown | {"max": found.max_us / MS_US}


def conclude(course: Course) -> Conclusion:
    """Judge what was offered, and what has become of it."""
    own = course.settings
    account, latency, lateness = merged(course.results)
    offered = judgement_of(course, account, lateness)
    outcome: Outcome = offered.judgement
    reasons, worth = list(offered.reasons), "what was sent wasn't read back"
    if course.there is not None:
        worth = f"{course.there} records came to {own.topic}; which they are wasn't looked at"
    if account.failed or account.unknown:
        reasons.append(
            f"of {account.sent} {account.failed} failed, and of {account.unknown} nobody knows"
        )
        outcome = "broken" if outcome == "valid" else outcome
    if course.unread:
        outcome = "invalid"
        reasons.append(f"what was acknowledged can't be read back: {course.unread}")
    if uneven := miscounted(course, account):
        outcome = "broken" if outcome == "valid" else outcome
        reasons.append(uneven)
    if course.history is not None:
        verdict = check(course.history)
        worth = verdict.worth
        wrong = [
            f"{each.anomaly}, {each.count} times: {each.examples[0].text}"
            for each in verdict.findings
        ]
        wrong += [f"{course.corrupt_count} aren't what was sent: {t}" for t in course.corrupt[:1]]
        if outcome == "valid":
            unknown = verdict.judgement == "unknown"
            outcome = "broken" if wrong else "unknown" if unknown else outcome
        reasons += [*wrong, *verdict.doubts]
    return Conclusion(
        settings=own,
        outcome=outcome,
        reasons=tuple(reasons),
        account=account,
        percentiles_ms=percentiles_of(latency),
        lateness_ms=percentiles_of(lateness),
        closed=course.closed.encode() if course.closed is not None else "",
        latency=latency.encode(),
        lateness=lateness.encode(),
        moments=tuple(each.moments for each in course.results),
        machine=Machine.here(),
        worth=worth,
        notes=course.notes,
    )


def miscounted(course: Course, account: Account) -> str:
    """What is wrong with how many records there are, where they were only counted; maybe nothing.

    On a topic that others write to as well there may be more; where not all nodes have what one has
    acknowledged, fewer; and more where a client may send what it has sent.
    """
    own, there = course.settings, course.there
    if there is None or own.consumes:
        return ""
    if own.acks == "all" and there < account.acknowledged:
        return f"{account.acknowledged} records were acknowledged, and {there} are there"
    if own.idempotent and not own.existing and there > account.acknowledged + account.unknown:
        return f"{there} records are there, of {account.sent} that were sent once"
    return ""


def judgement_of(course: Course, account: Account, lateness: Latencies) -> Verdict:
    """Whether it was the load that was asked for."""
    if course.lost:  # what lacks of the schedule then is no fault of the generator's
        account.expect_balanced()
        return Verdict("invalid", (f"{course.lost}: it is gone, and the load ended with it",))
    whole_s = course.settings.warm_up_s + course.settings.duration_s
    return judge(
        account,
        lateness,
        offered=course.scheduled / whole_s,
        duration_s=whole_s,
        on_schedule=on_schedule_of(lateness, whole_s),
    )


ADAPTER = TypeAdapter(Conclusion)


def write(conclusion: Conclusion, folder: Path) -> None:
    """Put it into a load's folder.

    Raises:
        OSError: It can't be written.
    """
    write_json(ADAPTER, conclusion, folder / CONCLUSION)


def read(folder: Path) -> Conclusion:
    """The conclusion of a load's folder.

    Raises:
        UsageError: There is none, or it can't be read; names the file.
    """
    return read_json(ADAPTER, folder / CONCLUSION)
