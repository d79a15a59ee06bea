"""Silence: nobody is woken where nothing is wrong, nor by what another alert says already."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack

import allure
import pytest

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.rules import alerts_in, load_rules, rule_files
from fixtures.resources.patient import Patient
from groundwork.checkers.history import SECOND_NS
from groundwork.use.client import Handle, OpenFault
from suites.support.budgets import budget_of
from suites.support.illness import visited
from suites.support.rounds import LOST_S
from suites.support.wakings import Observer, Waking

LIMIT_S = 300.0


def gone(handle: Handle, platform: str) -> AbstractContextManager[OpenFault]:
    """Have a resource gone: a pod that is killed is there again at once."""
    if platform == "local":
        return handle.fault("kill", limit_s=LIMIT_S)
    return handle.fault("scale", replicas=0, limit_s=LIMIT_S)


@pytest.mark.disturbs("patient", limit_s=LIMIT_S)
def test_a_healthy_platform_wakes_nobody(
    patient: Patient, observer: Observer, durations: Durations
) -> None:
    """For twice as long as any alert waits none is pending, nor is anybody told of one.

    But for the dead man's switch, which is heard; and the service is used meanwhile.
    """
    with visited(f"{patient.url}/hello/you"):
        observer.await_quiet(LOST_S)
        begin_ns = time.monotonic_ns()
        observer.expect_quiet(2 * seconds_of(durations.for_))
    told = observer.told_between(begin_ns, time.monotonic_ns())
    assert not told, f"whoever is woken was told of {told}"
    assert observer.hears_the_switch()


@pytest.mark.disturbs("node-exporter", "hello-world", limit_s=LIMIT_S)
def test_a_host_that_is_down_silences_its_services(
    observer: Observer,
    durations: Durations,
    platform: str,
    node_exporter: Handle,
    hello_world: Handle,
) -> None:
    """A service that dies while its host is down is told to nobody, until the host is back.

    Alertmanager has its alert, and says which other one holds it back.
    """
    groups = load_rules(rule_files(platform))
    rules = alerts_in(groups)
    host = Waking({"alertname": "HostDown"})
    service = Waking({"alertname": "ServiceDown", "job": hello_world.name})
    most_s = {
        each: budget_of(rules[each], groups, durations, silent=True).whole_s for each in rules
    }
    observer.await_quiet(LOST_S)
    with observer.observing([host, service]), ExitStack() as ending:
        paused = ExitStack()
        ending.enter_context(paused)
        host.caused_ns = time.monotonic_ns()
        paused.enter_context(node_exporter.fault("pause", limit_s=LIMIT_S))
        observer.await_notified(host, most_s["HostDown"] + LOST_S)
        service.caused_ns = time.monotonic_ns()
        ending.enter_context(gone(hello_world, platform))
        observer.await_firing(service, most_s["ServiceDown"] + LOST_S)
        told = observer.await_inhibited(service, LOST_S)
        allure.attach(str(told), "what Alertmanager holds back")
        # It would have been told by now.
        observer.expect_untold(
            service, seconds_of(durations.group_wait) + seconds_of(durations.group_interval)
        )
        paused.close()
        observer.await_resolved(host, LOST_S)
        observer.await_notified(service, LOST_S)
    assert service.notified_ns > host.resolved_ns - SECOND_NS, (
        "it was told before the host was back"
    )
