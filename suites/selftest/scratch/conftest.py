"""The fixtures of the pond."""

from __future__ import annotations

import pytest

from groundwork.plugin import provides
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession


@pytest.fixture(scope="session")
@provides("spring")
def spring(groundwork_session: EnvironmentSession) -> Handle:
    """The spring."""
    return groundwork_session.await_ready("spring")


@pytest.fixture(scope="session")
@provides("mill")
def mill(groundwork_session: EnvironmentSession) -> Handle:
    """The mill, which needs the spring."""
    return groundwork_session.await_ready("mill")
