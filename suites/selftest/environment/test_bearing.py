"""Who bears which fault, on this machine and in a cluster."""

from __future__ import annotations

import pytest

from fixtures.environment import resources
from fixtures.settings import FoundationSettings
from groundwork.declare.capability import FAULTS, capabilities, faults_of

LOCAL = FoundationSettings(_env_file=None, volume="small")  # type: ignore[call-arg]
KIND = FoundationSettings(  # type: ignore[call-arg]
    _env_file=None, env="kind", images="packages", broker="kafka", volume="small"
)


def bearing(own: FoundationSettings, fault: str) -> set[str]:
    """The resources that bear a fault."""
    return {
        each.name for each in resources(own) if fault in {found.name for found in faults_of(each)}
    }


@pytest.mark.skipif("sys.platform != 'linux'", reason="nobody sets another's limit there")
def test_all_but_the_broker_can_do_without_descriptors() -> None:
    """All that is killed may be asked to end, and exhausted, but a node that ends by that."""
    killed = bearing(LOCAL, "kill")
    assert {"broker", "prometheus", "relay"} < killed
    assert bearing(LOCAL, "terminate") == killed
    assert bearing(LOCAL, "exhaust") == killed - {"broker"}


def test_in_a_cluster_nobody_sets_the_limit_of_a_process() -> None:
    """Pods are asked to end as they are killed; what has no hook isn't able to."""
    killed = bearing(KIND, "kill")
    assert {"broker", "prometheus", "relay"} < killed
    assert bearing(KIND, "terminate") == killed
    assert bearing(KIND, "exhaust") == set()
    assert not any("Exhaustible" in capabilities(each) for each in resources(KIND))


def test_every_fault_is_borne_by_somebody() -> None:
    """One that nobody bears is no fault of this project."""
    for fault in FAULTS:
        assert bearing(LOCAL, fault.name) | bearing(KIND, fault.name), fault.name
