"""`python -m reports.verdict [RUN]`: give verdicts again on the histories that a run has left.

By the checker as it is now, without the run's environment.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from fixtures import ENVIRONMENT
from fixtures.declared.objectives import load_objectives
from fixtures.paths import ROOT
from groundwork.base.errors import ExitCode, UsageError
from groundwork.checkers.archive import ROWS, read
from groundwork.checkers.delivery import check
from groundwork.checkers.history import History
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import Outage, missed, outage_of
from groundwork.checkers.verdict import Verdict
from groundwork.use import bundle
from groundwork.use.command import perform, say

__all__ = ["told"]


def told(
    history: History, verdict: Verdict, objective: Objective | None, outage: Outage | None
) -> Iterator[str]:
    """A verdict in lines: what it is, why, what it is worth, and how long clients had to wait.

    Args:
        history: What clients have seen.
        verdict: On it.
        objective: What it is held to, where there is one.
        outage: What was measured for that.
    """
    yield f"{verdict.judgement}: {len(history):,} rows of {len(history.clients)} clients"
    for found in verdict.findings:
        known = f", which is known as {found.known}" if found.known else ""
        yield f"  {found.anomaly}: {found.count:,}{known}"
        for example in found.examples[:3]:
            yield f"    {example.text} (operations {', '.join(map(str, example.ops))})"
    for doubt in verdict.doubts:
        yield f"  too little to tell: {doubt}"
    if objective is not None:
        yield from outage_told(outage, objective)
        yield from (f"  missed: {each}" for each in missed(outage, objective))
    yield f"  {verdict.worth}"


def outage_told(outage: Outage | None, objective: Objective) -> Iterator[str]:
    """What was measured of an outage, in a line."""
    recovery = outage.recovery if outage is not None else None
    if outage is None or recovery is None:
        return
    yield (
        f"  from {objective.origin} on: a record that was sent then was acknowledged in each "
        f"partition after {seconds(recovery.first_s)}; all was as before after "
        f"{seconds(recovery.steady_s)}, at most {objective.within_s:g} s (99 of 100 within "
        f"{recovery.limit_ms_p99:.0f} ms, before {recovery.baseline_ms_p99:.0f} ms); lost: "
        f"{outage.lost}, at most {objective.lost_max}"
    )


def seconds(found: float | None) -> str:
    """A time, for people; it may never have come."""
    return "no time that was seen" if found is None else f"{found:.1f} s"


def main() -> int:
    """Judge each history of a run; exit code 1 where one isn't valid."""
    parser = argparse.ArgumentParser(prog="python -m reports.verdict", description=__doc__)
    parser.add_argument(
        "run", nargs="?", default="latest", help="a folder's name in reports/out (default: latest)"
    )
    name = parser.parse_args().run
    settings = ENVIRONMENT.settings.load({}, ROOT)
    run_dir: Path = (bundle.out_root(ROOT, settings) / name).resolve()
    folders = sorted(file.parent for file in run_dir.rglob(ROWS))
    if not folders:
        raise UsageError(f"{run_dir}: there is no history; `make chaos` leaves some")
    code = ExitCode.OK
    objectives = load_objectives().interruption
    for folder in folders:
        history = read(folder)
        verdict = check(history)
        own = objectives.get(folder.name)  # a folder is called as its experiment
        objective = own.objective() if own is not None else None
        outage = outage_of(history, verdict, objective) if objective is not None else None
        say(f"{folder.relative_to(run_dir)}:")
        for line in told(history, verdict, objective, outage):
            say(line)
        late = objective is not None and any(missed(outage, objective))
        if verdict.judgement != "valid" or late:
            code = ExitCode.TESTS_FAILED
    return code


if __name__ == "__main__":
    raise SystemExit(perform(main))
