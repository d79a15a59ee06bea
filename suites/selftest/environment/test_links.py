"""The relay between nodes: what is done to the link of one is done to both of its ways alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.environment import known, resources
from fixtures.pods.asked.network import connects
from fixtures.resources.links import KINDS, BrokerLinks, port_names
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.base.ledger import Ledger
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.capability import faults_of
from groundwork.declare.stage import Stage
from suites.support.pond import site_of
from suites.support.ports import free_port

TIMEOUT_S = 10.0

NODES = (1, 2, 3)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The stage of links that are ready; nobody is behind them."""
    book = Ledger.create(tmp_path / "state" / "envs" / f"env-{os.getpid()}-{tmp_path.name}")
    site = site_of(book)
    stage = Stage(site, "links", "run", {name: free_port() for name in port_names(len(NODES))})
    made = BrokerLinks(len(NODES))
    made.launch(stage)
    wait_for(
        lambda: made.probe(stage),
        deadline=Deadline.after(TIMEOUT_S),
        what="the relay",
        retry_on=(OSError,),
    )
    yield stage
    process.end(process.find_by_token(f"{site.token}:"), grace_s=0)


def listening(stage: Stage) -> set[int]:
    """The nodes to which a way is open; of each both are, or none."""
    open_ = {
        node: {connects(f"127.0.0.1:{stage.ports[f'{kind}-{node}']}") for kind in KINDS}
        for node in NODES
    }
    assert all(len(each) == 1 for each in open_.values()), open_
    return {node for node, each in open_.items() if each == {True}}


@pytest.mark.parametrize("node", NODES)
def test_a_fault_of_a_link_is_of_both_of_its_ways_and_of_no_other(stage: Stage, node: int) -> None:
    """Copies and the quorum; undone, all are open."""
    links = BrokerLinks(len(NODES))
    target = f"broker-{node}"
    assert set(links.targets(stage, "isolate")) == {f"broker-{n}" for n in NODES}
    links.isolate(stage, target)
    assert listening(stage) == set(NODES) - {node}
    seen = links.observe(stage)
    assert [n for n in NODES if seen[f"broker-{n}"] == "isolated"] == [node]
    links.rejoin(stage, target)
    assert listening(stage) == set(NODES)
    links.isolate(stage, "")
    assert listening(stage) == set()
    links.rejoin(stage, "")
    assert listening(stage) == set(NODES)


def test_nodes_of_a_cluster_cut_links_by_themselves() -> None:
    """Those of three pods of Kafka, which need them as processes do; nobody asks for them."""
    for own, there in (
        ({"brokers": 3}, {"links"}),
        ({"brokers": 1}, set[str]()),
        ({"brokers": 3, "env": "context"}, set[str]()),
        ({"brokers": 3, "broker": "redpanda", "images": "vendor"}, set[str]()),
    ):
        given = {"env": "kind", "images": "packages", "broker": "kafka", "volume": "small"} | own
        made = {each.name: each for each in resources(FoundationSettings.model_validate(given))}
        assert {"links"} & made.keys() == there
        assert set(made["broker"].needs) == {"cluster", *there}
        borne = {each.name for name in there for each in faults_of(made[name])}
        assert borne == ({"isolate"} if there else set())


def test_there_are_links_where_they_are_asked_for() -> None:
    """The broker needs them then; their name is known everywhere."""
    for links, there in (("direct", set[str]()), ("relayed", {"links"})):
        own = FoundationSettings.model_validate({"brokers": 3, "links": links, "volume": "none"})
        made = {each.name: each for each in resources(own)}
        assert {"links"} & made.keys() == there
        assert set(made["broker"].needs) == there
        assert "links" in known(own)
