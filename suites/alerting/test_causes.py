"""Causes: each alert fires of what it is for, within its budget, and is over when that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import allure
import pytest

from fixtures.declared.durations import Durations
from fixtures.declared.promises import Promises
from fixtures.resources.patient import Patient
from fixtures.resources.receiver import Receiver
from groundwork.use.session import EnvironmentSession
from suites.support.causes import Case
from suites.support.illness import Ward, visited
from suites.support.rounds import Rounds, Seen
from suites.support.seen import attach_pictures
from suites.support.wakings import Observer

# What a busy machine adds to a budget; a cluster's network and its pods add a scrape's time.
SLACK_S = {"local": 1.0}
CLUSTER_SLACK_S = 2.0

# What the patient is asked, over and over.
PAGE = "/"


@pytest.fixture(scope="module")
def ward(
    groundwork_session: EnvironmentSession,
    out_dir: Path,
    platform: str,
    patient: Patient,
    receiver: Receiver,
) -> Ward:
    """Where causes are made."""
    first = 1 if platform == "local" else 0
    client = groundwork_session.client()
    return Ward(client, patient, receiver, out_dir / "timeline.jsonl", first)


@pytest.fixture(scope="module")
def rounds(
    request: pytest.FixtureRequest,
    known_cases: tuple[Case, ...],
    ward: Ward,
    platform: str,
    observer: Observer,
    durations: Durations,
) -> Iterator[Rounds]:
    """What each round of causes has come to, of those cases that are selected."""
    chosen = [getattr(each, "callspec", None) for each in request.session.items]
    cases = [each.params["case"] for each in chosen if each is not None and "case" in each.params]
    with visited(f"{ward.patient.url}{PAGE}"):
        yield Rounds(known_cases, cases, ward, observer, durations, platform)


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[Seen], None]:
    """Puts what a case has come to into the table and into the report."""

    def of(seen: Seen) -> None:
        record_property("alerting", seen.row())
        stalled = f"the machine gave nobody a turn for {seen.stalled_s:.2f} s meanwhile"
        allure.attach(f"{seen.row()}\n{stalled}", "latency")

    return of


def test_an_alert_wakes_somebody(
    rounds: Rounds,
    note: Callable[[Seen], None],
    out_dir: Path,
    platform: str,
    promises: Promises,
    case: Case,
) -> None:
    """It is told in time, with its labels and texts; nothing else is raised; and it ends in time.

    The way is the whole one: from a cause, which the keeper has seen, to whoever is woken.
    """
    seen = rounds.of(case)
    note(seen)
    attach_pictures(seen.draw(out_dir), "from the cause to the end")
    if seen.failure is not None:
        raise seen.failure
    slack_s = SLACK_S.get(platform, CLUSTER_SLACK_S) + seen.stalled_s
    if case.told == "webhook":
        told = seen.waking.told
        assert "<no value>" not in str(told)
        assert told["annotations"].keys() == seen.rule.annotations.keys()
        assert told["path"] == promises.notifications.path
        assert told["group"] == {name: told["labels"][name] for name in ("alertname", "job")}, (
            "it is told with others of its kind, and with nothing else"
        )
    fired_s = seen.waking.after_s(seen.waking.firing_ns)
    assert fired_s is None or fired_s <= seen.budget.whole_s + slack_s, seen.row()
    assert seen.waking.latency_s <= seen.most_s + slack_s, seen.row()
    assert seen.waking.resolution_s <= seen.budget.resolved_s + slack_s, seen.row()
    assert not seen.others, f"raised by nothing that was done: {sorted(seen.others)}"
