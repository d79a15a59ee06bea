"""What the selftests share: a scratch project, and runs of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from suites.support.pond import RUN_TIMEOUT_S, SCRATCH, Pond

# How long an example takes says more about what else the machine does than about our code.
settings.register_profile("selftest", deadline=None)
settings.load_profile("selftest")


@contextlib.contextmanager
def dug() -> Iterator[Pond]:
    """A scratch project; whatever a failed test leaves of it is ended.

    pytest's own temporary folders are too deep for a Unix socket.
    """
    base = Path(tempfile.mkdtemp(prefix="pond-"))
    root = base / "p"
    shutil.copytree(SCRATCH, root)
    (root / "tmp").mkdir()
    project = Pond(root)
    yield project
    for each in project.processes():
        if each.pid != os.getpid():
            each.send_signal(signal.SIGKILL)
    shutil.rmtree(base)


@pytest.fixture
def pond() -> Iterator[Pond]:
    """The scratch project."""
    with dug() as project:
        yield project


@pytest.fixture(scope="module")
def kept() -> Iterator[Pond]:
    """A scratch project whose environment is kept, for tests that leave it as it is."""
    with dug() as project:
        up = project.groundwork("up")
        assert up.returncode == 0, up.output
        yield project
        assert project.groundwork("down").returncode == 0
        assert project.leftovers() == []


@pytest.fixture
def start(pond: Pond) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a pytest run of the scratch project and go on."""
    started: list[subprocess.Popen[str]] = []

    def begin(*args: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        run = subprocess.Popen(  # noqa: S603 - the controller under test must be this one's child
            pond.command(*args),
            cwd=pond.root,
            env=pond.environment(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(run)
        return run

    yield begin
    for run in started:
        run.kill()
        run.communicate(timeout=RUN_TIMEOUT_S)
