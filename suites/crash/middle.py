"""A run that breaks what it is told, and stays in the middle of that; for test_middles.py alone."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from groundwork.use.session import EnvironmentSession
from suites.support.middles import BREAKS, KINDS, MARK

TOLD = tuple(filter(None, os.environ.get(KINDS, "").split(",")))

# Longer than whoever kills it waits until it has come so far.
STAY_S = 120.0


@pytest.mark.disturbs(*{BREAKS[kind].resource for kind in TOLD})
def test_middle(groundwork_session: EnvironmentSession) -> None:
    """It tells that it has come so far, and is killed."""
    # All of them first: who needs a server that is broken already doesn't get ready.
    handles = {kind: groundwork_session.await_ready(BREAKS[kind].resource) for kind in TOLD}
    with ExitStack() as broken:
        for kind, handle in handles.items():
            each = BREAKS[kind]
            opening = handle.fault(kind, each.target, limit_s=60, **each.parameters)
            told = broken.enter_context(opening).told
            assert told.id.startswith(f"{each.resource}-{kind}-")
        Path(os.environ[MARK]).touch()
        threading.Event().wait(STAY_S)
