"""Conclusions of loads: valid, invalid, broken or unknown, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from groundwork.base.errors import GroundworkError, UsageError
from groundwork.checkers.history import History, Outcome, Partition
from load.account import Account
from load.clock import Clock
from load.conclusion import CONCLUSION, Conclusion, conclude, read, write
from load.course import Course
from load.latency import Latencies
from load.result import Moment, Result
from load.settings import LoadSettings
from suites.support.histories import Notes

# A second at a thousand a second, and a tenth of one before, of two workers.
SETTINGS = LoadSettings.of(
    {
        "bootstrap": "-",
        "topic": "t",
        "rate_per_s": 1_000,
        "duration_s": 1,
        "warm_up_s": 0.1,
        "seed": 7,
        "workers": 2,
    }
)
ALL = Account(scheduled=550, sent=550, acknowledged=550)
MOMENT = Moment(1.0, 500, 500, 2.0, 3.0, 4.5, 0.1, {"generator": 0.25, "client": 0.1})

LATE = "99 of 100 messages went within 8.2 ms of when they were due, which should be 5 ms"


def many(*counted: tuple[int, int]) -> str:
    """So many messages, so many microseconds each, encoded."""
    found = Latencies()
    for count, took_us in counted:
        found.fold([took_us] * count)
    return found.encode()


def result(worker: int = 0, **other: object) -> Result:
    """One of a worker with whom all went well, but for this."""
    good = Result(worker, Clock.here(), 0, ALL, many((500, 2_000)), many((550, 100)), (MOMENT,))
    return replace(good, **other)  # type: ignore[arg-type] # by name


def complete(read_to: int = 10, gone: tuple[int, ...] = ()) -> Notes:
    """Ten records that were sent and acknowledged, and are read, but for those that are gone."""
    notes = Notes(partitions=(Partition("t", 0, 0, 10, read_to),))
    producer, consumer = notes.client(), notes.client()
    for value in range(10):
        notes.send(producer, value, value)
    notes.poll(consumer, *((value, value) for value in range(read_to) if value not in gone))
    return notes


def lossy() -> History:
    """One of them is gone."""
    return complete(gone=(4,)).history()


def course(
    *results: Result,
    history: History | None = None,
    corrupt: tuple[str, ...] = (),
    closed: Latencies | None = None,
) -> Course:
    """One of two workers, with whom all went well but for this; all was read back."""
    told = results or (result(0), result(1))
    found = complete().history() if history is None else history
    return Course(SETTINGS, told, found, corrupt, len(corrupt), closed)


def test_a_good_load_is_valid() -> None:
    """It was offered as asked for, and all that was acknowledged is there."""
    found = conclude(course())
    assert (found.outcome, found.reasons) == ("valid", ())
    assert found.account == ALL + ALL
    assert found.settings == SETTINGS
    assert found.moments == ((MOMENT,), (MOMENT,))
    assert "power" in found.worth


def test_what_wasnt_read_back_is_valid_and_worth_less() -> None:
    """Its worth says so; nothing is said of what is there."""
    found = conclude(replace(course(), history=None))
    assert (found.outcome, found.worth) == ("valid", "what was sent wasn't read back")


@pytest.mark.parametrize(
    ("there", "unknown", "outcome", "said"),
    [
        (1_100, 0, "valid", None),
        (1_099, 0, "broken", "1100 records were acknowledged, and 1099 are there"),
        (1_101, 0, "broken", "1101 records are there, of 1100 that were sent once"),
        (1_099, 2, "broken", "of 1100 0 failed, and of 2 nobody knows"),
    ],
)
def test_what_is_only_counted_is_as_many_as_it_should_be(
    there: int, unknown: int, outcome: str, said: str | None
) -> None:
    """None that was acknowledged is missing, and none is there twice; what nobody knows may be."""
    account = replace(ALL, acknowledged=ALL.acknowledged - unknown, unknown=unknown)
    told = result(0), result(1, account=account)
    found = conclude(replace(course(*told), history=None, there=there))
    assert (found.outcome, found.reasons) == (outcome, (said,) if said else ())
    assert found.worth == f"{there} records came to t; which they are wasn't looked at"


@pytest.mark.parametrize(
    ("changed", "there"),
    [({"acks": "1", "idempotent": False}, 1_000), ({"existing": True}, 1_200)],
)
def test_what_may_be_fewer_or_more_is_no_fault(changed: dict[str, object], there: int) -> None:
    """Where one node acknowledges alone; where others write to the same topic."""
    own = SETTINGS.model_copy(update=changed)
    found = conclude(replace(course(), settings=own, history=None, there=there))
    assert found.outcome == "valid"


def test_lateness_makes_it_invalid() -> None:
    """Of one worker alone, where more than one of a hundred of all are late."""
    slow = result(1, lateness=many((525, 100), (25, 8_192)))
    found = conclude(course(result(0), slow))
    assert found.outcome == "invalid"
    # 1,075 of 1,100 were on time, in 1.1 s.
    assert found.reasons == (
        f"the generator was the bottleneck; its limit is at least 977 messages a second: {LATE}",
    )
    nearly = result(1, lateness=many((540, 100), (10, 8_192)))
    assert conclude(course(result(0), nearly)).outcome == "valid"


@pytest.mark.parametrize(("late_us", "outcome"), [(4_990, "valid"), (5_010, "invalid")])
def test_the_limit_of_lateness_is_five_ms(late_us: int, outcome: str) -> None:
    """What the account says it is."""
    found = conclude(course(*(result(n, lateness=many((550, late_us))) for n in range(2))))
    assert found.outcome == outcome


def test_a_single_drop_makes_it_invalid() -> None:
    """The client had no room for it: what it would have taken nobody knows."""
    account = replace(ALL, sent=549, dropped=1, acknowledged=549)
    found = conclude(course(result(0), result(1, account=account)))
    assert found.outcome == "invalid"
    assert len(found.reasons) == 1
    assert found.reasons[0].endswith("1 of 1100 messages were dropped")


def test_a_load_that_was_ended_early_is_invalid() -> None:
    """What was due before is offered, too: with one of two workers half of it is missing."""
    found = conclude(course(result(0)))
    assert found.outcome == "invalid"
    assert "550 messages were scheduled; 1000 a second for 1.1 s are 1100" in found.reasons[0]
    assert conclude(replace(course(), results=())).reasons[0] == "nothing was scheduled"


def test_messages_that_are_nowhere_are_no_result() -> None:
    """Nothing can be concluded of an account that isn't balanced."""
    lost = result(1, account=replace(ALL, acknowledged=549))
    with pytest.raises(GroundworkError, match="isn't balanced"):
        conclude(course(result(0), lost))


def test_a_broker_that_breaks_its_word_is_told() -> None:
    """What was found, how often, and the first that shows it."""
    found = conclude(course(history=lossy()))
    assert found.outcome == "broken"
    (said,) = found.reasons
    assert said == (
        "lost write, 1 times: record 4 was acknowledged at t-0@4, and nobody has read it, though "
        "t-0@9 was read"
    )


def test_what_isnt_what_was_sent_breaks_it() -> None:
    """How many there are, and the first."""
    found = conclude(course(corrupt=("t-0@3: it has no header of ours", "t-0@4: neither")))
    assert found.outcome == "broken"
    assert found.reasons == ("2 aren't what was sent: t-0@3: it has no header of ours",)


def test_too_little_to_tell_is_unknown() -> None:
    """Nobody has read as far as the broker says there is, or knows what became of most."""
    short = complete()
    short.partitions = (Partition("t", 0, 0, 12, 10),)
    found = conclude(course(history=short.history()))
    assert found.outcome == "unknown"
    assert found.reasons == ("t-0: the final read came to 10, and the high watermark is 12",)
    vague = complete()
    for value in range(10, 20):
        vague.send(0, value, -1, outcome=Outcome.INFO)
    found = conclude(course(history=vague.history()))
    assert found.outcome == "unknown"
    assert "of 50% of the sends nobody knows" in found.reasons[0]


def test_the_worst_is_what_it_comes_to_and_all_is_told() -> None:
    """A loss is one however little was seen; with a slow generator nothing was measured."""
    notes = complete(read_to=8)
    history = notes.history()
    found = conclude(course(history=history))
    assert found.outcome == "broken"
    assert [each.split(",")[0] for each in found.reasons] == [
        "unseen",
        "t-0: the final read came to 8",
    ]
    short = complete()
    short.partitions = (Partition("t", 0, 0, 12, 10),)
    assert conclude(course(history=short.history(), corrupt=("t-0@11: x",))).outcome == "broken"
    late = [result(worker, lateness=many((550, 8_192))) for worker in range(2)]
    found = conclude(course(*late, history=history, corrupt=("t-0@3: x",)))
    assert found.outcome == "invalid"
    assert [each.split(",")[0] for each in found.reasons[1:]] == [
        "unseen",
        "1 aren't what was sent: t-0@3: x",
        "t-0: the final read came to 8",
    ]


@pytest.mark.parametrize("keep", [True, False])
def test_where_nothing_was_acknowledged_nothing_is_valid(*, keep: bool) -> None:
    """A broker that refuses all has no latency of 0 ms; how many it refused is told."""
    notes = Notes(partitions=(Partition("t", 0, 0, 0, 0),))
    producer, _ = notes.client(), notes.client()
    for value in range(10):
        notes.send(producer, value, -1, outcome=Outcome.FAIL)
    refused = replace(ALL, acknowledged=0, failed=550)
    told = [result(n, account=refused, latency=many()) for n in range(2)]
    history = notes.history() if keep else None
    found = conclude(replace(course(*told), history=history))
    assert found.outcome == "broken"
    assert found.reasons == ("of 1100 1100 failed, and of 0 nobody knows",)


def test_a_single_message_that_nobody_knows_of_is_told() -> None:
    """Latencies are of what was acknowledged: whoever was never answered isn't among them."""
    account = replace(ALL, acknowledged=549, unknown=1)
    found = conclude(course(result(0), result(1, account=account)))
    assert found.outcome == "broken"
    assert found.reasons == ("of 1100 0 failed, and of 1 nobody knows",)


def test_what_couldnt_be_read_back_says_nothing() -> None:
    """Why is told."""
    found = conclude(replace(course(), history=None, unread="no broker"))
    assert found.outcome == "invalid"
    assert found.reasons == ("what was acknowledged can't be read back: no broker",)


def test_who_is_gone_makes_it_invalid_and_nobody_else_is_blamed() -> None:
    """What lacks of the schedule then isn't the generator's fault; the account has all the rest."""
    account = Account(scheduled=200, sent=200, acknowledged=150, unknown=50)
    told = [result(n, account=account, lateness=many((200, 9_000))) for n in range(2)]
    found = conclude(replace(course(*told), history=None, lost="broker: it ended"))
    assert found.outcome == "invalid"
    assert found.reasons == (
        "broker: it ended: it is gone, and the load ended with it",
        "of 400 0 failed, and of 100 nobody knows",
    )
    astray = replace(account, unknown=49)
    with pytest.raises(GroundworkError, match="isn't balanced"):
        conclude(replace(course(result(0, account=astray), told[1]), lost="broker: it ended"))


def test_percentiles_are_those_of_all_workers_in_milliseconds() -> None:
    """Merged by their histograms: no mean of percentiles."""
    closed = Latencies()
    closed.fold([700] * 10)
    slow = result(1, latency=many((495, 1_000), (5, 60_000)), lateness=many((550, 50)))
    found = conclude(course(result(0, latency=many((500, 1_000))), slow, closed=closed))
    assert list(found.percentiles_ms) == ["p50", "p90", "p99", "p99.9", "p99.99", "max"]
    assert found.percentiles_ms["p50"] == found.percentiles_ms["p99"] == 1.0
    assert found.percentiles_ms["p99.9"] == pytest.approx(60.0, rel=1e-3)
    assert found.percentiles_ms["max"] == 60.0
    assert (found.lateness_ms["p50"], found.lateness_ms["max"]) == (0.05, 0.1)
    assert Latencies.decode(found.closed) == closed
    assert Latencies.decode(found.latency).total == 1_000
    assert Latencies.decode(found.lateness).total == 1_100
    assert conclude(course()).closed == ""


def test_people_are_told_the_equation() -> None:
    """Each message that was due is in it once, and each number has a name."""
    account = Account(550, 540, 10, 500, 15, 25)
    told = [result(n, account=account, lateness=many((540, 100))) for n in range(2)]
    lines = list(conclude(course(*told)).lines())
    assert lines[0] == (
        "produce, constant, 1000 of 100 bytes a second for 1 s, acks=all, workers: 2: invalid "
        "(seed 7)"
    )
    assert lines[1].endswith("20 of 1100 messages were dropped")
    assert lines[2] == "  of 1080 30 failed, and of 50 nobody knows"
    assert lines[3] == (
        "  1100 scheduled = 1080 sent + 20 dropped; sent = 1000 acknowledged + 30 failed + 50 "
        "unknown"
    )
    assert lines[4].startswith("  from when each was due until it was acknowledged: p50 2.00 ms, ")
    assert lines[5].startswith("  until it was given to the client: p50 0.10 ms, ")
    assert len(lines) == 6


def test_people_are_told_of_a_topic_that_isnt_its_own() -> None:
    """Which it was, and what others did there; sizes that nobody asked for are no sizes."""
    settings = SETTINGS.model_copy(update={"existing": True, "topic": "trades", "size_bytes": 0})
    found = conclude(replace(course(), settings=settings, notes=("3 records of others came",)))
    lines = list(found.lines())
    assert lines[0].startswith("produce on trades, constant, 1000 of any size a second for 1 s,")
    assert lines[2] == "  3 records of others came"


@pytest.mark.parametrize(
    ("operation", "end"), [("end-to-end", "it had come back"), ("consume", "it was in hands")]
)
def test_people_are_told_what_latency_ends_with(operation: str, end: str) -> None:
    """An acknowledgement, unless it is something else."""
    settings = SETTINGS.model_copy(update={"operation": operation})
    lines = list(conclude(replace(course(), settings=settings)).lines())
    assert lines[2].startswith(f"  from when each was due until {end}: p50 2.00 ms, ")


def test_people_are_told_of_a_closed_loop_where_there_was_one() -> None:
    """It is there to be compared with."""
    closed = Latencies()
    closed.fold([700] * 10)
    assert list(conclude(course(closed=closed)).lines())[-1] == (
        "  beside it a closed loop, which waits for each answer: p50 0.70 ms, p90 0.70 ms, "
        "p99 0.70 ms, p99.9 0.70 ms, p99.99 0.70 ms, max 0.70 ms"
    )


@pytest.mark.parametrize("found", [course(), course(history=lossy(), corrupt=("t-0@3: x",))])
def test_what_is_written_is_read(found: Course, tmp_path: Path) -> None:
    """All of it, exactly."""
    conclusion: Conclusion = conclude(found)
    write(conclusion, tmp_path)
    again = read(tmp_path)
    assert again == conclusion
    assert again.moments == ((MOMENT,), (MOMENT,))
    assert list(again.lines()) == list(conclusion.lines())
    assert Latencies.decode(again.latency) == Latencies.decode(conclusion.latency)


def test_a_conclusion_that_isnt_there_is_named(tmp_path: Path) -> None:
    """With the file that should be."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path / CONCLUSION}: No such file or directory"
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="Not a directory"):
        read(file)


@pytest.mark.parametrize("text", [b"", b"garbage", b"\xff\x00", b"{}", b"[]", b'{"outcome": 3}'])
def test_a_conclusion_that_cant_be_read_is_named(text: bytes, tmp_path: Path) -> None:
    """In one line, with what is wrong."""
    (tmp_path / CONCLUSION).write_bytes(text)
    with pytest.raises(UsageError) as caught:
        read(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / CONCLUSION}: ")
    assert len(said.splitlines()) == 1


def test_a_conclusion_with_another_outcome_cant_be_read(tmp_path: Path) -> None:
    """There are four; one of another version is no result of this one."""
    write(conclude(course()), tmp_path)
    file = tmp_path / CONCLUSION
    file.write_text(json.dumps(json.loads(file.read_text()) | {"outcome": "excellent"}))
    with pytest.raises(UsageError, match="outcome"):
        read(tmp_path)
