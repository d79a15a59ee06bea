"""A run that breaks what it is told, and stays in the middle of that; for test_middles.py alone."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession
from suites.support.middles import BREAKS, CLUSTER_BREAKS, KINDS, MARK, WORKER, Break

TOLD = tuple(filter(None, os.environ.get(KINDS, "").split(",")))

TABLES = (BREAKS, CLUSTER_BREAKS)

# Longer than whoever kills it waits until it has come so far.
STAY_S = 120.0


def asked_for(platform: str) -> dict[str, Break]:
    """What is to be broken on this platform, by its name."""
    known = BREAKS if platform == "local" else CLUSTER_BREAKS
    return {name: known[name] for name in TOLD}


def target_of(each: Break, handle: Handle) -> str:
    """What is aimed at; a node of a cluster by its name."""
    if each.target != WORKER:
        return each.target
    return next(name for name in handle.description.endpoints if name.endswith("-worker"))


@pytest.mark.disturbs(*{known[n].resource for known in TABLES for n in TOLD if n in known})
def test_middle(groundwork_session: EnvironmentSession, platform: str) -> None:
    """It tells that it has come so far, and is killed."""
    asked = asked_for(platform)
    # All of them first: who needs a server that is broken already doesn't get ready.
    handles = {name: groundwork_session.await_ready(each.resource) for name, each in asked.items()}
    with ExitStack() as broken:
        for name, each in asked.items():
            handle, kind = handles[name], each.fault or name
            opening = handle.fault(kind, target_of(each, handle), limit_s=60, **each.parameters)
            told = broken.enter_context(opening).told
            assert told.id.startswith(f"{each.resource}-{kind}-")
        Path(os.environ[MARK]).touch()
        threading.Event().wait(STAY_S)
