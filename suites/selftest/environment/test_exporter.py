"""Groundwork's exporter: what it says of volumes, of a silent broker, and of what is old."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fixtures.paths import SERVERS
from fixtures.pods.servers.exporter import (
    AGE_MAX_S,
    INTERVAL_S,
    Lags,
    lines_of,
    used_ratio,
    volumes_of,
)
from fixtures.resources.exporter import ExporterServer
from fixtures.resources.kafka import KafkaBroker
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.ledger import Ledger
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.stage import Stage
from suites.support.pond import site_of
from suites.support.ports import free_port

TIMEOUT_S = 30.0

# It answers from memory, whoever else is silent; the rest is for a busy machine.
ANSWER_TIMEOUT_S = 1.0

LAG, SUCCESS = "groundwork_consumer_lag", "groundwork_consumer_lag_read_success"
VOLUME = "groundwork_volume_used_ratio"

Start = Callable[..., tuple[str, Child]]


def samples(text: str) -> dict[str, list[Sample]]:
    """The samples in metrics, by name, as Prometheus would read them."""
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found.setdefault(each.name, []).append(each)
    return found


def rendered(lags: Lags, **volumes: float) -> dict[str, list[Sample]]:
    """What is served of these."""
    return samples("\n".join(lines_of(lags, volumes)) + "\n")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts exporters, and ends them; where each serves its metrics."""
    children: list[Child] = []

    def begin(broker: str, pairs: Sequence[str] = ()) -> tuple[str, Child]:
        port = free_port()
        words = [sys.executable, "-I", SERVERS / "exporter.py", "127.0.0.1", port, broker, *pairs]
        child = process.spawn(
            [*map(str, words)], env=process.plain_environment({}), log=tmp_path / "exporter.log"
        )
        children.append(child)
        return f"http://127.0.0.1:{port}/metrics", child

    yield begin
    for child in children:
        child.kill()
        child.wait()


@pytest.fixture
def silent() -> Iterator[str]:
    """A broker's address where connections are taken, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def await_told(url: str, name: str) -> dict[str, list[Sample]]:
    """All samples, once there is one of a name."""

    def look() -> dict[str, list[Sample]]:
        found = samples(requests.get(url, timeout=TIMEOUT_S).text)
        if name not in found:
            raise NotYetError(f"there are {sorted(found)}")
        return found

    return wait_for(
        look, deadline=Deadline.after(TIMEOUT_S), what=name, retry_on=(requests.RequestException,)
    )


def test_lags_are_told_by_group_topic_and_partition() -> None:
    """A group may be called by anything; Prometheus reads what it is called."""
    odd = 'a "group"\\\nof mine'
    found = rendered(Lags({(odd, "trades", 0): 7, ("other", "trades", 1): 0}))
    assert [(each.labels, each.value) for each in found[LAG]] == [
        ({"group": odd, "topic": "trades", "partition": "0"}, 7),
        ({"group": "other", "topic": "trades", "partition": "1"}, 0),
    ]
    assert found[SUCCESS][0].value == 1


def test_what_could_be_read_is_told_beside_what_could_not() -> None:
    """One node is silent: the groups of others are told, and that something is missing."""
    found = rendered(Lags({("mine", "trades", 0): 7}, failure="node 2: silent"))
    assert [each.value for each in found[LAG]] == [7]
    assert found[SUCCESS][0].value == 0


def test_what_is_too_old_is_not_told() -> None:
    """A read that never ends leaves nothing of the one before it."""
    lags = {("mine", "trades", 0): 7}
    young = rendered(Lags(lags, read_s=time.monotonic() - AGE_MAX_S + 1))
    assert young[SUCCESS][0].value == 1
    assert LAG in young
    old = rendered(Lags(lags, read_s=time.monotonic() - AGE_MAX_S))
    assert old[SUCCESS][0].value == 0
    assert LAG not in old


def test_a_volume_is_as_full_as_its_file_system_says(tmp_path: Path) -> None:
    """Of that at its path; what only root may fill counts as filled."""
    told = os.statvfs(tmp_path)
    used = 1 - told.f_bavail / told.f_blocks
    assert used_ratio(str(tmp_path)) == pytest.approx(used, abs=0.01)
    (volume,) = volumes_of([f"data={tmp_path}"])
    assert volume.ratio() is None
    volume.look()
    assert volume.ratio() == pytest.approx(used, abs=0.01)
    assert rendered(Lags({}), data=0.25)[VOLUME][0].labels == {"volume": "data"}


def test_what_is_no_volume_has_no_ratio(tmp_path: Path) -> None:
    """Nothing is mounted there, or nothing that could be filled."""
    for path in (tmp_path / "nobody", Path("/proc")):
        (volume,) = volumes_of([f"data={path}"])
        volume.look()
        assert volume.ratio() is None


@pytest.mark.parametrize("pairs", [["data"], ["=/data"], ["data="], ["data=/a", "data=/b"]])
def test_a_volume_that_is_none_is_refused(pairs: list[str]) -> None:
    """By what was given."""
    with pytest.raises(SystemExit, match="should be the NAME=PATH of one volume more"):
        volumes_of(pairs)


def test_a_silent_broker_delays_nobody(start: Start, silent: str, tmp_path: Path) -> None:
    """Who asks is answered at once: volumes are told, and that lags couldn't be read.

    When it has given up, too; and it ends when it is asked to, in the middle of a read.
    """
    url, child = start(silent, [f"data={tmp_path}", f"gone={tmp_path}/nobody"])
    await_told(url, VOLUME)
    log = tmp_path / "exporter.log"

    def given_up() -> None:
        found = samples(requests.get(url, timeout=ANSWER_TIMEOUT_S).text)
        assert [each.labels["volume"] for each in found[VOLUME]] == ["data"]
        assert found[SUCCESS][0].value == 0
        assert LAG not in found
        if "Unable to bootstrap" not in log.read_text():
            raise NotYetError("it is still asking")

    wait_for(given_up, deadline=Deadline.after(TIMEOUT_S), what="it to give up")
    assert child.stop(TIMEOUT_S)
    assert child.wait() == 0


def test_a_broker_that_is_not_there_is_told_once(start: Start, tmp_path: Path) -> None:
    """It goes on trying, and its log doesn't grow by each attempt."""
    url, _ = start(f"127.0.0.1:{free_port()}")
    assert await_told(url, SUCCESS)[SUCCESS][0].value == 0
    until_s = time.monotonic() + 3 * INTERVAL_S

    def tried() -> None:
        if time.monotonic() < until_s:
            raise NotYetError("it has tried once or twice")

    wait_for(tried, deadline=Deadline.after(TIMEOUT_S), what="it to try several times")
    lines = (tmp_path / "exporter.log").read_text().splitlines()
    assert len([line for line in lines if "consumer lag" in line]) == 1
    assert not [line for line in lines if "Unable connect" in line]


def test_it_answers_what_it_has_and_nothing_else(start: Start, silent: str) -> None:
    """That it is alive, its metrics; of volumes none where none was declared."""
    url, _ = start(silent)
    assert VOLUME not in await_told(url, SUCCESS)
    home = url.removesuffix("metrics")
    assert requests.get(home, timeout=ANSWER_TIMEOUT_S).text == "alive\n"
    nothing = requests.get(f"{home}nothing", timeout=ANSWER_TIMEOUT_S)
    assert nothing.status_code == requests.codes.not_found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The exporter's stage, in an environment whose broker isn't there; what it starts is ended."""
    book = Ledger.create(tmp_path / f"env-{os.getpid()}")
    site = site_of(book)
    site.stages["broker"] = Stage(
        site, "broker", "run", {"client-1": free_port(), "metrics-1": free_port()}
    )
    made = Stage(site, "exporter", "run", {"http": free_port()})
    yield made
    made.stop(grace_s=TIMEOUT_S)


def test_declared_volumes_are_looked_at_and_a_broker_is_missed(
    stage: Stage, tmp_path: Path
) -> None:
    """The resource tells its server of its volumes; it isn't ready where lags can't be read."""
    exporter = ExporterServer(KafkaBroker((), 1), volumes={"data": tmp_path})
    exporter.launch(stage)
    found = await_told(exporter.endpoints(stage)["metrics"].address, VOLUME)
    assert [each.labels["volume"] for each in found[VOLUME]] == ["data"]
    with pytest.raises(NotYetError, match="how far groups of consumers are behind"):
        exporter.probe(stage)
