"""`python -m reports [RUN]`: build the HTML report of a run, by default the latest."""

from __future__ import annotations

import argparse
import os
import sys

from fixtures.programs import ROOT
from groundwork.artifacts import default_cache_dir
from groundwork.errors import GroundworkError
from reports.report import build


def main() -> int:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument(
        "run", nargs="?", default="latest", help="a folder's name in reports/out (default: latest)"
    )
    name = parser.parse_args().run
    run_dir = (ROOT / "reports" / "out" / name).resolve()
    try:
        report = build(run_dir, default_cache_dir())
    except GroundworkError as error:
        sys.stderr.write(f"groundwork: {error}\n")
        return 4
    sys.stdout.write(f"groundwork: report: {os.path.relpath(report)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
