"""What several tests of the connectivity suite need."""

from __future__ import annotations

import pytest

from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.patient import Patient
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.receiver import Receiver
from groundwork.use.client import Handle


@pytest.fixture(scope="session")
def everything(
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    receiver: Receiver,
    relay: Handle,
    hello_world: Handle,
    hello_world_relayed: Handle,
    patient: Patient,
    toolbox_handle: Handle,
) -> None:
    """All of the platform, for tests that look at what there is: what nobody uses isn't started.

    The broker and the exporter come with Prometheus, which needs what it scrapes.
    """
