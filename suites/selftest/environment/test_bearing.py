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


CONTEXT = FoundationSettings(_env_file=None, env="context", volume="small")  # type: ignore[call-arg]

# What is done to a pod from the node that it is on, and to nodes.
FROM_NODES = ("crash", "pause")
OF_NODES = ("drain", "freeze")


def test_containers_are_killed_and_cut_off_where_they_are_paused() -> None:
    """From their nodes, of whatever has pods of its own; the relay is cut off by itself."""
    killed = bearing(KIND, "kill")
    for fault in FROM_NODES:
        assert bearing(KIND, fault) == killed
        assert bearing(CONTEXT, fault) == set()
    assert bearing(KIND, "isolate") == killed | {"cluster"}
    assert bearing(CONTEXT, "isolate") == {"relay"}
    assert bearing(LOCAL, "crash") == set()


def test_nodes_are_broken_where_they_are_ours_and_there_are_several() -> None:
    """One that is alone has nobody beside it; somebody else's aren't touched."""
    alone = KIND.model_copy(update={"nodes": 1})
    for fault in OF_NODES:
        assert bearing(KIND, fault) == {"cluster"}
        assert bearing(alone, fault) == bearing(CONTEXT, fault) == set()
    assert "cluster" in bearing(alone, "isolate")


def test_what_doesnt_start_without_its_config_map_may_have_it_got_wrong() -> None:
    """The services, whoever's the cluster is; and Prometheus, in its own way."""
    services = {"hello-world", "hello-world-relayed", "prometheus"}
    assert bearing(KIND, "misconfigure") == bearing(CONTEXT, "misconfigure") == services


def test_every_fault_is_borne_by_somebody() -> None:
    """One that nobody bears is no fault of this project."""
    for fault in FAULTS:
        assert bearing(LOCAL, fault.name) | bearing(KIND, fault.name), fault.name
