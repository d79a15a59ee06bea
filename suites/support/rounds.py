"""Rounds: causes of alerts that are there at the same time, and what has come of each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import Rule, alerts_in, load_rules, rule_files
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.history import SECOND_NS
from reports.waterfalls import Bar, draw_waterfall
from suites.support.budgets import Budget, budget_of_case, woken_within_s
from suites.support.causes import Case, Round
from suites.support.illness import Ward
from suites.support.wakings import Observer, Waking

__all__ = ["Rounds", "Seen"]

# Beyond a budget an alert isn't late, but lost: a busy machine is never as slow.
LOST_S = 30.0

# How often the patient is asked a second, by the least busy machine; its visitors come oftener.
BUSY_PER_S = 12.0

BUSY_TIMEOUT_S = 60.0

# What a case is told by that nobody else can tell, and the alert that is told by nothing else.
SILENCE = "silence"
HEARTBEAT = "DeadMansSwitch"


@dataclass
class Seen:
    """What has come of a case.

    Attributes:
        rule: The alert as it is declared.
        budget: How long each stage may take.
        most_s: How long it may take until somebody is woken.
        stalled_s: For how long the machine gave nobody a turn meanwhile.
        others: Alerts, and of whom, that whoever is woken was told of in its round, and that
            nothing there explains.
        failure: Why it didn't come, or didn't end.
    """

    case: Case
    rule: Rule
    budget: Budget
    most_s: float
    waking: Waking
    stalled_s: float = 0.0
    others: frozenset[str] = frozenset()
    failure: WaitTimeoutError | None = None

    def row(self) -> str:
        """A line of the table: seconds after the cause, and after its end."""
        waking = self.waking
        moments = (
            waking.visible_ns,
            waking.pending_ns,
            waking.firing_ns,
            waking.notified_ns,
        )
        told = spell(waking.after_s(waking.notified_ns))
        stages = " | ".join(spell(waking.after_s(each)) for each in moments)
        over = spell(waking.resolution_s if waking.resolved_ns else None)
        return (
            f"| {self.case.alert} | {told} | {self.most_s:g} s | {stages} | {over} | "
            f"{self.budget.resolved_s:g} s |"
        )

    def draw(self, folder: Path) -> tuple[Path, ...]:
        """Draw the stages that there were, from the cause on; nothing where there was none."""
        waking, budget = self.waking, self.budget
        if self.case.told == SILENCE:
            stages = [("silence is noticed", waking.notified_ns, self.most_s)]
        else:
            stages = [
                ("scraped and recorded", waking.visible_ns, budget.visible_s + budget.recorded_s),
                ("pending", waking.pending_ns, budget.pending_s),
                ("firing", waking.firing_ns, budget.firing_s),
                ("told", waking.notified_ns, budget.notified_s),
            ]
        bars, last_s = [], 0.0
        for name, moment_ns, most_s in stages:
            end_s = waking.after_s(moment_ns)
            if end_s is not None:
                bars.append(Bar(name, min(last_s, end_s), end_s, most_s))
                last_s = end_s
        healed_s, resolved_s = waking.after_s(waking.healed_ns), waking.after_s(waking.resolved_ns)
        if healed_s is not None and resolved_s is not None:
            bars.append(Bar("its end is told", healed_s, resolved_s, budget.resolved_s))
        if not bars:
            return ()
        title = (
            f"{self.case.alert}: {spell(waking.after_s(waking.notified_ns))} of {self.most_s:g} s"
        )
        stem = folder / "alerting" / self.case.alert
        stem.parent.mkdir(parents=True, exist_ok=True)
        return draw_waterfall(bars, title, "seconds since the cause", stem)


def spell(value_s: float | None) -> str:
    """Seconds, for people; a dash where there are none."""
    return f"{value_s:.1f} s" if value_s is not None else "-"


class Rounds:
    """Runs each round once, when the first of its cases is asked for.

    Args:
        known: All cases there are.
        cases: Those that are to be seen; others of their rounds are left out.
        ward: Where causes are made.
        observer: Who looks on.
        durations: Those of the environment's profile.
        platform: What the environment is made of.
    """

    def __init__(
        self,
        known: Iterable[Case],
        cases: Iterable[Case],
        ward: Ward,
        observer: Observer,
        durations: Durations,
        platform: str,
    ) -> None:
        self._known = tuple(known)
        self._cases = tuple(cases)
        self._ward = ward
        self._observer = observer
        self._durations = durations
        self._groups = load_rules(rule_files(platform))
        self._rules = alerts_in(self._groups)
        self._seen: dict[str, Seen] = {}

    def of(self, case: Case) -> Seen:
        """What has come of a case; its round is run if it hasn't been yet."""
        if case.alert not in self._seen:
            cases = tuple(each for each in self._cases if each.round == case.round)
            own = Round(cases)
            seen = [self._case(each) for each in cases]
            run = Run(own, seen, self._observer, own.explained(self._known))
            self._await_visitors()
            self._observer.await_quiet(LOST_S)
            run.run(self._ward)
            self._seen |= {each.case.alert: each for each in run.seen}
            for each in run.seen:
                if each.waking.notified_ns and each.case.told != SILENCE:
                    self._observer.find_visible(each.waking, each.rule.expr)
        return self._seen[case.alert]

    def _case(self, case: Case) -> Seen:
        rule = self._rules[case.alert]
        budget = budget_of_case(case, rule, self._groups, self._durations)
        most_s = woken_within_s(case, budget, self._durations)
        return Seen(case, rule, budget, most_s, Waking({"alertname": case.alert, **case.labels}))

    def _await_visitors(self) -> None:
        """See that the patient has been asked for a rate's whole window."""
        window = self._durations.rate_window

        def look() -> None:
            found = self._observer.requests_per_s("patient", window)
            if found < BUSY_PER_S:
                raise NotYetError(f"{found:.1f} requests a second")

        deadline = Deadline.after(seconds_of(window) + BUSY_TIMEOUT_S)
        wait_for(look, deadline=deadline, what="the patient to be busy")


@dataclass
class Run:
    """One round, as it goes.

    Attributes:
        round: Its cases.
        seen: What has come of each, in the same order.
        observer: Who looks on.
        explained: The alerts that may be there.
    """

    round: Round
    seen: list[Seen]
    observer: Observer
    explained: frozenset[str]

    def run(self, ward: Ward) -> None:
        """Cause all, until each was told of, heal all, until each was told to be over."""
        begin_ns = time.monotonic_ns()
        watched = [each.waking for each in self.seen if each.case.alert != HEARTBEAT]
        with self.observer.observing(watched):
            with ExitStack() as stack:
                illnesses = [stack.enter_context(ward.ill(each)) for each in self.round.causes]
                own = [illnesses[self.round.causes.index(each.case.cause)] for each in self.seen]
                for each, illness in zip(self.seen, own, strict=True):
                    each.waking.caused_ns = illness.caused_ns
                for each in self.seen:
                    self._await_told(each)
            for each, illness in zip(self.seen, own, strict=True):
                each.waking.healed_ns = illness.healed_ns
            for each in self.seen:
                self._await_over(each)
        told = self.observer.told_between(begin_ns, time.monotonic_ns())
        others = frozenset(
            f"{each['alertname']} of {each.get('job')} ({each.get('instance')})"
            for each in told
            if each["alertname"] not in self.explained
        )
        for each in self.seen:
            each.others = others
            each.stalled_s = self.observer.stalled_s

    def _await_told(self, seen: Seen) -> None:
        # Since its cause: others of its round have been waited for meanwhile.
        since_s = (time.monotonic_ns() - seen.waking.caused_ns) / SECOND_NS
        timeout_s = seen.most_s + LOST_S - since_s
        try:
            if seen.case.told == SILENCE:
                self.observer.await_silence(seen.waking, timeout_s)
                if seen.case.alert != HEARTBEAT:
                    self.observer.await_firing(seen.waking, timeout_s)
            else:
                self.observer.await_notified(seen.waking, timeout_s)
        except WaitTimeoutError as error:
            seen.failure = error

    def _await_over(self, seen: Seen) -> None:
        if seen.failure is not None:
            return
        timeout_s = seen.budget.resolved_s + LOST_S
        try:
            if seen.case.told == SILENCE:
                self.observer.await_heard(seen.waking, timeout_s)
            else:
                self.observer.await_resolved(seen.waking, timeout_s)
        except WaitTimeoutError as error:
            seen.failure = error
