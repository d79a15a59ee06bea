"""Faults: each lands, by what a client sees, and is healed, on whatever bears it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import allure
import pytest
import requests
import yaml

from chaos.caller import ANSWER_TIMEOUT_S, GET, answered, crowd, host_and_port, question
from chaos.evidence import CROWD, Descriptors, found_at
from fixtures.declared.objectives import Objectives
from fixtures.pods.servers.exporter import AGE_MAX_S
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError, ProvisionError, UsageError
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.scaling import restore
from groundwork.keep.events import Recovered
from groundwork.keep.messages import ClientHello
from groundwork.keep.timeline import read
from groundwork.kube.client import Kube
from groundwork.use.client import Client, Handle
from groundwork.use.session import EnvironmentSession
from suites.support.metrics import samples_of

# A killed broker reads its log before it answers; a pod is pulled, placed and probed.
RETURN_TIMEOUT_S = 120.0

RESOURCES = (
    "alertmanager",
    "broker",
    "exporter",
    "hello-world",
    "hello-world-relayed",
    "logs",
    "node-exporter",
    "patient",
    "prometheus",
    "receiver",
    "relay",
    "traces",
)
# What the kernel tells of a process that SIGKILL has ended.
KILLED = "gone (-9)"

# What the exporter tells of it.
VOLUME = "groundwork_volume_used_ratio"

# The broker isn't among them: a node that can't open a file of its log ends, sooner or later.
EXHAUSTIBLE = tuple(name for name in RESOURCES if name != "broker")
# Who writes files ends where it is the next one's turn and there is none to be had.
WRITERS = ("logs", "prometheus", "traces")

each_resource = pytest.mark.parametrize(
    "resource", [pytest.param(name, marks=pytest.mark.disturbs(name)) for name in RESOURCES]
)


each_exhaustible = pytest.mark.parametrize(
    "resource", [pytest.param(name, marks=pytest.mark.disturbs(name)) for name in EXHAUSTIBLE]
)


def connected(handle: Handle) -> socket.socket:
    """A connection to the first node of the broker, or by the relay to it."""
    place = host_and_port(handle.endpoint().partition(",")[0])
    return socket.create_connection(place, timeout=ANSWER_TIMEOUT_S)


def exchange(connection: socket.socket, number: int) -> int:
    """Ask which requests are understood; the number of the question, as it comes back.

    Raises:
        OSError: There is no answer in time, or the connection was cut.
    """
    connection.sendall(question(number))
    return answered(connection)[0]


def measure(connection: socket.socket, number: int) -> tuple[float, int]:
    """The seconds that an answer takes, and its bytes."""
    began_s = time.monotonic()
    connection.sendall(question(number))
    _, size = answered(connection)
    return time.monotonic() - began_s, size


def ask(handle: Handle) -> None:
    """Have a resource answer, whatever it says.

    Raises:
        OSError: It doesn't.
    """
    address = handle.endpoint()
    if address.startswith("http"):
        requests.get(address, timeout=ANSWER_TIMEOUT_S)
        return
    with connected(handle) as connection:
        exchange(connection, 1)


def answers(handle: Handle) -> bool:
    """Whether a resource answers at all."""
    try:
        ask(handle)
    except OSError:  # those of requests are among them
        return False
    return True


def await_answer(handle: Handle) -> None:
    """Wait until a resource answers."""
    wait_for(
        lambda: ask(handle),
        deadline=Deadline.after(RETURN_TIMEOUT_S),
        what=f"{handle.name} to answer again",
        retry_on=(OSError,),
    )


def await_silence(handle: Handle) -> None:
    """Wait until a resource answers no more."""

    def look() -> None:
        if answers(handle):
            raise NotYetError("it answers")

    wait_for(look, deadline=Deadline.after(RETURN_TIMEOUT_S), what=f"{handle.name} to be silent")


def own(seen: Mapping[str, str]) -> set[str]:
    """The parts of a resource that run: not what one of them says of others."""
    return {part for part, state in seen.items() if "pid" in state or "containers" in state}


def show(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Put what was to be seen of a resource into the report."""
    for part in sorted({*before, *after}):
        allure.attach(f"{before.get(part, 'not there')}\n{after.get(part, 'not there')}", part)


@each_resource
def test_what_is_paused_answers_nobody(
    groundwork_session: EnvironmentSession, resource: str
) -> None:
    """While it is paused it is there, and says nothing; then it goes on as if nothing had been."""
    handle = groundwork_session.await_ready(resource)
    assert answers(handle)
    with handle.fault("pause", limit_s=60) as fault:
        show(fault.told.before, fault.told.after)
        assert not answers(handle)
        assert own(fault.told.before)
        for part in own(fault.told.before):
            assert fault.told.after[part] != fault.told.before[part]
    await_answer(handle)


@pytest.mark.disturbs("broker")
def test_what_is_paused_has_no_lag_told_by_the_exporter(
    broker: Handle, exporter: Handle, hello_world: Handle
) -> None:
    """While the broker is silent nothing of before is told, but that it is; then all is again."""
    del hello_world  # its group is one that has a lag

    def expect_lags(*, told: bool) -> None:
        url = exporter.endpoint("metrics")
        lags = list(samples_of(url, "groundwork_consumer_lag"))
        (success,) = samples_of(url, "groundwork_consumer_lag_read_success")
        if bool(lags) != told or bool(success.value) != told:
            raise NotYetError(f"{len(lags)} lags are told, success is {success.value:g}")

    def await_lags(timeout_s: float, *, told: bool) -> None:
        what = f"lags to be told{'' if told else ' no more'}"
        wait_for(lambda: expect_lags(told=told), deadline=Deadline.after(timeout_s), what=what)

    await_lags(RETURN_TIMEOUT_S, told=True)
    with broker.fault("pause", limit_s=60):
        await_lags(AGE_MAX_S + ANSWER_TIMEOUT_S, told=False)
    await_lags(RETURN_TIMEOUT_S, told=True)


@each_resource
def test_what_is_killed_is_gone_until_it_is_healed(
    groundwork_session: EnvironmentSession, resource: str
) -> None:
    """Nobody listens any more; what comes back is another process, on the same files and ports."""
    ended_and_healed(groundwork_session.await_ready(resource), "kill")


def ended_and_healed(handle: Handle, kind: str) -> Mapping[str, str]:
    """Have a resource end by a fault, hear nobody, and come back as others; how its parts ended."""
    with handle.fault(kind, limit_s=60) as fault:
        show(fault.told.before, fault.told.after)
        with pytest.raises(OSError, match=r"refused|reset|hung up"):
            ask(handle)
        healed = fault.heal()
    await_answer(handle)
    assert own(healed.after) == own(fault.told.before) != set()
    for part in own(healed.after):
        assert healed.after[part] != fault.told.before[part]
    return {part: fault.told.after[part] for part in own(healed.after)}


@each_resource
def test_what_is_terminated_ends_by_itself_and_comes_back(
    groundwork_session: EnvironmentSession, resource: str
) -> None:
    """Nobody has killed it, by its exit code, and nobody listens; then another process does."""
    ended = ended_and_healed(groundwork_session.await_ready(resource), "terminate")
    for state in ended.values():
        assert state.startswith("gone (")
        assert state != KILLED


@each_exhaustible
def test_what_is_exhausted_hears_nobody_who_comes(
    groundwork_session: EnvironmentSession, resource: str
) -> None:
    """The kernel lets it have no more than it has, and of those who come soon one has no answer.

    Whoever was connected before and hangs up makes room for somebody. Who has ended of it, for it
    writes files and couldn't open the next one, is started again as it was.
    """
    handle = groundwork_session.await_ready(resource)
    endpoint = handle.endpoint()
    address = endpoint.partition(",")[0]
    asked = GET if endpoint.startswith("http") else question(1)
    found = found_at(address)
    assert found is not None
    before = Descriptors.of(found.pid)
    with handle.fault("exhaust", limit_s=60) as fault:
        show(fault.told.before, fault.told.after)
        assert lacks(found.pid, before, resource)
        assert crowd(address, asked, CROWD) < CROWD
    await_answer(handle)
    again = found_at(address)
    assert again is not None
    assert Descriptors.of(again.pid).allowed == before.allowed
    assert again.pid == found.pid or resource in WRITERS


def lacks(pid: int, before: Descriptors, resource: str) -> bool:
    """Whether a process may have less than before, by the kernel; a writer may have ended of it."""
    try:
        return Descriptors.of(pid).allowed < before.allowed
    except FileNotFoundError:
        return resource in WRITERS


@pytest.mark.disturbs("relay")
def test_a_way_that_is_cut_is_refused_and_reset(relay: Handle) -> None:
    """Who was connected is reset, who comes is refused; then all may come again."""
    with connected(relay) as before:
        assert exchange(before, 1) == 1
        with relay.fault("isolate", "broker-1", limit_s=60) as fault:
            assert fault.told.after["broker-1"] == "isolated"
            with pytest.raises(OSError, match=r"reset|hung up"):
                exchange(before, 2)
            with pytest.raises(ConnectionRefusedError):
                connected(relay)
    with connected(relay) as after:
        assert exchange(after, 3) == 3


@pytest.mark.disturbs("relay")
def test_a_way_into_nothing_accepts_and_is_silent(relay: Handle) -> None:
    """Nobody is reset or refused, and nobody is answered; what was held back arrives in the end."""
    with connected(relay) as before:
        assert exchange(before, 1) == 1
        with relay.fault("blackhole", "broker-1", limit_s=60) as fault:
            assert fault.told.after["broker-1"] == "joined blackhole"
            with pytest.raises(TimeoutError):
                exchange(before, 2)
            with connected(relay) as new, pytest.raises(TimeoutError):
                exchange(new, 3)
        assert answered(before)[0] == 2
        assert exchange(before, 4) == 4


@pytest.mark.disturbs("relay")
def test_a_way_is_as_slow_and_as_narrow_as_it_is_told(relay: Handle) -> None:
    """An answer takes no less than the delay, and no less than its bytes at that rate."""
    with connected(relay) as connection:
        size = measure(connection, 1)[1]
        with relay.fault("slow", "broker-1", delay_ms=400, limit_s=60) as fault:
            assert fault.told.after["broker-1"] == "joined slow=400"
            assert measure(connection, 2)[0] >= 0.4
        with relay.fault("limit", "broker-1", bytes_per_s=size, limit_s=60) as fault:
            assert fault.told.after["broker-1"] == f"joined limit={size}"
            assert measure(connection, 3)[0] >= 1.0
        assert exchange(connection, 4) == 4


@pytest.mark.disturbs("volume")
def test_what_is_filled_is_full_by_the_exporters_word(volume: Handle, exporter: Handle) -> None:
    """As full as it was asked to be; then as empty as before."""

    def look(least: float, most: float) -> None:
        told = list(samples_of(exporter.endpoint("metrics"), VOLUME))
        if not any(least <= each.value <= most for each in told):
            raise NotYetError(f"{told}")

    def await_ratio(least: float, most: float) -> None:
        wait_for(
            lambda: look(least, most),
            deadline=Deadline.after(RETURN_TIMEOUT_S),
            what=f"a volume that is from {least:.0%} to {most:.0%} full",
        )

    await_ratio(0.0, 0.01)
    with volume.fault("fill", share=0.9, limit_s=60) as fault:
        show(fault.told.before, fault.told.after)
        assert fault.told.after["small"] == "90% full"
        await_ratio(0.89, 0.91)
    await_ratio(0.0, 0.01)


def start_of(prometheus: Prometheus) -> str:
    """When a Prometheus has started, by its own word."""
    return str(prometheus.get("status/runtimeinfo")["startTime"])


def jobs_of(prometheus: Prometheus) -> set[str]:
    """The jobs that a Prometheus is configured with, by its own word."""
    config = yaml.safe_load(prometheus.get("status/config")["yaml"])
    return {each["job_name"] for each in config["scrape_configs"]}


@pytest.mark.disturbs("prometheus")
def test_what_is_misconfigured_lacks_a_job_until_it_is_healed(
    prometheus: Prometheus, prometheus_handle: Handle
) -> None:
    """The server has read one without it, then one with it; what is refused leaves it alone."""
    before = jobs_of(prometheus)
    with prometheus_handle.fault("misconfigure", "receiver", limit_s=120) as fault:
        show(fault.told.before, fault.told.after)
        assert jobs_of(prometheus) == before - {"receiver"}
    assert jobs_of(prometheus) == before
    healed = start_of(prometheus)
    with pytest.raises(UsageError, match=r"has no 'nobody'; it has .*receiver"):
        prometheus_handle.fault("misconfigure", "nobody", limit_s=60).__enter__()
    with pytest.raises(UsageError, match="say which job is to be missing"):
        prometheus_handle.fault("misconfigure", limit_s=60).__enter__()
    assert (jobs_of(prometheus), start_of(prometheus)) == (before, healed)


@pytest.mark.disturbs("hello-world")
def test_what_is_scaled_to_nothing_is_gone_until_it_is_healed(hello_world: Handle) -> None:
    """There are no pods of it; then there are as many as are declared."""
    with hello_world.fault("scale", replicas=0, limit_s=300) as fault:
        show(fault.told.before, fault.told.after)
        assert fault.told.after == {}
        await_silence(hello_world)
    await_answer(hello_world)


@pytest.mark.disturbs("hello-world")
def test_what_is_on_record_as_scaled_is_scaled_back_by_whoever_sweeps(
    hello_world: Handle, kube: Kube
) -> None:
    """In a cluster that stays; by the ledger alone, by its remover, called once or again."""
    identity = kube.identity()
    with hello_world.fault("scale", replicas=0, limit_s=300):
        await_silence(hello_world)
        record = {
            "kubeconfig": hello_world.client.await_ready("cluster").endpoint("kubeconfig"),
            "owner": kube.objects.owner,
            "uid": identity.uid,
            "ca_sha256": identity.ca_sha256,
            "replicas": 1,
        }
        restore("Deployment services/hello-world", record)
        await_answer(hello_world)
        restore("Deployment services/hello-world", record)
        restore("Deployment services/nobody", record)
        with pytest.raises(ProvisionError, match="another cluster's now"):
            restore("Deployment services/hello-world", record | {"uid": "another"})


def test_what_was_broken_recovers_as_promised(
    groundwork_session: EnvironmentSession, objectives: Objectives, platform: str, tmp_path: Path
) -> None:
    """Somebody who isn't a test kills the relay; it and who needs it are well in their time.

    The timeline of that process tells how long each took; what isn't there is a failure, too.
    """
    client = Client(groundwork_session.client().path, ClientHello(tmp_path))
    with contextlib.closing(client):
        client.ask(["hello-world-relayed"])
        client.await_ready("hello-world-relayed")
        with client.fault("relay", "kill", limit_s=60):
            pass  # that it landed is seen by the tests above
    events = [entry.event for entry in read(tmp_path / "timeline.jsonl")]
    within_s = {each.resource: each.within_s for each in events if isinstance(each, Recovered)}
    for resource in ("relay", "hello-world-relayed"):
        assert objectives.missed(platform, resource, within_s.get(resource)) == ""
