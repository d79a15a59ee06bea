"""Two runs at the same time on one machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundwork.declare.settings import Settings
from suites.support.scene import options_of, scene_of

# Two of everything on two cores.
RUN_TIMEOUT_S = 900.0


def test_two_runs_dont_disturb_each_other(pytestconfig: pytest.Config, decided: Settings) -> None:
    """Begun together, both are green; each has resources of its own, and neither leaves any."""
    options = options_of(pytestconfig)
    engine = decided.env != "local"
    with scene_of(options, engine=engine) as one, scene_of(options, engine=engine) as other:
        # One user's: ports are reserved among the environments of a state folder.
        other.scope = replace(other.scope, state_dir=one.scope.state_dir)
        before = one.inventory()
        runs = [scene.start("pytest", *scene.SMOKE) for scene in (one, other)]
        codes = [run.wait(RUN_TIMEOUT_S) for run in runs]
        assert codes == [0, 0], f"{one.log()}\n{other.log()}"
        one.await_nothing_left(before, 10)
