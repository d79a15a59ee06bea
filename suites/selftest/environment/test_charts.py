"""--stack charts: the same rules, targets and names as on every platform, by another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.decisions import decide
from fixtures.declared.durations import load_durations
from fixtures.declared.rules import load_rules, rule_files
from fixtures.environment import resources
from fixtures.paths import MANIFESTS
from fixtures.resources.charts import load_charts, stack_values
from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError
from groundwork.clusters.chart import Chart
from groundwork.declare.resource import Resource

BASE = MANIFESTS / "kubernetes" / "base"
CHARTS = FoundationSettings.from_json('{"env": "kind", "images": "vendor", "stack": "charts"}')


def chosen(folder: Path, **options: str) -> dict[str, Resource]:
    """The resources that options choose, by name."""
    settings = decide(
        FoundationSettings.load({"env": "kind", "images": "vendor"} | options, folder)
    )
    return {each.name: each for each in resources(settings)}


def test_charts_bring_the_same_resources_and_some_more(tmp_path: Path) -> None:
    """What the suites know is there by the same names and ports, so that they are the same."""
    own, charts = chosen(tmp_path), chosen(tmp_path, stack="charts")
    assert charts.keys() - own.keys() == {"stack"}
    assert own.keys() <= charts.keys()
    for name, resource in own.items():
        if name != "cluster":
            assert charts[name].ports == resource.ports
            assert charts[name].usual_ports == resource.usual_ports
    assert {"stack", *own["prometheus"].needs} == set(charts["prometheus"].needs)


def test_charts_are_pinned_and_their_values_are_there(tmp_path: Path) -> None:
    """Every chart that is installed has a version, and a file of values of its name."""
    found = chosen(tmp_path, stack="charts").values()
    installed = [each for each in found if isinstance(each, Chart)]
    assert {each.source for each in installed} == set(load_charts().values())
    for chart in installed:
        assert (MANIFESTS / "helm" / f"{chart.source.chart}.yaml").is_file()
        assert chart.values
        assert [artifact.name for artifact in chart.artifacts] == ["helm"]


def test_prometheus_gets_the_platforms_rules_and_targets() -> None:
    """All declared rules and no others; the targets of the manifests; the same retention."""
    values = stack_values(CHARTS)
    given = [
        (group["name"], rule.get("alert") or rule["record"])
        for group in values["additionalPrometheusRulesMap"]["platform"]["groups"]
        for rule in group["rules"]
    ]
    groups = load_rules(rule_files("kind"))
    assert given == [(group.name, rule.name) for group in groups for rule in group.rules]
    assert values["defaultRules"] == {"create": False}
    spec = values["prometheus"]["prometheusSpec"]
    scrape = yaml.safe_load((MANIFESTS / "observability" / "prometheus.yaml").read_text())
    assert spec["additionalScrapeConfigs"] == scrape["scrape_configs"]
    assert f"--storage.tsdb.retention.time={spec['retention']}" in arguments_of_prometheus()
    (told_again,) = spec["additionalArgs"]
    assert told_again["value"] == load_durations()["fast"].resend_delay
    declared = f"--{told_again['name']}={load_durations()['production'].resend_delay}"
    assert declared in arguments_of_prometheus()


def arguments_of_prometheus() -> list[str]:
    """What the manifests start Prometheus with."""
    bodies = yaml.safe_load_all((BASE / "prometheus" / "prometheus.yaml").read_text())
    stateful_set = next(body for body in bodies if body["kind"] == "StatefulSet")
    found: list[str] = stateful_set["spec"]["template"]["spec"]["containers"][0]["args"]
    return found


def test_alerts_take_the_platforms_route_and_no_other() -> None:
    """To the webhooks, at once; nothing of the chart's own is left beside it."""
    config: dict[str, Any] = stack_values(CHARTS)["alertmanager"]["config"]
    declared = yaml.safe_load(
        (MANIFESTS / "observability" / "alertmanager" / "alertmanager.yaml").read_text()
    )
    assert config["receivers"] == declared["receivers"]
    fast = load_durations()["fast"]
    assert fast.group_wait == "1s"
    assert config["route"] == fast.route(declared)["route"]
    assert len(config["route"]["routes"]) == 1
    assert (config["inhibit_rules"], config["templates"]) == (declared["inhibit_rules"], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("charts:\n  - {name: a, repository: 'https://x', version: latest}\n", ":2: version"),
        ("charts:\n  - {name: a, repository: 'http://x', version: 1.2.3}\n", ":2: repository"),
        ("charts: 3\n", ":1: should hold a list of `charts`"),
    ],
)
def test_a_malformed_list_of_charts_is_told_by_file_and_line(
    tmp_path: Path, text: str, line: str
) -> None:
    """As with every declaration."""
    file = tmp_path / "charts.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_charts(file)
    assert str(refused.value).startswith(f"{file}{line}")
