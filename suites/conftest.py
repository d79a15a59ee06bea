"""What suites have that start runs of their own."""

from __future__ import annotations

import pytest

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings


@pytest.fixture(scope="session")
def decided(pytestconfig: pytest.Config) -> FoundationSettings:
    """The settings of this run, each `auto` decided."""
    options = ENVIRONMENT.settings.options()
    given = {each.field: pytestconfig.getoption(f"groundwork_{each.field}") for each in options}
    found = ENVIRONMENT.decide(ENVIRONMENT.settings.load(given, ROOT))
    assert isinstance(found, FoundationSettings)
    return found
