"""Measurements: they outlive the pod that took them."""

from __future__ import annotations

import time

import allure
import pytest
import requests

from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.client import Kube
from groundwork.use.client import Handle

# A pod that has a volume to be attached again, on a busy machine.
RETURN_TIMEOUT_S = 120.0
SCRAPE_TIMEOUT_S = 40.0


@pytest.mark.disturbs("prometheus")
def test_measurements_outlive_prometheus_pod(
    kube: Kube, prometheus: Prometheus, prometheus_handle: Handle
) -> None:
    """Its pod is killed; the one that comes in its place has all that was measured before."""

    def measured() -> list[object]:
        found = prometheus.query("up")
        if not found:
            raise NotYetError("nothing is")
        return list(found)

    wait_for(measured, deadline=Deadline.after(SCRAPE_TIMEOUT_S), what="anything to be measured")
    at_s = time.time()
    before = prometheus.get("query", query="up", time=str(at_s))["result"]
    (killed,) = kube.pods.of(prometheus_handle.name)
    with allure.step("kill the pod"), prometheus_handle.fault("kill"):
        pass  # another one comes by itself

    def replaced() -> None:
        pods = kube.pods.of(prometheus_handle.name)
        if [pod.uid for pod in pods if pod.ready] in ([], [killed.uid]):
            raise NotYetError(f"{[(pod.name, pod.phase, pod.waiting) for pod in pods]}")

    with allure.step("another comes in its place"):
        wait_for(replaced, deadline=Deadline.after(RETURN_TIMEOUT_S), what="a new pod")
        after = wait_for(
            lambda: prometheus.get("query", query="up", time=str(at_s))["result"],
            deadline=Deadline.after(RETURN_TIMEOUT_S),
            what="Prometheus to answer",
            retry_on=(requests.RequestException,),
        )
    assert before
    assert after == before
