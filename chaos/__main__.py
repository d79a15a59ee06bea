"""`python -m chaos EXPERIMENT`: run an experiment, as the job `chaos` does.

Beyond `chaos run FILE` it looks at the experiment first, and says in one line what is wrong in it.
Needs an environment that runs (`groundwork up`); what comes of it is in the current folder, where a
keeper has started this, else in reports/out.
"""

from __future__ import annotations

import argparse
import os

from chaostoolkit.cli import cli

from chaos.actions import DURATION
from chaos.control import SEED
from chaos.experiments import expect_sound, file_of
from fixtures.seeds import draw_seed
from groundwork.base.errors import ExitCode
from groundwork.use.command import perform

# What is there of the toolkit's own settings could change what an experiment is.
NO_SETTINGS = "no-settings.yaml"


def main() -> int:
    """Run an experiment; exit code 1 unless it is ``kept``."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("experiment", help="a name in chaos/experiments, or a file of YAML")
    parser.add_argument("--seed", type=int, help="of what is left to chance (default: any)")
    parser.add_argument("--duration-s", type=float, help="how long faults are combined")
    given = parser.parse_args()
    file = file_of(given.experiment)
    expect_sound(file)
    seed = draw_seed() if given.seed is None else given.seed
    os.environ[SEED] = str(seed)
    if given.duration_s is not None:
        os.environ[DURATION] = f"{given.duration_s:g}"
    toolkit = ["--no-version-check", "--no-log-file", "--settings", NO_SETTINGS]
    words = ["run", "--rollback-strategy", "always", str(file)]
    code = cli.main([*toolkit, *words], standalone_mode=False, prog_name="chaos")
    return ExitCode.TESTS_FAILED if code == 1 else ExitCode.OK


if __name__ == "__main__":
    raise SystemExit(perform(main))
