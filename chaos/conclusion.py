"""The conclusion of an experiment: whether what was promised was kept, and what shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from chaos.handling import Handled
from chaos.sightings import Evidence
from groundwork.base.jsonfile import read_json, write_json
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import Outage, doubts_of, missed
from groundwork.checkers.paging import Lasted
from groundwork.checkers.verdict import Verdict

__all__ = ["CONCLUSION", "Conclusion", "Outcome", "conclude", "read", "troubles_of", "write"]

# What the file of it is called, in an experiment's folder.
CONCLUSION = "conclusion.json"

# ``kept`` is what was promised; ``broken`` that it wasn't; ``invalid`` that the experiment shows
# nothing, for it didn't go as it should; ``unknown`` that too little was seen. All but the first
# fail.
Outcome = Literal["kept", "broken", "invalid", "unknown"]


NEVER = Lasted(0, 0, 0)


@dataclass(frozen=True)
class Conclusion:
    """What an experiment has come to.

    Attributes:
        experiment: Its name.
        seed: Of what was left to chance.
        outcome: In a word.
        reasons: Why it isn't ``kept``, in sentences.
        evidence: What was seen of each fault.
        objective: What it was held to.
        outage: What was measured; None where nothing was.
        worth: What it says and what it doesn't.
        lasted: When the first fault was there; zeros where none was.
        handled: What came of what was handled by a consumer that commits after that; None where
            there was none.
    """

    experiment: str
    seed: int
    outcome: Outcome
    reasons: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    objective: Objective
    outage: Outage | None
    worth: str = ""
    lasted: Lasted = NEVER
    handled: Handled | None = None

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.experiment}: {self.outcome} (seed {self.seed})"
        yield from (f"  {reason}" for reason in self.reasons)
        recovery = self.outage.recovery if self.outage is not None else None
        if self.outage is not None and recovery is not None:
            yield (
                f"  from {self.objective.origin} to the first acknowledgements of what was sent "
                f"then {seconds(recovery.first_s)}, to five seconds as before "
                f"{seconds(recovery.steady_s)} (at most {self.objective.within_s:g} s); "
                f"acknowledged and lost: {self.outage.lost} (at most {self.objective.lost_max})"
            )
            if self.outage.spared is not None:
                yield (
                    f"  of what the fault leaves alone at least {self.outage.spared} records of "
                    f"each partition in {self.objective.window_s:g} s (at least "
                    f"{self.objective.spared_min})"
                )
        if self.handled is not None:
            yield (
                f"  handled at least once: {self.handled.records} records, of those acknowledged "
                f"never: {self.handled.missing}, again: {self.handled.again} times"
            )
        for each in self.evidence:
            of = f"{each.fault} of {each.target or each.resource}"
            yield from (f"  {of}: {seen}" for seen in each.seen)


def seconds(found: float | None) -> str:
    """A time, for people; it may never have come."""
    return "never" if found is None else f"{found:.1f} s"


ADAPTER = TypeAdapter(Conclusion)


def write(conclusion: Conclusion, folder: Path) -> None:
    """Put it into an experiment's folder.

    Raises:
        OSError: It can't be written.
    """
    write_json(ADAPTER, conclusion, folder / CONCLUSION)


def read(folder: Path) -> Conclusion:
    """The conclusion of an experiment's folder.

    Raises:
        UsageError: There is none, or it can't be read; names the file.
    """
    return read_json(ADAPTER, folder / CONCLUSION)


def troubles_of(experiment: Mapping[str, Any], journal: Mapping[str, Any]) -> Iterator[str]:
    """What didn't go as it should, by a journal of the Chaos Toolkit.

    That calls an experiment completed whose action has raised, and one that wasn't steady in the
    beginning: each activity is looked at here.
    """
    if journal["status"] not in {None, "completed"}:
        yield f"the experiment was {journal['status']}"
    before = (journal["steady_states"] or {}).get("before") or {}
    if not before.get("steady_state_met"):
        yield "all was to be steady before the fault, and wasn't" + probes_of(before)
    runs = [*(journal["run"] or ()), *(journal["rollbacks"] or ())]
    for run in runs:
        if run.get("status") != "succeeded":
            said = (run.get("exception") or ["it was broken off"])[-1].strip()
            yield f"{run['activity']['name']}: {said}"
    done = len(journal["run"] or ()), len(journal["rollbacks"] or ())
    declared = len(experiment["method"]), len(experiment["rollbacks"])
    if done != declared:
        yield f"{sum(done)} of {sum(declared)} activities took place"


def deviations_of(journal: Mapping[str, Any]) -> Iterator[str]:
    """What isn't steady again, by a journal; nothing is said where nobody has looked."""
    after = (journal["steady_states"] or {}).get("after") or {}
    if after and not after.get("steady_state_met"):
        yield "all was to be steady again, and isn't" + probes_of(after)


def probes_of(state: Mapping[str, Any]) -> str:
    """The probes of a steady state that aren't as they should be, for people."""
    found = [
        f"{run['activity']['name']} gave {run['output']}"
        for run in state.get("probes", ())
        if not run.get("tolerance_met")
    ]
    return f": {', '.join(found)}" if found else ""


def conclude(
    experiment: Mapping[str, Any],
    journal: Mapping[str, Any],
    evidence: tuple[Evidence, ...],
    verdict: Verdict | None,
    outage: Outage | None,
    objective: Objective,
    unsaid: Iterable[str] = (),
) -> tuple[Outcome, tuple[str, ...]]:
    """An experiment's outcome, and why it isn't another.

    Args:
        experiment: As the Chaos Toolkit has read it.
        journal: Its journal of it.
        evidence: Of each fault.
        verdict: On the history of the clients; None where there is none.
        outage: What was measured.
        objective: What it is held to.
        unsaid: What services were to say and haven't, a sentence each.
    """
    invalid = [*troubles_of(experiment, journal)]
    for each in evidence:
        invalid += [f"{each.fault} of {each.resource} isn't shown: {d}" for d in each.doubts]
    if not evidence:
        invalid.append("nothing was broken")
    broken = [*deviations_of(journal), *unsaid]
    unknown: list[str] = []
    if verdict is None:
        invalid.append("there is no history of the clients")
    else:
        broken += [f"{f.anomaly}: {f.count}" for f in verdict.findings if not f.known]
        broken += missed(outage, objective)
        unknown += (*verdict.doubts, *doubts_of(outage))
    outcomes: tuple[tuple[Outcome, list[str]], ...] = (
        ("invalid", invalid),
        ("broken", broken),
        ("unknown", unknown),
    )
    kept: Outcome = "kept"
    outcome = next((name for name, reasons in outcomes if reasons), kept)
    return outcome, (*invalid, *broken, *unknown)
