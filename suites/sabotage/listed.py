"""The list: what operators have got wrong, one injection each, by what once hid it."""

from __future__ import annotations

from typing import Any

from suites.sabotage.alterations import (
    alertmanager_configured,
    joined,
    ledger_touched,
    more_partitions,
    node_configured,
    paused,
    prometheus_configured,
    rule_rewritten,
    silenced,
    stray_topic,
    topic_configured,
    topic_gone,
)
from suites.sabotage.injection import Edit, Injection, Kind
from suites.sabotage.listed_cluster import ALTERED, EDITED

__all__ = ["INJECTIONS"]

TOPICS = "manifests/topics.yaml"
ALERTS = "manifests/observability/rules/alerts.yaml"
SERVICE_RULES = "manifests/observability/rules/service.yaml"
LOCAL_RULES = "manifests/observability/platforms/local.yaml"
NOTIFICATIONS = "manifests/observability/alertmanager/alertmanager.yaml"
MEASURING = "manifests/observability/prometheus.yaml"
DURATIONS = "manifests/observability/durations.yaml"
BROKER = "manifests/kafka/broker.properties"
SERVICE = "templates/service/*/src/*"
PROMISES = r"promised"


def job(config: Any, name: str) -> Any:
    """A job of a configuration of Prometheus."""
    (found,) = (each for each in config["scrape_configs"] if each["job_name"] == name)
    return found


def webhook(config: Any) -> Any:
    """The one webhook of a configuration of Alertmanager."""
    return config["receivers"][0]["webhook_configs"][0]


def rule(file: Any, name: str) -> Any:
    """A rule of a file of rules."""
    rules = [each for group in file["groups"] for each in group["rules"]]
    return next(each for each in rules if name in {each.get("alert"), each.get("record")})


def away(config: Any) -> None:
    """Another way for warnings, to nobody."""
    config["receivers"].append({"name": "nobody"})
    config["route"]["routes"] = [{"receiver": "nobody", "matchers": ['severity="warning"']}]


INHIBITED = {
    "source_matchers": ['severity="critical"'],
    "target_matchers": ['severity="warning"'],
}
WARNINGS_DROPPED = {"source_labels": ["severity"], "regex": "warning", "action": "drop"}

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
            "expr: up == 0\n        for: 1m\n        labels: {severity: critical}",
            "expr: up == 0\n        for: 1m\n        labels: {severity: warning}",
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
            'f"--config.file={FILE}",',
            'f"--config.file={FILE}", "--web.enable-admin-api",',
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

CHAIN = (
    Injection(
        "alerts go to two places",
        Kind.CHAIN,
        prometheus_configured(
            lambda config: config["alerting"]["alertmanagers"][0]["static_configs"][0][
                "targets"
            ].append("127.0.0.1:9")
        ),
        ("Prometheus tells", r"127\.0\.0\.1:9\b"),
    ),
    Injection(
        "warnings are dropped on their way",
        Kind.CHAIN,
        prometheus_configured(
            lambda config: config["alerting"].update(alert_relabel_configs=[WARNINGS_DROPPED])
        ),
        ("nobody was told of the alerts of severity", "warning", "Alertmanager"),
    ),
    Injection(
        "warnings are nobody's",
        Kind.CHAIN,
        alertmanager_configured(away),
        ("warning", "nobody"),
        always=True,
    ),
    Injection(
        "critical alerts hold warnings back",
        Kind.CHAIN,
        alertmanager_configured(lambda config: config.update(inhibit_rules=[INHIBITED])),
        ("warning", "inhibitedBy"),
    ),
    Injection(
        "notifications go to another path",
        Kind.CHAIN,
        alertmanager_configured(
            lambda config: webhook(config).update(url=webhook(config)["url"] + "lost")
        ),
        ("/lost",),
    ),
    Injection(
        "notifications go to a port where nobody listens",
        Kind.CHAIN,
        alertmanager_configured(lambda config: webhook(config).update(url="http://127.0.0.1:9/")),
        ("deliveries failed|connection refused",),
    ),
    Injection(
        "all alerts are silenced",
        Kind.CHAIN,
        silenced(alertname=".+"),
        ("silencedBy",),
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

SERIES = (
    Injection(
        "a rule reads a metric that nobody has",
        Kind.SERIES,
        rule_rewritten(
            "service.yaml",
            lambda f: rule(f, "service:http_requests:rate").update(
                expr="sum by (job) (rate(http_request_total[20s]))"
            ),
        ),
        ("service:http_requests:rate", "http_request_total"),
    ),
    Injection(
        "a declared rule reads a metric that nobody has",
        Kind.SERIES,
        Edit(SERVICE_RULES, "rate(http_requests_total[1m]))\n", "rate(http_request_total[1m]))\n"),
        ("http_request_total, which no target has",),
        always=True,
    ),
    Injection(
        "a rule counts failures that no status is",
        Kind.SERIES,
        Edit(SERVICE_RULES, 'status=~"5.."', 'status=~"5."'),
        ("http_requests_total", r"5\."),
    ),
    Injection(
        "a rule reads a job that is called otherwise",
        Kind.SERIES,
        Edit(LOCAL_RULES, '{job="broker"}', '{job="kafka"}'),
        ("process_resident_memory_bytes", "kafka"),
    ),
    Injection(
        "a quantile has no bucket at its threshold",
        Kind.SERIES,
        Edit(f"{SERVICE}/metrics.py", "0.25, 0.5, 0.75, 1.0", "0.25, 0.4, 0.75, 1.0"),
        ("HighLatencyP95", r"0\.5", "none ends there"),
    ),
    Injection(
        "what is recorded doesn't tell of whom",
        Kind.SERIES,
        Edit(
            SERVICE_RULES,
            "histogram_quantile(0.95, sum by (job, le)",
            "histogram_quantile(0.95, sum by (le)",
        ),
        ("service:http_request_duration_seconds:p95", "no job"),
    ),
)

RECORDS = (
    Injection(
        "the service publishes elsewhere",
        Kind.RECORDS,
        Edit("templates/service/cookiecutter.json", "signals.generated", "market-data.trades"),
        (r"signals\.generated",),
        always=True,
    ),
    Injection(
        "the service's records have no key",
        Kind.RECORDS,
        Edit(f"{SERVICE}/messages.py", "return message.id.bytes, value", 'return b"", value'),
        ("no record of", r"signals\.generated"),
    ),
    Injection(
        "the service's records have another form",
        Kind.RECORDS,
        Edit(
            f"{SERVICE}/messages.py",
            "    text: str\n    created_at",
            "    text: str\n    extra: int = 1\n    created_at",
        ),
        ("extra",),
    ),
    Injection(
        "the service accepts what it hasn't published",
        Kind.RECORDS,
        Edit(
            f"{SERVICE}/broker.py",
            'raise BrokerUnavailableError(f"not acknowledged: {describe(error)}") from error',
            "log.info(describe(error))",
        ),
        ("202", "503|service_unavailable|refused"),
    ),
    Injection(
        "somebody else reads in the service's group",
        Kind.RECORDS,
        joined("hello-world", "signals.generated"),
        ("members of the group|members",),
    ),
)

EXPOSURE = (
    Injection(
        "the service listens on all addresses",
        Kind.EXPOSURE,
        Edit("fixtures/resources/hello_world.py", '"HOST": "127.0.0.1"', '"HOST": "0.0.0.0"'),
        ("hello-world", r"0\.0\.0\.0"),
        always=True,
    ),
    Injection(
        "Prometheus listens on all addresses",
        Kind.EXPOSURE,
        Edit(
            "fixtures/resources/prometheus.py",
            "--web.listen-address=127.0.0.1:",
            "--web.listen-address=:",
        ),
        ("prometheus listens on",),
    ),
    Injection(
        "Alertmanager opens a port for peers",
        Kind.EXPOSURE,
        Edit(
            "fixtures/resources/alertmanager.py",
            '"--cluster.listen-address=",  # alone',
            '"--cluster.listen-address=127.0.0.1:0",  # alone',
        ),
        ("alertmanager",),
    ),
    Injection(
        "secrets are given to whoever needs none",
        Kind.EXPOSURE,
        Edit(
            "fixtures/resources/hello_world.py",
            '"hello-world-relayed", upstream, PUBLISH_TIMEOUT_S, scraped=False,',
            '"hello-world-relayed", upstream, PUBLISH_TIMEOUT_S, scraped=False, '
            "secrets=own.secrets(),",
        ),
        ("hello-world-relayed", "DATABASE_PASSWORD"),
    ),
    Injection(
        "the service logs its password",
        Kind.EXPOSURE,
        Edit(
            f"{SERVICE}/broker.py",
            '        self.problem = "connecting"',
            '        log.info("hi", p=settings.database_password.get_secret_value() '
            'if settings.database_password else "")\n        self.problem = "connecting"',
        ),
        ("DATABASE_PASSWORD", r"hello-world\.log"),
    ),
    Injection(
        "the service prints what no machine reads",
        Kind.EXPOSURE,
        Edit(
            f"{SERVICE}/broker.py",
            '        self.problem = "connecting"',
            '        print("connecting to", settings.kafka_bootstrap_servers)\n'
            '        self.problem = "connecting"',
        ),
        ("connecting to",),
    ),
)

CAUSE = (
    Injection(
        "a node tells clients an address where nobody is",
        Kind.CAUSE,
        Edit(
            "fixtures/resources/kafka.py",
            "advertised={k: f\"127.0.0.1:{ports[f'{v}-{node}']}\" for k, v in advertised.items()}",
            'advertised={k: "127.0.0.1:9" for k, v in advertised.items()}',
        ),
        ("node 1", r"127\.0\.0\.1:9\b"),
    ),
    Injection(
        "an exporter hangs",
        Kind.CAUSE,
        paused("node-exporter"),
        ("node-exporter", "down: .*deadline exceeded|not up"),
        always=True,
    ),
    Injection(
        "a target that is another's",
        Kind.CAUSE,
        prometheus_configured(
            lambda config: job(config, "node-exporter")["static_configs"][0].update(
                targets=["127.0.0.1:9"]
            )
        ),
        ("node-exporter", r"127\.0\.0\.1:9\b"),
    ),
)

KEEPER = (
    Injection(
        "the keeper's ledger is gone",
        Kind.KEEPER,
        ledger_touched(lambda file: file.unlink()),
        ("somebody else has touched its ledger",),
        spoils=True,
    ),
    Injection(
        "the keeper's ledger was written to",
        Kind.KEEPER,
        ledger_touched(lambda file: file.write_text(file.read_text() + '{"step": "open"}\n')),
        ("somebody else has touched its ledger",),
        spoils=True,
    ),
    Injection(
        "the keeper's ledger was cut short",
        Kind.KEEPER,
        ledger_touched(lambda file: file.write_text(file.read_text()[: file.stat().st_size // 2])),
        ("somebody else has touched its ledger",),
        spoils=True,
    ),
)

INJECTIONS = (
    *EDITED,
    *ALTERED,
    *DECLARATIONS,
    *PRODUCTION,
    *EFFECTIVE,
    *CHAIN,
    *SERIES,
    *RECORDS,
    *EXPOSURE,
    *CAUSE,
    *KEEPER,
)
