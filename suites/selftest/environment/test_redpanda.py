"""Redpanda's configuration in a pod: written by a program that is run here as it is there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.decisions import decide
from fixtures.declared.images import declared_version
from fixtures.environment import resources
from fixtures.paths import MANIFESTS, SERVERS
from fixtures.platforms.kubernetes import workloads
from fixtures.platforms.overlay import overlay_of
from fixtures.resources import redpanda
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.declare.resource import Resource

PROGRAM = SERVERS / "redpanda_config.py"
OUTSIDE = "127.0.0.1:19092,127.0.0.1:19093,127.0.0.1:40000"


def configured(folder: Path, index: int, brokers: int) -> dict[str, Any]:
    """What the program writes for one node."""
    environ = {
        "POD_INDEX": str(index),
        "BROKERS": str(brokers),
        "DOMAIN": "broker.infra.svc.cluster.local",
        "RELAY": "relay.infra.svc.cluster.local",
        "EXTERNAL": OUTSIDE,
        "PROXY": "127.0.0.1:18082",
    }
    argv = [sys.executable, "-I", str(PROGRAM), str(MANIFESTS / "redpanda"), str(folder)]
    process.run(argv, env=environ, timeout_s=30)
    written: dict[str, Any] = json.loads((folder / "redpanda.yaml").read_text())
    return written


def addresses(listeners: list[dict[str, Any]]) -> dict[str, str]:
    """HOST:PORT by the listener's name."""
    return {each["name"]: f"{each['address']}:{each['port']}" for each in listeners}


def test_each_listener_is_advertised_at_an_address_of_its_own(tmp_path: Path) -> None:
    """Inside by the pod's name, outside by the host's port, and through the relay by the relay's.

    So a client stays on the way that it came.
    """
    node = configured(tmp_path, 2, 3)["redpanda"]
    assert addresses(node["advertised_kafka_api"]) == {
        "internal": "broker-2.broker.infra.svc.cluster.local:9092",
        "external": "127.0.0.1:40000",
        "relay": "relay.infra.svc.cluster.local:9196",
    }
    assert addresses(node["kafka_api"]) == {
        "internal": "0.0.0.0:9092",
        "external": "0.0.0.0:19092",
        "relay": "0.0.0.0:9096",
    }


def test_all_nodes_form_one_cluster_together(tmp_path: Path) -> None:
    """Each names the same seeds, and none begins a cluster alone."""
    nodes = [configured(tmp_path, index, 3)["redpanda"] for index in range(3)]
    assert [node["empty_seed_starts_cluster"] for node in nodes] == [False] * 3
    assert nodes[0]["seed_servers"] == nodes[1]["seed_servers"] == nodes[2]["seed_servers"]
    seeds = [seed["host"] for seed in nodes[0]["seed_servers"]]
    assert seeds == [node["advertised_rpc_api"] for node in nodes]


def test_the_proxy_is_reached_from_outside_at_the_first_node_alone(tmp_path: Path) -> None:
    """Its consumers live in the node that made them, and only one has a port on the host."""
    first, second = (configured(tmp_path, index, 3)["pandaproxy"] for index in range(2))
    assert addresses(first["advertised_pandaproxy_api"])["external"] == "127.0.0.1:18082"
    assert addresses(second["advertised_pandaproxy_api"]) == {
        "internal": "broker-1.broker.infra.svc.cluster.local:8082"
    }


def test_the_cluster_is_told_beforehand_what_topics_may_be(tmp_path: Path) -> None:
    """The file lies where Redpanda looks for it, beside the node's own."""
    configured(tmp_path, 0, 1)
    declared = (MANIFESTS / "redpanda" / "bootstrap.yaml").read_text()
    assert (tmp_path / ".bootstrap.yaml").read_text() == declared
    assert "auto_create_topics_enabled: false" in declared


@pytest.mark.parametrize(
    ("options", "broker", "components"),
    [
        ({"images": "packages"}, "kafka", ["packages"]),
        (
            {"images": "packages", "brokers": "3"},
            "kafka",
            ["three-brokers", "every-node", "small-heaps", "packages"],
        ),
        (
            {"images": "packages", "broker_volume": "small"},
            "kafka",
            ["small-volume", "packages"],
        ),
        ({"images": "vendor", "broker_volume": "small"}, "kafka", ["small-volume"]),
        ({"images": "vendor"}, "redpanda", []),
        ({"images": "vendor", "broker": "kafka"}, "kafka", []),
        ({"broker": "redpanda", "brokers": "3"}, "redpanda", ["three-brokers", "every-node"]),
    ],
)
def test_the_overlay_follows_from_images_and_broker(
    options: dict[str, object], broker: str, components: list[str], tmp_path: Path
) -> None:
    """Redpanda where images are the vendor's, Kafka elsewhere, unless told otherwise."""
    decided = decide(FoundationSettings.load({"env": "kind"} | options, tmp_path))
    assert isinstance(decided, FoundationSettings)
    overlay = overlay_of(decided, workloads(decided))
    assert {each.name for each in overlay.folders} & {"kafka", "redpanda"} == {broker}
    assert [each.name for each in overlay.components] == [
        "names",
        "moving",
        "together",
        *components,
    ]
    assert all(each.is_dir() for each in (*overlay.folders, *overlay.components))


def test_redpanda_brings_its_console_and_more_ways_in(tmp_path: Path) -> None:
    """The same resources as with Kafka, and the console; the broker has two more ports."""
    with_kafka, with_redpanda = (chosen(tmp_path, name) for name in ("kafka", "redpanda"))
    assert with_redpanda.keys() - with_kafka.keys() == {"console"}
    more = set(with_redpanda["broker"].ports) - set(with_kafka["broker"].ports)
    assert more == {"schema-registry", "http-proxy"}
    assert declared_version(redpanda.MANIFESTS, redpanda.IMAGE) == "23.2.15"


def chosen(folder: Path, broker: str) -> dict[str, Resource]:
    """The resources with a broker, on images of vendors."""
    options = {"env": "kind", "images": "vendor", "broker": broker}
    settings = decide(FoundationSettings.load(options, folder))
    return {each.name: each for each in resources(settings)}
