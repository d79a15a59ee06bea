"""`python -m suites.support.lines`: how many of the engine's lines were reached, of all processes.

Counts what ``make coverage`` has left, and what runs on a cluster have (``make coverage-kind``).
Without those, what only a cluster reaches is left out, by name and with the reason: on a machine
without an engine it couldn't be reached, and its share would hide that of everything else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.use.command import perform, say

__all__ = ["CLUSTERS", "XML", "omitted"]

XML = ROOT / "reports" / "out" / "coverage.xml"

DATA = ROOT / ".venv" / "coverage"
OF_CLUSTERS = ROOT / ".venv" / "coverage-kind"

# Some thousand small files; minutes on a busy machine.
TIMEOUT_S = 600.0

# A run on a cluster reaches these, and no selftest can; why, beside each.
CLUSTERS: Mapping[str, str] = {
    "groundwork/bench.py": "measures, and is no part of a run",
    "groundwork/clusters/*": "makes clusters, and works in them",
    "groundwork/containers/*": "asks a container engine",
    "groundwork/kube/*": "asks an API server",
    "groundwork/nodes/image.py": "builds a node's image, as root, from Debian packages",
}


class LinesError(GroundworkError):
    """Nothing was counted, or it can't be read."""


def omitted(*, clusters: bool) -> list[str]:
    """What is left out: what only a cluster reaches, unless one was run."""
    return [] if clusters else list(CLUSTERS)


def coverage(*words: str | Path, check: bool = True) -> process.Completed:
    """Have coverage do something.

    Raises:
        LinesError: It can't.
    """
    # Without its warnings of half files, which would be said anew in each table.
    argv = [sys.executable, "-W", "ignore", "-m", "coverage", *words]
    try:
        return process.run(argv, timeout_s=TIMEOUT_S, cwd=ROOT, check=check)
    except process.ProcessFailedError as error:
        raise LinesError(f"coverage {words[0]}: {error.output.strip() or error}") from error


def main() -> int:
    """Combine, print, write; 2, as coverage says, where there is too little."""
    found, together = (
        [each for each in (DATA, OF_CLUSTERS) if any(each.glob("data.*"))],
        DATA / "data",
    )
    if not found and not together.exists():
        raise LinesError("no data; `make coverage` runs what is counted")
    if found:  # what was put together before stays, or a second call would forget it
        # Whoever was killed while it wrote has left half a file, which coverage leaves out.
        append = ["--append"] if together.exists() else []
        coverage("combine", "--quiet", "--keep", *append, *found)
    for file in DATA.glob("data.*"):  # counted now; each table would look at them once more
        file.unlink()
    clusters = OF_CLUSTERS in found
    omit = omitted(clusters=clusters)
    left_out = [f"--omit={','.join(omit)}"] if omit else []
    for pattern in omit:
        say(f"left out, for no run on a cluster was counted: {pattern} ({CLUSTERS[pattern]})")
    XML.parent.mkdir(parents=True, exist_ok=True)
    coverage("xml", "--quiet", *left_out, "-o", XML, check=False)
    shown = coverage("report", *left_out, check=False)
    say(shown.output.rstrip())
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        table = coverage("report", "--format=markdown", *left_out, check=False).output
        with Path(page).open("a", encoding="utf-8") as out:
            out.write(f"## Lines of the engine\n\n{table}\n")
    return shown.returncode


if __name__ == "__main__":
    sys.exit(perform(main))
