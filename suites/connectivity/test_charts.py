"""Charts: a small one of our own takes the way of the big ones, through pyhelm3 and our Helm."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import allure
import pytest

from fixtures.packages.programs import HELM
from fixtures.paths import ROOT
from groundwork.artifacts import Cache, Workshop, default_cache_dir
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.ledger import Ledger
from groundwork.base.process import ProcessFailedError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.chart import Chart, ChartSource
from groundwork.clusters.cluster import Cluster
from groundwork.clusters.podwatch import PodWatch
from groundwork.declare.stage import Site, Stage
from groundwork.kube.client import Kube
from groundwork.kube.connection import KubeError

SOURCE = ChartSource(Path(__file__).with_name("charts") / "hello")
READY_TIMEOUT_S = 60.0
GONE_TIMEOUT_S = 30.0

NOT_FOUND = 404


def ignore(*_: Any, **__: Any) -> None:
    """What the keeper would note."""


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """A stage as the keeper gives one to a resource in the cluster; what was begun is ended."""
    helm = HELM.resolve(Workshop(Cache.open(default_cache_dir())))
    ledger = Ledger.create(tmp_path / kube.objects.owner)
    site = Site(kube.objects.owner, ROOT, ledger.folder, ledger, {"helm": helm}, ignore, ignore)
    host = Stage(site, "cluster", "test", {})
    host.handle = Cluster(kube, PodWatch(kube.pods, ignore, ignore), kube.identity())
    host.handle.pods.start()
    site.stages["cluster"] = host
    yield Stage(site, f"hello-{uuid4().hex[:8]}", "test", {})
    host.handle.close()
    ledger.close()


def hello(stage: Stage, source: ChartSource = SOURCE, **values: Any) -> Chart:
    """The chart, with values; as many pods as these say."""
    own = {"resource": stage.resource} | values
    return Chart(stage.resource, pods=own.get("replicas", 1), source=source, values=own)


def await_ready(chart: Chart, stage: Stage) -> str:
    """Its version, once it is ready."""
    return wait_for(
        lambda: chart.probe(stage),
        deadline=Deadline.after(READY_TIMEOUT_S),
        what="the chart's pods",
        describe=lambda: chart.logs(stage),
    )


def greetings(chart: Chart, stage: Stage) -> list[str]:
    """What each pod serves."""
    kube = chart.kube(stage)
    pods = chart.cluster(stage).pods.of(chart.name)
    return [kube.pods.http_get(pod, 8080, "greeting") for pod in pods]


def test_a_chart_comes_up_honours_its_values_and_goes(stage: Stage, kube: Kube) -> None:
    """Installed it serves what its values say, upgraded what they say then; uninstalled, nothing.

    Helm works in the resource's folder, with the run's kubeconfig.
    """
    with allure.step("install"):
        chart = hello(stage, greeting="Good morning", replicas=2)
        chart.launch(stage)
        assert await_ready(chart, stage) == "chart hello"
        assert greetings(chart, stage) == ["Good morning"] * 2
    with allure.step("upgrade"):
        more = hello(stage, greeting="Good morning", replicas=3)
        more.launch(stage)
        await_ready(more, stage)
        assert len(greetings(more, stage)) == 3
    with allure.step("uninstall"):
        more.uninstall(stage)
        wait_for(
            lambda: gone(kube, stage),
            deadline=Deadline.after(GONE_TIMEOUT_S),
            what="the chart's objects to be gone",
        )
        more.uninstall(stage)  # what isn't there needn't be taken out


def gone(kube: Kube, stage: Stage) -> None:
    """Raise NotYetError while something of the release is there: Helm's own record included."""
    name = stage.resource
    left = [pod.name for pod in kube.pods.of(name)]
    for version, kind, each in (
        ("v1", "ConfigMap", name),
        ("apps/v1", "Deployment", name),
        ("v1", "Secret", f"sh.helm.release.v1.{name}.v1"),
        ("v1", "Secret", f"sh.helm.release.v1.{name}.v2"),
    ):
        try:
            kube.objects.get(version, kind, each, "default")
        except KubeError as error:
            assert error.status == NOT_FOUND  # noqa: PT017 - any other would be a failure
        else:
            left.append(f"{kind} {each}")
    if left:
        raise NotYetError(f"still there: {left}")


def test_what_helm_says_is_told_in_one_line(stage: Stage) -> None:
    """A chart that the API server refuses fails at once, in Helm's own words."""
    chart = hello(stage, replicas="many")
    with pytest.raises(ProcessFailedError, match="can't install chart hello") as failed:
        chart.launch(stage)
    assert "\n" not in str(failed.value)
    assert "spec.replicas" in str(failed.value)
    chart.uninstall(stage)  # Helm keeps a record of what has failed


def test_a_repository_that_never_answers_costs_no_more_than_the_deadline(stage: Stage) -> None:
    """Helm and all that it has started are ended; nothing of them goes on."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        source = ChartSource("hello", address, "0.1.0")
        chart = Chart(stage.resource, source=source, install_timeout_s=3.0)
        began_s = time.monotonic()
        with pytest.raises(ProcessFailedError, match="took longer than 3 s"):
            chart.launch(stage)
        assert time.monotonic() - began_s < 3.0 + READY_TIMEOUT_S / 4
    assert process.find_by_token(f"{stage.token}:{stage.resource}") == ()
