"""What a run leaves for people and machines: run.json, the table on the terminal, `latest`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from groundwork.base.errors import NeedFailedError
from groundwork.base.footprint import Footprint
from groundwork.base.machine import Machine
from groundwork.declare.environment import Declared
from groundwork.declare.resource import Description
from groundwork.declare.settings import Settings
from groundwork.use.revision import revision_of
from groundwork.use.run import Outcome, Run

__all__ = ["Tally", "grouped", "new_run_id", "out_root", "summary", "write"]

# Enough to look back a few days of work; a run with its report is some megabytes.
RUNS_KEPT = 20

MIB = 1024 * 1024


@dataclass
class Tally:
    """The outcomes of one run's tests, and how its environment ended."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    deselected: int = 0
    left_out: dict[str, str] = field(default_factory=dict)  # reasons by test
    passing: set[str] = field(default_factory=set)  # tests
    exit_code: int = 0
    interrupted: bool = False
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_s: float = field(default_factory=time.monotonic)
    outcome: Outcome = field(default_factory=Outcome)

    def count(self, test: str, when: str, outcome: str) -> None:
        """Count the report of one phase of one test."""
        if outcome == "skipped":
            self.skipped += 1
        elif outcome == "failed":
            if when == "call":
                self.failed += 1
            else:
                self.errors += 1
        elif when == "call":
            self.passed += 1
            self.passing.add(test)


def new_run_id() -> str:
    """A name that sorts by time and that two runs of the same second don't share."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def out_root(project: Path, settings: Settings) -> Path:
    """Where the outputs of a project's runs lie."""
    return settings.out_dir or project / "reports" / "out"


def write(declared: Declared, run: Run, tally: Tally) -> dict[str, Any]:
    """Write run.json, point `latest` at this run, and drop the oldest runs: what was written."""
    run.out_dir.mkdir(parents=True, exist_ok=True)
    outcome = tally.outcome
    record = {
        "env": run.settings.env,
        "options": run.settings.chosen(),
        "started": tally.started.isoformat(timespec="seconds"),
        "wall_s": round(time.monotonic() - tally.started_s, 3),
        "exit_code": tally.exit_code,
        "interrupted": tally.interrupted,
        "revision": revision_of(declared.root),
        "machine": str(Machine.here()),
        "tests": {
            name: getattr(tally, name)
            for name in ("passed", "failed", "errors", "skipped", "deselected")
        },
        "left_out": [{"test": test, "reason": why} for test, why in tally.left_out.items()],
        "failures": [
            {"resource": name, "of_the_product": each.of_the_product, "message": each.message}
            for name, each in outcome.failures.items()
        ],
        "lost": str(run.lost or ""),
        "not_removed": list(outcome.errors),
        "resources": [
            {
                "name": each.name,
                "version": each.version,
                "endpoint": first_address(each),
                "ready_s": each.ready_s,
                "rss_bytes": outcome.footprints[each.name].resident_bytes,
                "cpu_s": round(outcome.footprints[each.name].cpu_s, 2),
            }
            for each in outcome.resources
        ],
    }
    (run.out_dir / "run.json").write_text(json.dumps(record, indent=2) + "\n")
    root = out_root(declared.root, run.settings)
    link = root / f".latest-{run.run_id}"
    link.symlink_to(run.out_dir.name)
    link.replace(root / "latest")  # swapped in one step: a reader never finds half a run
    runs = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    for old in runs[:-RUNS_KEPT]:
        with contextlib.suppress(OSError):  # somebody is looking at it
            shutil.rmtree(old)
    return record


def first_address(resource: Description) -> str:
    """The address by which run.json and the table show a resource; empty where it has none."""
    return next((endpoint.address for endpoint in resource.endpoints.values()), "")


def summary(run: Run, tally: Tally) -> list[str]:
    """The end of a run on the terminal, line by line."""
    lines = [f"groundwork: {note}" for note in run.notes]
    if run.refusal:
        return lines
    strict = " (a failure, by --strict-env)" if run.settings.strict_env else ""
    lines.extend(f"groundwork: left out{strict}: {each}" for each in grouped(tally.left_out))
    outcome = tally.outcome
    lines.extend(f"groundwork: not removed: {error}" for error in outcome.errors)
    failures = outcome.failures
    waited = [name for name, each in failures.items() if each.type == NeedFailedError.__name__]
    lines.extend(
        f"groundwork: {'product' if failure.of_the_product else 'infrastructure'} failure: "
        f"{name}: {failure.message}"
        for name, failure in failures.items()
        if name not in waited
    )
    if waited:
        lines.append(f"groundwork: not started because of that: {', '.join(waited)}")
    if run.lost is not None:
        lines.append(f"groundwork: infrastructure failure: {run.lost}")
    where = f"output in {os.path.relpath(run.out_dir)}"
    if outcome.resources:
        lines.extend(table(outcome.resources, outcome.footprints))
        lines.extend(
            f"groundwork: engine: {each.version}, {each.source}"
            for each in outcome.artifacts
            if each.name == "engine"
        )
        # What is adopted stays, whatever this run was told: its folder is what tells.
        if not run.folder.exists():
            state = "removed"
        elif outcome.errors:
            state = "not all removed; `groundwork down` tries again"
        else:
            state = "kept; `groundwork down` ends it"
        lines.append(f"groundwork: environment {state}; {where}")
    elif tally.interrupted and not run.folder.exists():
        state = "nothing was started" if run.socket is None else "environment removed"
        lines.append(f"groundwork: {state}; {where}")
    return lines


def grouped(left_out: Mapping[str, str]) -> list[str]:
    """The tests that were left out, a line for each reason: how many, of which files, and why."""
    by_reason: dict[str, list[str]] = {}
    for test, reason in left_out.items():
        by_reason.setdefault(reason, []).append(test.partition("::")[0])
    return [
        f"{len(files)} of {', '.join(sorted(set(files)))}: {reason}"
        for reason, files in by_reason.items()
    ]


def table(resources: Iterable[Description], footprints: Mapping[str, Footprint]) -> list[str]:
    """The resources of a run as a table, line by line."""
    made = Table(box=box.SIMPLE_HEAD)
    for title, justify in (
        ("resource", "left"),
        ("version", "left"),
        ("endpoint", "left"),
        ("seconds to ready", "right"),
        ("resident MiB", "right"),
    ):
        made.add_column(title, justify=justify)  # type: ignore[arg-type]
    for each in resources:
        ready = f"{each.ready_s:.1f}" if each.state == "ready" else each.state
        resident = footprints[each.name].resident_bytes
        memory = f"{resident / MIB:.0f}" if resident else ""
        made.add_row(each.name, each.version, first_address(each), ready, memory)
    text = io.StringIO()
    Console(file=text, width=110, color_system=None).print(made)
    return text.getvalue().rstrip().splitlines()
