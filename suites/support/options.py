"""The options of a run, as the settings that its environment has."""

from __future__ import annotations

import pytest

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from fixtures.settings import FoundationSettings

__all__ = ["settings_of"]


def settings_of(config: pytest.Config) -> FoundationSettings:
    """The settings of a run, each `auto` decided.

    Raises:
        UsageError: One can't be.
    """
    options = ENVIRONMENT.settings.options()
    given = {each.field: config.getoption(f"groundwork_{each.field}") for each in options}
    found = ENVIRONMENT.decide(ENVIRONMENT.settings.load(given, ROOT))
    assert isinstance(found, FoundationSettings)
    return found
