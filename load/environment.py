"""The environment of a load: whom it is offered to, where they are, and by which processes."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path

from fixtures.seeds import draw_seed
from groundwork.base import process
from groundwork.use.client import Client, Handle
from load.settings import OF_SERVICE, LoadSettings
from load.topic import told_by, topics_of

__all__ = ["GENERATORS", "SERVICE", "settings_of"]

# Whom requests are offered to, and who offers a load from inside of a cluster.
SERVICE, GENERATORS = "hello-world", "generators"

# By whom else a broker is reached.
RELAY = "relay"


def settings_of(given: Mapping[str, object], client: Client) -> LoadSettings:
    """The settings of a load.

    Args:
        given: What is asked for, by name.
        client: Of the keeper.

    Raises:
        UsageError: One isn't what it should be; names it.
    """
    broker = client.await_ready("broker")
    bootstrap = broker.endpoint("kafka")
    if given.get("way") == "relayed":
        client.ask({RELAY})  # no test of a load needs it by itself
        bootstrap = client.await_ready(RELAY).endpoint("kafka")
    pids = {broker.name: pids_of(client, broker)}
    own: dict[str, object] = {
        "seed": draw_seed(),
        "topic": f"load-{uuid.uuid4()}",
        **told_by(given, topics_of(bootstrap) if "topic" in given else {}),
        "bootstrap": bootstrap,
        "run": secrets.randbits(32),
        "folder": Path.cwd(),
        "pids": pids,
    }
    inside = own.get("place") == "inside"
    if inside:
        own |= {
            "master": client.await_ready(GENERATORS).endpoint("http"),
            "bootstrap_inside": broker.inside("kafka"),
        }
    if own.get("operation") in OF_SERVICE:
        service = client.await_ready(SERVICE)
        pids[SERVICE] = pids_of(client, service)
        url = service.inside("http") if inside else service.endpoint("http")
        own |= {"url": url, "keep": False}
    return LoadSettings.of(own)


def pids_of(client: Client, resource: Handle) -> tuple[int, ...]:
    """The processes of a resource; none in a cluster, where they are of pods."""
    token = f"{client.status().folder.name}:{resource.name}:"
    return tuple(each.pid for each in process.find_by_token(token))
