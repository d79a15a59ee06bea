"""The list, of settings: declarations that were edited, and servers that were told otherwise."""

from __future__ import annotations

from suites.sabotage.alterations import (
    more_partitions,
    node_configured,
    prometheus_configured,
    rule_rewritten,
    silenced,
    stray_topic,
    topic_configured,
    topic_gone,
)
from suites.sabotage.injection import Edit, Injection, Kind
from suites.sabotage.parts import job, rule

__all__ = ["DECLARATIONS", "EFFECTIVE", "PRODUCTION"]

TOPICS = "manifests/topics.yaml"
ALERTS = "manifests/observability/rules/alerts.yaml"
NOTIFICATIONS = "manifests/observability/alertmanager/alertmanager.yaml"
MEASURING = "manifests/observability/prometheus.yaml"
DURATIONS = "manifests/observability/durations.yaml"
BROKER = "manifests/kafka/broker.properties"
PROMISES = r"promised"


DECLARATIONS = (
    Injection(
        "metrics are kept for three days",
        Kind.DECLARATION,
        Edit("fixtures/resources/prometheus.py", 'RETENTION = "30d"', 'RETENTION = "3d"'),
        (PROMISES, "30d", "3d"),
        always=True,
    ),
    Injection(
        "placed orders expire after a week",
        Kind.DECLARATION,
        Edit(TOPICS, "retention_ms: -1 # the books", "retention_ms: 604800000 # the books"),
        (PROMISES, r"orders\.placed", "604800000"),
    ),
    Injection(
        "filled orders are no longer compacted",
        Kind.DECLARATION,
        Edit(TOPICS, "cleanup_policy: compact #", "cleanup_policy: delete #"),
        (PROMISES, r"orders\.filled", "compact", "delete"),
    ),
    Injection(
        "the busiest stream has half of its partitions",
        Kind.DECLARATION,
        Edit(TOPICS, "partitions: 6 #", "partitions: 3 #"),
        (PROMISES, r"market-data\.trades", r"\(6,", r"\(3,"),
    ),
    Injection(
        "a topic is called otherwise",
        Kind.DECLARATION,
        Edit(TOPICS, "name: market-data.candles.5m", "name: market-data.candles.5min"),
        (r"topic market-data\.candles\.5m is promised", r"market-data\.candles\.5min"),
    ),
    Injection(
        "an alert is called otherwise",
        Kind.DECLARATION,
        Edit(ALERTS, "alert: HighErrorRate", "alert: HighErrorsRate"),
        ("alert HighErrorRate is promised", "HighErrorsRate"),
    ),
    Injection(
        "a dead service is a warning",
        Kind.DECLARATION,
        Edit(
            ALERTS,
            "expr: platform:up:state == 0\n        for: 1m\n        labels: {severity: critical}",
            "expr: platform:up:state == 0\n        for: 1m\n        labels: {severity: warning}",
        ),
        (PROMISES, "ServiceDown", "critical", "warning"),
        always=True,
    ),
    Injection(
        "half of all requests may fail",
        Kind.DECLARATION,
        Edit(ALERTS, "errors:ratio > 0.05", "errors:ratio > 0.5"),
        (PROMISES, "HighErrorRate", r"0\.05", r"0\.5'"),
    ),
)


PRODUCTION = (
    Injection(
        "production tells after ten minutes",
        Kind.PRODUCTION,
        Edit(NOTIFICATIONS, "group_wait: 30s", "group_wait: 10m"),
        (PROMISES, "told within", r"600\.?0?"),
        always=True,
    ),
    Injection(
        "production tells once a month",
        Kind.PRODUCTION,
        Edit(NOTIFICATIONS, "repeat_interval: 4h", "repeat_interval: 30d"),
        (PROMISES, "repeated after"),
    ),
    Injection(
        "production doesn't tell ends",
        Kind.PRODUCTION,
        Edit(NOTIFICATIONS, "send_resolved: true", "send_resolved: false"),
        (PROMISES, "end told"),
    ),
    Injection(
        "production's hosts hold the services of others back",
        Kind.PRODUCTION,
        Edit(NOTIFICATIONS, "equal: [host]", "equal: []"),
        (PROMISES, "held back", "HostDown"),
    ),
    Injection(
        "production's heartbeats go another way",
        Kind.PRODUCTION,
        Edit(NOTIFICATIONS, "8080/deadman", "8080/deadmen"),
        (PROMISES, "other ways", "/deadmen"),
    ),
    Injection(
        "production scrapes every five minutes",
        Kind.PRODUCTION,
        Edit(MEASURING, "  scrape_interval: 15s", "  scrape_interval: 5m"),
        (PROMISES, "scrape_interval", "5m"),
    ),
    Injection(
        "production's profile lets alerts wait",
        Kind.PRODUCTION,
        Edit(DURATIONS, "group_interval: 1m", "group_interval: 30m"),
        (PROMISES, "group_interval", "30m"),
    ),
)


EFFECTIVE = (
    Injection(
        "placed orders are thrown away, by a hand",
        Kind.EFFECTIVE,
        topic_configured("orders.placed", retention_ms="60000"),
        (PROMISES, r"orders\.placed", "60000"),
        always=True,
    ),
    Injection(
        "a topic elects who has forgotten records",
        Kind.EFFECTIVE,
        topic_configured("orders.placed", unclean_leader_election_enable="true"),
        (r"orders\.placed", r"unclean\.leader\.election\.enable"),
    ),
    Injection(
        "a topic takes no record over a kilobyte",
        Kind.EFFECTIVE,
        topic_configured("signals.generated", max_message_bytes="1000"),
        (r"signals\.generated", r"max\.message\.bytes"),
    ),
    Injection(
        "a topic stamps records with their arrival",
        Kind.EFFECTIVE,
        topic_configured("market-data.trades", message_timestamp_type="LogAppendTime"),
        (r"market-data\.trades", r"message\.timestamp\.type"),
    ),
    Injection(
        "a node elects who has forgotten records",
        Kind.EFFECTIVE,
        node_configured(unclean_leader_election_enable="true"),
        (r"unclean\.leader\.election\.enable",),
    ),
    Injection(
        "misspelt topics are made",
        Kind.EFFECTIVE,
        Edit(BROKER, "auto.create.topics.enable=false", "auto.create.topics.enable=true"),
        (PROMISES, r"auto\.create\.topics\.enable"),
    ),
    Injection(
        "nodes stamp records with their arrival",
        Kind.EFFECTIVE,
        Edit(
            BROKER,
            "num.io.threads=4",
            "num.io.threads=4\nlog.message.timestamp.type=LogAppendTime",
        ),
        (PROMISES, r"message\.timestamp\.type", "CreateTime"),
    ),
    Injection(
        "a stray topic",
        Kind.EFFECTIVE,
        stray_topic("orders.placed.test"),
        (r"orders\.placed\.test", "not promised"),
    ),
    Injection(
        "a topic is gone",
        Kind.EFFECTIVE,
        topic_gone("market-data.candles.5m"),
        (r"market-data\.candles\.5m",),
    ),
    Injection(
        "a topic has more partitions",
        Kind.EFFECTIVE,
        more_partitions("market-data.candles.5m", 5),
        (PROMISES, r"market-data\.candles\.5m", r"\(3,", r"\(5,"),
    ),
    Injection(
        "a service's own labels replace the job's",
        Kind.EFFECTIVE,
        prometheus_configured(lambda config: job(config, "hello-world").update(honor_labels=True)),
        ("job hello-world", "honor_labels"),
        always=True,
    ),
    Injection(
        "a metric is dropped",
        Kind.EFFECTIVE,
        prometheus_configured(
            lambda config: job(config, "hello-world").update(
                metric_relabel_configs=[
                    {"source_labels": ["__name__"], "regex": "python_.*", "action": "drop"}
                ]
            )
        ),
        ("job hello-world", "metric_relabel_configs"),
    ),
    Injection(
        "scrapes once a minute",
        Kind.EFFECTIVE,
        prometheus_configured(lambda config: config["global"].update(scrape_interval="1m")),
        ("scrape_interval", "1m"),
    ),
    Injection(
        "an option that can delete all metrics",
        Kind.EFFECTIVE,
        Edit(
            "fixtures/resources/prometheus.py",
            'f"--config.file={CONFIGURED}",',
            'f"--config.file={CONFIGURED}", "--web.enable-admin-api",',
        ),
        (r"web\.enable-admin-api",),
    ),
    Injection(
        "data that anybody may write to",
        Kind.EFFECTIVE,
        Edit("fixtures/resources/prometheus.py", '("--storage.tsdb.use-lockfile",)', "()"),
        ("lockfile",),
    ),
    Injection(
        "an alert of a loaded rule is defused",
        Kind.EFFECTIVE,
        rule_rewritten("alerts.yaml", lambda f: rule(f, "ServiceDown").update(expr="up == 2")),
        ("ServiceDown", "up == 2"),
    ),
    Injection(
        "an alert's text is lost",
        Kind.EFFECTIVE,
        rule_rewritten("alerts.yaml", lambda f: rule(f, "ServiceDown").pop("annotations")),
        ("ServiceDown", "summary"),
    ),
    Injection(
        "a silence that was forgotten",
        Kind.EFFECTIVE,
        silenced(alertname="ServiceDown|HighErrorRate"),
        ("while we deploy", "operator"),
        always=True,
    ),
)
