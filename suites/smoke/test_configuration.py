"""Settings that are in effect: servers are asked for all of them, and none is their own idea.

What isn't a server's default must be declared, and what is declared must be in effect.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.promises import Promises
from fixtures.declared.rules import rule_files
from fixtures.declared.topics import Topic
from fixtures.paths import MANIFESTS
from fixtures.pods.servers.broker_properties import properties
from fixtures.resources import alertmanager as alerting
from fixtures.resources import prometheus as measuring
from fixtures.resources.alertmanager import Alertmanager
from fixtures.resources.prometheus import Prometheus
from fixtures.resources.targets import FINDING
from groundwork.use.client import Handle
from suites.support.alerts import told_alertmanagers
from suites.support.comparisons import differences, undeclared
from suites.support.topics import Source, admin_of, broker_config, describe_topics

# Where a node of the broker is: of each node, and of each platform.
PLACES = {
    "advertised.listeners",
    "broker.id",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dirs",
    "node.id",
}

# Options of Prometheus' command line that nobody declares: they are as they are without one.
FLAGS = {
    "alertmanager.notification-queue-capacity": "10000",
    "enable-feature": "exemplar-storage",
    "query.lookback-delta": "5m",
    "query.timeout": "2m",
    "rules.alert.for-grace-period": "10m",
    "rules.alert.for-outage-tolerance": "1h",
    "web.enable-admin-api": "false",
    "web.enable-lifecycle": "false",
    "web.enable-remote-write-receiver": "false",
}

# Whether data is locked, by the option's name: Debian's build has turned it around.
LOCKS = {"storage.tsdb.no-lockfile": "false", "storage.tsdb.use-lockfile": "true"}

# What a job is without anybody's saying so, in all versions from 2.42.
JOB = {
    "always_scrape_classic_histograms": False,
    "convert_classic_histograms_to_nhcb": False,
    "enable_compression": True,
    "enable_http2": True,
    "fallback_scrape_protocol": "",
    "follow_redirects": True,
    "honor_labels": False,
    "honor_timestamps": True,
    "metric_name_escaping_scheme": "allow-utf-8",
    "metric_name_validation_scheme": "utf8",
    "metrics_path": "/metrics",
    "scheme": "http",
    "track_timestamps_staleness": False,
}
# And beside jobs: of the program itself, from 3.x.
# With exemplars kept, Prometheus tells how many, and Prometheus 3 what else it has for its storage.
EXEMPLARS = {"max_exemplars": 100000}
OWN = {"runtime": ({"gogc": 75},), "storage": ({"exemplars": EXEMPLARS},)}
RELABELLING = {"action": "replace", "regex": "(.*)", "replacement": "$1", "separator": ";"}

WEBHOOK = {
    "http_config": {"enable_http2": True, "follow_redirects": True},
    "max_alerts": 0,
    "send_resolved": True,
    "timeout": "0s",
}
ROUTE = {"continue": False}
TIMEOUT_S = 5.0


async def test_nodes_run_with_what_is_declared(
    broker: Handle, broker_kind: str, promises: Promises
) -> None:
    """Whatever isn't Kafka's default stands in broker.properties, and all of that is in effect.

    Of Redpanda, whose settings are others, what clients rely on.
    """
    nodes = len(broker.endpoint("kafka").split(","))
    common = (MANIFESTS / "kafka" / "broker.properties").read_text()
    none: dict[str, str] = {}
    text = properties(common, 1, nodes, listeners=none, advertised=none, voters="", data="")
    pairs = (each.partition("=") for each in text.splitlines() if each and each[0] != "#")
    declared = {key: value for key, _, value in pairs}
    async with admin_of(broker.endpoint("kafka")) as admin:
        for node in range(1, nodes + 1):
            config = await broker_config(admin, node)
            chosen = {n: e.value for n, e in config.items() if e.source != Source.DEFAULT}
            found = {name: value for name, value in chosen.items() if name not in PLACES}
            wanted = {name: value for name, value in declared.items() if name not in PLACES}
            where = f"node {node}"
            if broker_kind == "kafka":
                lines = differences(wanted, found, what="setting", where=where)
                assert not lines, "\n".join(lines)
            relied = {
                name: config[name].value for name in promises.broker.relied_on if name in config
            }
            promised = {name: promises.broker.relied_on[name] for name in relied}
            lines = differences(promised, relied, what="setting", where=where)
            assert not lines, "\n".join(lines)


async def test_topics_run_with_what_is_declared(
    broker: Handle, topics: tuple[Topic, ...], promises: Promises
) -> None:
    """A topic has retention and policy of its own, and otherwise what all topics have."""
    async with admin_of(broker.endpoint("kafka")) as admin:
        nodes = await broker_config(admin, 1)
        found = await describe_topics(admin)
    promised = promises.broker.relied_on
    common = {n for n, e in nodes.items() if e.source != Source.DEFAULT}
    for topic in topics:
        config = found[topic.name].config
        own = {n: e.value for n, e in config.items() if e.source == Source.TOPIC}
        declared = {"cleanup.policy": topic.cleanup_policy, "retention.ms": str(topic.retention_ms)}
        what = f"topic {topic.name}: setting"
        lines = differences(declared, own, what=what, where="the broker")
        assert not lines, "\n".join(lines)
        others = {n for n, e in config.items() if e.source not in {Source.DEFAULT, Source.TOPIC}}
        strangers = {n for n in others if n not in common and f"log.{n}" not in common}
        assert not strangers, f"{what}s that nobody declared: {sorted(strangers)}"
        relied = {name: config[name].value for name in promised if name in config}
        wanted = {name: promised[name] for name in relied}
        lines = differences(wanted, relied, what=what, where="the broker")
        assert not lines, "\n".join(lines)


def test_prometheus_runs_with_what_is_declared(
    prometheus: Prometheus, durations: Durations, stack: str
) -> None:
    """Intervals, jobs and relabelling are the declared ones, with nothing besides.

    An operator's configuration has things of its own besides.
    """
    effective = yaml.safe_load(prometheus.get("status/config")["yaml"])
    declared = measuring.config(durations)
    spans = ("scrape_interval", "scrape_timeout", "evaluation_interval")
    lines = besides(effective, declared) if stack == "manifests" else []
    found = {name: effective["global"][name] for name in spans}
    lines += differences(declared["global"], found, what="global", where="Prometheus")
    jobs = {job["job_name"]: bare(job) for job in declared["scrape_configs"]}
    defaults = JOB | {name: declared["global"][name] for name in spans[:2]}
    for job in effective["scrape_configs"]:
        name = job["job_name"]
        lines += undeclared(bare(job), jobs.get(name, {}), defaults, what=f"job {name}")
    assert not lines, "\n".join(lines)


def besides(effective: dict[str, Any], declared: dict[str, Any]) -> list[str]:
    """What is configured beside all that is declared of Prometheus, in words."""
    named = [
        key for key in effective if key not in declared and effective[key] not in OWN.get(key, ())
    ]
    extras = ("external_labels", "query_log_file", "body_size_limit", "sample_limit")
    named += [f"global {name}" for name in extras if effective["global"].get(name)]
    named += ["alert_relabel_configs"] if "alert_relabel_configs" in effective["alerting"] else []
    return [f"{name} is configured, but declared nowhere" for name in named]


def bare(job: dict[str, Any]) -> dict[str, Any]:
    """A job without what finds its targets, which differs by platform; relabelling in full."""
    kept = {key: value for key, value in job.items() if not key.endswith(FINDING)}
    kept = {key: value for key, value in kept.items() if key != "scrape_protocols"}
    for key in ("relabel_configs", "metric_relabel_configs"):
        if key in kept:
            kept[key] = [RELABELLING | step for step in kept[key]]
    if "tls_config" in kept:
        kept["tls_config"] = {"insecure_skip_verify": False} | kept["tls_config"]
    if "authorization" in kept:
        kept["authorization"] = {"type": "Bearer"} | kept["authorization"]
    return kept


def test_prometheus_is_started_as_declared(
    prometheus: Prometheus, durations: Durations, stack: str
) -> None:
    """Nothing is turned on that nobody asked for; its data is its own, and locked.

    An operator has it read its configuration again by a request.
    """
    flags = prometheus.get("status/flags")
    turned_on = {"web.enable-lifecycle"} if stack == "charts" else set()
    declared = FLAGS | {"rules.alert.resend-delay": durations.resend_delay}
    found = {name: flags[name] for name in declared.keys() - turned_on if name in flags}
    wanted = {name: declared[name] for name in found}
    lines = differences(wanted, found, what="option", where="Prometheus")
    assert not lines, "\n".join(lines)
    locked = {name: flags[name] for name in LOCKS if name in flags}
    assert locked, "Prometheus knows no option that locks its data"
    wanted = {name: LOCKS[name] for name in locked}
    lines = differences(wanted, locked, what="option", where="Prometheus")
    assert not lines, "\n".join(lines)
    assert flags["storage.tsdb.path"].endswith("data" if stack == "manifests" else "prometheus")


def test_prometheus_tells_the_declared_alertmanager_and_no_other(
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    durations: Durations,
    platform: str,
    stack: str,
) -> None:
    """Alerts go to exactly one, the platform's; an operator's is known by its pod's address."""
    (declared,) = measuring.config(durations)["alerting"]["alertmanagers"]
    (inside,) = declared["static_configs"][0]["targets"]
    expected = urlsplit(alertmanager.url).netloc if platform == "local" else inside
    told = told_alertmanagers(prometheus)
    found = sorted(urlsplit(each["url"]).netloc for each in told["activeAlertmanagers"])
    if stack == "charts":
        (expected,) = found
    assert found == [expected], f"Prometheus tells {found}, declared is {expected}"
    assert told["droppedAlertmanagers"] == []


def test_prometheus_evaluates_each_rule_as_declared(
    prometheus: Prometheus, durations: Durations, platform: str
) -> None:
    """Expression, duration, labels and annotations are the files', with the profile's durations."""
    declared = {
        (group["name"], rule.get("alert") or rule["record"], rule_number): (
            prometheus.formatted(rule["expr"]),
            seconds_of(str(rule.get("for", "0s"))),
            {name: str(value) for name, value in (rule.get("labels") or {}).items()},
            {name: str(value) for name, value in (rule.get("annotations") or {}).items()},
        )
        for file in rule_files(platform)
        for group in yaml.safe_load(durations.rules(file.read_text()))["groups"]
        for rule_number, rule in enumerate(group["rules"])
    }
    numbers: dict[str, int] = {}
    found = {}
    for rule in prometheus.rules():
        number = numbers[rule["group"]] = numbers.get(rule["group"], -1) + 1
        found[rule["group"], rule["name"], number] = (
            prometheus.formatted(rule["query"]),
            rule.get("duration", 0),
            rule.get("labels", {}),
            rule.get("annotations", {}),
        )
    lines = differences(declared, found, what="rule", where="Prometheus")
    assert not lines, "\n".join(lines)


def test_alertmanager_runs_with_what_is_declared(
    alertmanager: Alertmanager, durations: Durations
) -> None:
    """Routes and receivers are the declared ones; nothing else is, that could hold alerts back."""
    effective = yaml.safe_load(alertmanager.get("status")["config"]["original"])
    declared = alerting.config(durations)
    lines = routed(effective["route"], declared["route"], what="route")
    found, wanted = (
        {"inhibit_rules": each.get("inhibit_rules") or []} for each in (effective, declared)
    )
    lines += undeclared(found, wanted, {}, what="Alertmanager")
    lines += [
        f"{key} is configured, but declared nowhere"
        for key in ("mute_time_intervals", "time_intervals", "templates")
        if effective.get(key)
    ]
    receivers = {each["name"]: each for each in declared["receivers"]}
    for each in effective["receivers"]:
        name = each["name"]
        wanted = receivers.pop(name, {"webhook_configs": []})
        if each.keys() != wanted.keys() | {"name"}:
            lines.append(f"receiver {name} has {sorted(each)}, declared are {sorted(wanted)}")
        for webhook, own in zip(
            each.get("webhook_configs", []), wanted["webhook_configs"], strict=True
        ):
            places = {"url": None}  # of each platform; which path is seen by what arrives
            what = f"webhook of {name}"
            lines += undeclared(webhook | places, own | places, WEBHOOK, what=what)
    lines += [f"receiver {name} is declared, but not configured" for name in receivers]
    assert not lines, "\n".join(lines)


def routed(effective: dict[str, Any], declared: dict[str, Any], *, what: str) -> list[str]:
    """How a route and those below it differ from what is declared, in words."""
    found, wanted = (each.get("routes") or [] for each in (effective, declared))
    below = {"routes": len(found)}, {"routes": len(wanted)}
    lines = undeclared(effective | below[0], declared | below[1], ROUTE, what=what)
    for number, (each, own) in enumerate(zip(found, wanted, strict=False), start=1):
        lines += routed(each, own, what=f"{what} {number} to {each.get('receiver')}")
    return lines


def test_nothing_is_silenced(alertmanager: Alertmanager) -> None:
    """No silence is in force, or will be, that nobody declared."""
    silences = [
        f"{each['createdBy']}: {each['comment']} ({each['matchers']})"
        for each in alertmanager.get("silences")
        if each["status"]["state"] != "expired"
    ]
    assert not silences, "\n".join(silences)


def test_alertmanager_is_alone(alertmanager: Alertmanager) -> None:
    """It has no peers that would take notifications for told."""
    cluster = alertmanager.get("status")["cluster"]
    assert cluster["status"] == "disabled"
    assert requests.get(f"{alertmanager.url}/-/healthy", timeout=TIMEOUT_S).ok
