"""Hooks that other plugins may implement: what a run has just become, and what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groundwork.artifacts import Resolved


@pytest.hookspec
def pytest_groundwork_configure(config: pytest.Config, out_dir: Path) -> None:
    """A run with an environment begins, in the controller; ``out_dir`` is where its output goes.

    Called before other plugins are configured. A run that asks for no resource leaves no output:
    the folder is removed at its end.
    """


@pytest.hookspec
def pytest_groundwork_finish(
    config: pytest.Config, out_dir: Path, record: dict[str, Any], artifacts: tuple[Resolved, ...]
) -> None:
    """A run has ended, in the controller.

    ``record`` is what run.json holds, ``artifacts`` are the programs that were found.
    """
