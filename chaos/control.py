"""The control of every experiment: has clients at work meanwhile, and concludes.

The Chaos Toolkit swallows what a control raises, and calls an experiment completed whose action has
raised. So what goes wrong here interrupts it, and its outcome is ours: an experiment that isn't
``kept`` has failed, and so has the command that runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoslib.exceptions import InterruptExecution

from chaos import conclusion, course
from chaos.answers import Promised, missed_of
from chaos.completion import broken_in, complete, expect_completed
from chaos.conclusion import Conclusion, conclude
from chaos.course import BROKER, Course, Plan
from fixtures import ENVIRONMENT
from fixtures.declared.objectives import load_objectives
from fixtures.paths import ROOT
from groundwork.base.errors import GroundworkError
from groundwork.checkers import archive
from groundwork.checkers.delivery import check
from groundwork.checkers.history import Phase
from groundwork.checkers.outage import outage_of
from groundwork.checkers.paging import Lasted
from groundwork.declare.variables import SOCKET
from groundwork.use import bundle
from groundwork.use.command import say

__all__ = [
    "SEED",
    "after_activity_control",
    "after_experiment_control",
    "before_experiment_control",
    "configure_control",
]

# Of one copy: with three of each record, and three nodes on the same two cores, a third of it.
RATE = 1_000.0

JOURNAL = "journal.json"

# Of what is left to chance; where nobody says it, nothing is.
SEED = "GROUNDWORK_SEED"


def configure_control(experiment: dict[str, Any], **told: object) -> None:
    """Put around what an experiment breaks what all of them have.

    Args:
        experiment: As its file has it.
        told: What the control was told.
    """
    del told
    complete(experiment)


def before_experiment_control(
    context: Mapping[str, Any],
    objective: str,
    clients_at: str = "broker",
    handled: bool = False,  # noqa: FBT001, FBT002 - the toolkit hands it on by its name
    rate: float = RATE,
) -> None:
    """Have clients at work.

    Args:
        context: The experiment.
        objective: The objective's name, which is the experiment's.
        clients_at: By which resource clients reach the broker; a cluster's relay is for its pods
            alone, so that there they come to the broker itself.
        handled: Whether there is a consumer, too, that commits after it has handled.
        rate: Records a second, of all copies together.

    Raises:
        InterruptExecution: They can't.
    """
    try:
        expect_completed(context)
        platform = course.platform()
        row = load_objectives().interruption[objective].on(platform)
        local = platform == "local"
        plan = Plan(
            name=objective,
            platform=platform,
            objective=row.objective() if local else row.objective().in_a_cluster(),
            seed=int(os.environ.get(SEED, "0")),
            clients_at=clients_at if local else BROKER,
            handled=handled,
            rate=rate,
            breaks=tuple(sorted(broken_by(context))),
            asked=tuple(
                Promised(each.service, each.answer, each.within_s, each.back_within_s)
                for each in row.asked
            ),
            folder=folder_for(objective),
        )
        say(f"{plan.name}, seed {plan.seed}")
        course.begin(plan)
    except Exception as error:  # the toolkit would go on without it
        raise InterruptExecution(f"{type(error).__name__}: {error}") from error


def broken_by(experiment: Mapping[str, Any]) -> set[str]:
    """The resources that an experiment breaks."""
    given = (each["provider"].get("arguments", {}) for each in experiment["method"])
    return {name for each in given for name in broken_in(each)}


def folder_for(name: str) -> Path:
    """Where an experiment's files go: a job's own folder; by hand one beside those of runs."""
    if SOCKET in os.environ:
        return Path.cwd()
    settings = ENVIRONMENT.settings.load({}, ROOT)
    folder = bundle.out_root(ROOT, settings) / bundle.new_run_id() / name
    folder.mkdir(parents=True)
    return folder


def after_activity_control(
    context: Mapping[str, Any], state: Mapping[str, Any] | None, **told: object
) -> None:
    """End an experiment whose action has failed: what follows would be of something else.

    The Chaos Toolkit goes on, also where what has failed is that it was told to end (SIGTERM).

    Args:
        context: The activity.
        state: What came of it.
        told: What the control was told in the beginning.

    Raises:
        InterruptExecution: It has; rollbacks are played.
    """
    del told
    if context["type"] == "action" and (state is None or state.get("status") != "succeeded"):
        raise InterruptExecution(f"{context['name']} has failed")


def after_experiment_control(
    context: Mapping[str, Any], state: dict[str, Any], **told: object
) -> None:
    """Conclude, and have the journal say so.

    Args:
        context: The experiment.
        state: The journal.
        told: What the control was told in the beginning.
    """
    del told
    journal = dict(state)
    state["status"] = "failed"  # until the opposite is shown: what is raised here is swallowed
    under_way = course.begun()
    if under_way is None:  # the toolkit has said why
        return
    found = conclusion_of(under_way, context, journal)
    conclusion.write(found, under_way.plan.folder)
    for line in found.lines():
        say(line)
    say(f"  {under_way.plan.folder}")
    if found.outcome == "kept":
        state["status"] = journal["status"]
    if under_way.plan.folder != Path.cwd():  # there the toolkit writes it, by itself
        text = json.dumps(state, indent=2, default=str)
        (under_way.plan.folder / JOURNAL).write_text(text + "\n", encoding="utf-8")


def conclusion_of(
    under_way: Course, experiment: Mapping[str, Any], journal: Mapping[str, Any]
) -> Conclusion:
    """End a course, keep its history, and tell what it has come to."""
    plan = under_way.plan
    verdict = outage = None
    failures: list[str] = [under_way.stopped] if under_way.stopped else []
    try:
        if under_way.stopped or journal["status"] != "interrupted":  # else nobody waits for it
            history = under_way.end()
            archive.write(history, plan.folder)
            verdict = check(history)
            outage = outage_of(history, verdict, plan.objective)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why there is no verdict
        failures.append(f"{type(error).__name__}: {error}")
    try:
        under_way.close()
    except GroundworkError as error:
        failures.append(str(error))
    evidence = tuple(under_way.evidence)
    fault = next((each for each in under_way.phases if not each.progress), None)
    unsaid = [
        text
        for each in plan.asked
        if fault is not None
        for text in missed_of(each, under_way.answers, lasted_of(under_way, fault))
    ]
    handled = under_way.handled
    if handled is not None and handled.missing:
        unsaid.append(f"{handled.missing} acknowledged records were never handled")
    outcome, reasons = conclude(
        experiment, journal, evidence, verdict, outage, plan.objective, unsaid
    )
    if under_way.stopped:
        outcome = "broken"
    elif failures and outcome == "kept":
        outcome = "invalid"
    return Conclusion(
        plan.name,
        plan.seed,
        outcome,
        (*failures, *reasons),
        evidence,
        plan.objective,
        outage,
        verdict.worth if verdict is not None else "",
        lasted_of(under_way, fault) if fault is not None else conclusion.NEVER,
        handled,
    )


def lasted_of(under_way: Course, fault: Phase) -> Lasted:
    """When a fault was there."""
    return Lasted(under_way.began_ns, fault.begin_ns, fault.end_ns, under_way.steady_ns)
