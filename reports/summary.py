"""`python -m reports.summary [RUN]`: a run in a few lines of Markdown, by default the latest.

On GitHub they are added to the page of the job (``GITHUB_STEP_SUMMARY``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.use import bundle
from groundwork.use.command import perform, say

__all__ = ["summary_of"]

# More are left out for one reason, most often: the report has them all.
LEFT_OUT_SHOWN = 10


def summary_of(record: Mapping[str, Any]) -> str:
    """What run.json tells, as Markdown."""
    tests = record["tests"]
    counts = ", ".join(f"{number} {name}" for name, number in tests.items() if number)
    verdict = "green" if record["exit_code"] == 0 else f"exit code {record['exit_code']}"
    lines = [
        f"## {record['env']}: {verdict}",
        "",
        f"{counts or 'no tests'}; {record['wall_s']:.0f} s, begun {record['started']}",
        "",
    ]
    if record["resources"]:
        lines += ["| resource | version | ready after |", "|---|---|---|"]
        lines += [
            f"| {each['name']} | {each['version']} | {each['ready_s']:.1f} s |"
            if each["ready_s"] is not None
            else f"| {each['name']} | {each['version']} | |"
            for each in record["resources"]
        ]
        lines.append("")
    left_out = record["left_out"]
    if left_out:
        lines += [f"{len(left_out)} left out here:", ""]
        reasons = dict.fromkeys(each["reason"] for each in left_out)
        lines += [f"- {reason}" for reason in list(reasons)[:LEFT_OUT_SHOWN]]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Print it, or add it to the job's page."""
    name = sys.argv[1] if len(sys.argv) > 1 else "latest"
    settings = ENVIRONMENT.settings.load({}, ROOT)
    file = bundle.out_root(ROOT, settings) / name / "run.json"
    if not file.exists() and len(sys.argv) > 1:
        raise UsageError(f"{file}: there was no such run")
    if not file.exists():  # what came before it has failed, and has said why
        say("groundwork: no run to tell of")
        return 0
    text = summary_of(json.loads(file.read_text(encoding="utf-8")))
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with Path(page).open("a", encoding="utf-8") as file_of_page:
            file_of_page.write(text + "\n")
    say(text)
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
