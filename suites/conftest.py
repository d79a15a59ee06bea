"""What suites have in common: the settings of the run, and where its output goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.settings import FoundationSettings
from groundwork.use.session import EnvironmentSession
from suites.support.options import settings_of


@pytest.fixture(scope="session")
def decided(pytestconfig: pytest.Config) -> FoundationSettings:
    """The settings of this run, each `auto` decided."""
    return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def out_dir(groundwork_session: EnvironmentSession) -> Path:
    """Where this run's output goes, its timeline among it."""
    found = groundwork_session.client().status().out_dir
    assert found is not None
    return found
