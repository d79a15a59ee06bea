"""The platform's promises, and the servers that run: they are asked, and held to them."""

from __future__ import annotations

import allure
from packaging.version import Version

from fixtures.declared.durations import Durations, seconds_of, with_window
from fixtures.declared.promises import Promises
from fixtures.resources.prometheus import Prometheus
from groundwork.use.client import Handle
from suites.support.alerts import PROOF
from suites.support.comparisons import broken, differences
from suites.support.topics import TopicState, admin_of, describe_topics

MB = 1_000_000


async def topics_of(broker: Handle) -> dict[str, TopicState]:
    """The topics as the broker has them."""
    async with admin_of(broker.endpoint("kafka")) as admin:
        return await describe_topics(admin)


async def test_the_broker_has_the_promised_topics(broker: Handle, promises: Promises) -> None:
    """The broker itself says: these topics, partitions, retention and policy, and no others."""
    promised = {t.name: (t.partitions, t.kept_ms, t.cleanup_policy) for t in promises.topics}
    found = {
        name: (
            len(topic.replicas),
            int(topic.config["retention.ms"].value or 0),
            topic.config["cleanup.policy"].value,
        )
        for name, topic in (await topics_of(broker)).items()
    }
    lines = differences(promised, found, what="topic", where="the broker")
    assert not lines, "\n".join(lines)


async def test_records_have_the_promised_copies(broker: Handle, promises: Promises) -> None:
    """Each partition is on as many nodes as promised, all in sync, and waits for enough of them."""
    nodes = len(broker.endpoint("kafka").split(","))
    copies = min(promises.broker.copies, nodes)
    waited = min(promises.broker.copies_to_acknowledge, max(1, nodes - 1))
    lines = []
    for name, topic in (await topics_of(broker)).items():
        for number, replicas in topic.replicas.items():
            what = f"copies of partition {number} of {name}"
            lines += broken(copies, len(replicas), what=what, where="the broker")
            in_sync = len(topic.in_sync[number])
            lines += broken(copies, in_sync, what=f"{what} in sync", where="the broker")
        value = topic.config["min.insync.replicas"].value
        what = f"copies to acknowledge a record of {name}"
        lines += broken(waited, int(value or 0), what=what, where="the broker")
    assert not lines, "\n".join(lines)


def test_the_broker_is_new_enough(broker: Handle, broker_kind: str, promises: Promises) -> None:
    """The version that it tells is at least the promised one."""
    least = promises.broker.version_min[broker_kind]  # type: ignore[index]
    assert Version(broker.version.split()[-1]) >= Version(least), (
        f"promised at least {least}, but the broker says that it is {broker.version}"
    )


def test_the_broker_needs_no_more_memory_than_promised(broker: Handle, promises: Promises) -> None:
    """Resident memory of its nodes, measured now."""
    nodes = len(broker.endpoint("kafka").split(","))
    used = broker.client.footprints([broker.name])[broker.name].resident_bytes
    allure.attach(f"{used / MB:.0f} MB, {nodes} nodes", "resident memory")
    assert 0 < used <= nodes * promises.broker.memory_mb_max * MB, (
        f"promised {promises.broker.memory_mb_max} MB for each of {nodes} nodes, but they use "
        f"{used / MB:.0f} MB"
    )


def test_prometheus_keeps_metrics_as_long_as_promised(
    prometheus: Prometheus, promises: Promises
) -> None:
    """Prometheus itself says how long it keeps them."""
    found = prometheus.get("status/runtimeinfo")["storageRetention"]
    spans = [seconds_of(part) for part in found.split(" or ") if part[-1] in "smhdwy"]
    assert [s for s in spans if s >= seconds_of(promises.metrics.kept_min)] == spans != [], (
        f"promised {promises.metrics.kept_min}, but Prometheus keeps them for {found}"
    )


def test_prometheus_has_the_promised_alerts(
    prometheus: Prometheus, promises: Promises, durations: Durations
) -> None:
    """It evaluates each promised alert; how long it must last is the profile's."""
    promised = {
        a.name: (
            prometheus.formatted(with_window(a.when, durations.rate_window)),
            seconds_of(durations.for_) if seconds_of(a.lasting) else 0,
            a.severity,
        )
        for a in promises.alerts
    }
    found = {
        rule["name"]: (
            prometheus.formatted(rule["query"]),
            rule["duration"],
            rule["labels"].get("severity"),
        )
        for rule in prometheus.rules()
        if rule["type"] == "alerting" and rule["name"] != PROOF
    }
    lines = differences(promised, found, what="alert", where="Prometheus")
    assert not lines, "\n".join(lines)
