"""The control: it ends what has gone wrong, for the Chaos Toolkit goes on."""

from __future__ import annotations

from typing import Any

import pytest
from chaoslib.exceptions import InterruptExecution

from chaos.control import after_activity_control, after_experiment_control, broken_by
from chaos.course import begun, current
from groundwork.base.errors import GroundworkError


@pytest.mark.parametrize("state", [None, {}, {"status": "failed"}])
def test_an_action_that_failed_ends_an_experiment(state: dict[str, Any] | None) -> None:
    """Whatever it was; a probe that failed is for the hypothesis to say."""
    action, probe = ({"name": "kill", "type": kind} for kind in ("action", "probe"))
    with pytest.raises(InterruptExecution, match="kill has failed"):
        after_activity_control(action, state, objective="broker-killed")
    after_activity_control(probe, state)
    after_activity_control(action, {"status": "succeeded"})


def test_an_experiment_that_never_began_has_failed() -> None:
    """The journal says so, though the toolkit called it completed."""
    assert begun() is None
    with pytest.raises(GroundworkError, match="no experiment is under way"):
        current()
    journal: dict[str, Any] = {"status": "completed"}
    after_experiment_control({}, journal, objective="broker-killed")
    assert journal == {"status": "failed"}


def test_what_is_broken_is_known_beforehand() -> None:
    """By what its steps are told; a claim is taken on that."""
    steps = [{"resource": "broker", "fault": "kill"}, {}, {"resource": "relay", "fault": "isolate"}]
    method = [{"provider": {"arguments": told}} for told in steps]
    assert broken_by({"method": [*method, {"provider": {}}]}) == {"broker", "relay"}
