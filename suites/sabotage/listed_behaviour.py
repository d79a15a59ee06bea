"""The list, of behaviour: alerts, series, records, what is open to whom, and what failures tell."""

from __future__ import annotations

from typing import Any

from suites.sabotage.alterations import (
    alertmanager_configured,
    joined,
    ledger_touched,
    paused,
    prometheus_configured,
    rule_rewritten,
    silenced,
)
from suites.sabotage.injection import Edit, Injection, Kind
from suites.sabotage.parts import job, rule, webhook

__all__ = ["CAUSE", "CHAIN", "EXPOSURE", "KEEPER", "RECORDS", "SERIES"]

SERVICE_RULES = "manifests/observability/rules/service.yaml"
LOCAL_RULES = "manifests/observability/platforms/local.yaml"
SERVICE = "templates/service/*/src/*"


def away(config: Any) -> None:
    """Another way for warnings, to nobody."""
    config["receivers"].append({"name": "nobody"})
    config["route"]["routes"].append({"receiver": "nobody", "matchers": ['severity="warning"']})


def unheard(config: Any) -> None:
    """Heartbeats to where all alerts go, and nothing for who waits for them."""
    config["receivers"][1]["webhook_configs"] = config["receivers"][0]["webhook_configs"]


INHIBITED = {
    "source_matchers": ['severity="critical"'],
    "target_matchers": ['severity="warning"'],
}
WARNINGS_DROPPED = {"source_labels": ["severity"], "regex": "warning", "action": "drop"}

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
        "heartbeats go where notifications go",
        Kind.CHAIN,
        alertmanager_configured(unheard),
        ("heartbeat", "heard=False|DeadMansSwitch|send_resolved"),
    ),
    Injection(
        "critical alerts hold warnings back",
        Kind.CHAIN,
        alertmanager_configured(lambda config: config["inhibit_rules"].append(INHIBITED)),
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
        Edit(LOCAL_RULES, '{job="broker"} / 500e6', '{job="kafka"} / 500e6'),
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
            'advertised={name: f"127.0.0.1:{port}" for name, port in advertised.items()}',
            'advertised=dict.fromkeys(advertised, "127.0.0.1:9")',
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
