"""`python -m reports.verdict [RUN]`: give verdicts again on the histories that a run has left.

By the checker as it is now, without the run's environment.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.base.errors import ExitCode, UsageError
from groundwork.checkers.archive import ROWS, read
from groundwork.checkers.delivery import check
from groundwork.checkers.history import History
from groundwork.checkers.recovery import recovery_of
from groundwork.checkers.verdict import Verdict
from groundwork.use import bundle
from groundwork.use.command import perform, say

__all__ = ["told"]


def told(history: History, verdict: Verdict) -> Iterator[str]:
    """A verdict in lines: what it is, why, what it is worth, and how long clients had to wait."""
    yield f"{verdict.judgement}: {len(history):,} rows of {len(history.clients)} clients"
    for found in verdict.findings:
        known = f", which is known as {found.known}" if found.known else ""
        yield f"  {found.anomaly}: {found.count:,}{known}"
        for example in found.examples[:3]:
            yield f"    {example.text} (operations {', '.join(map(str, example.ops))})"
    for doubt in verdict.doubts:
        yield f"  too little to tell: {doubt}"
    steady = next((each for each in history.phases if each.progress), None)
    for phase in history.phases:
        found_again = recovery_of(history, steady, phase) if steady and not phase.progress else None
        if found_again is not None:
            yield (
                f"  {phase.name}: a record that was sent after it had landed was acknowledged in "
                f"each partition after {seconds(found_again.first_s)}; all was as before after "
                f"{seconds(found_again.steady_s)} (99 of 100 within "
                f"{found_again.limit_ms_p99:.0f} ms, before {found_again.baseline_ms_p99:.0f} ms)"
            )
    yield f"  {verdict.worth}"


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
    for folder in folders:
        history = read(folder)
        verdict = check(history)
        say(f"{folder.relative_to(run_dir)}:")
        for line in told(history, verdict):
            say(line)
        if verdict.judgement != "valid":
            code = ExitCode.TESTS_FAILED
    return code


if __name__ == "__main__":
    raise SystemExit(perform(main))
