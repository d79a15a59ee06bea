"""`python -m reports [RUN]`: build the HTML report of a run, by default the latest."""

from __future__ import annotations

import argparse
import os
import sys

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.use import bundle
from groundwork.use.command import perform, say
from reports.history import history_of
from reports.promises import promised_here
from reports.report import Report


def main() -> int:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument(
        "run", nargs="?", default="latest", help="a folder's name in reports/out (default: latest)"
    )
    name = parser.parse_args().run
    settings = ENVIRONMENT.settings.load({}, ROOT)
    run_dir = (bundle.out_root(ROOT, settings) / name).resolve()
    report = Report(ENVIRONMENT.name, history_of(settings), settings.cache_dir)
    built = report.build(run_dir, promised_here)
    say(f"groundwork: report: {os.path.relpath(built.page)}")
    if built.lacking is not None:  # it can be read, and isn't all that was asked for
        raise built.lacking
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
