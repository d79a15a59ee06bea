"""Grafana as it is declared: it finds each dashboard and each store, by manifests or a chart."""

from __future__ import annotations

from typing import Any

import yaml

from fixtures.declared.dashboards import DASHBOARDS, load_dashboards
from fixtures.declared.durations import load_durations
from fixtures.kustomize import render
from fixtures.paths import KUBERNETES
from fixtures.resources.charts import stack_values
from fixtures.resources.dashboards import adapted
from fixtures.settings import FoundationSettings
from groundwork.kube.objects import Object

FOLDER = KUBERNETES / "telemetry" / "grafana"
CHARTS = FoundationSettings.from_json('{"env": "kind", "images": "vendor", "stack": "charts"}')


def objects() -> dict[tuple[str, str], Object]:
    """What a cluster gets, with the durations of tests, by kind and name."""
    fast = load_durations()["fast"]
    made = (adapted(fast, body) for body in render(FOLDER))
    return {(body["kind"], body["metadata"]["name"]): body for body in made}


def held(bodies: dict[tuple[str, str], Object], name: str, file: str) -> dict[str, Any]:
    """A file of a config map."""
    return dict(yaml.safe_load(bodies["ConfigMap", name]["data"][file]))


def test_it_finds_every_dashboard() -> None:
    """Those of the folder, by their own text, where its provider looks for them."""
    bodies = objects()
    held_text = bodies["ConfigMap", "grafana-dashboards"]["data"]
    assert held_text == {
        file.name: file.read_text(encoding="utf-8") for file in DASHBOARDS.glob("*.json")
    }
    (provider,) = held(bodies, "grafana-providers", "providers.yaml")["providers"]
    spec = bodies["Deployment", "grafana"]["spec"]["template"]["spec"]
    mounted = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
    assert mounted["dashboards"] == provider["options"]["path"]


def test_it_has_a_store_for_each_variable() -> None:
    """Of the kind that a dashboard's variable asks for; whoever leads to another knows its uid."""
    sources = held(objects(), "grafana-datasources", "datasources.yaml")["datasources"]
    kinds = {each["type"] for each in sources}
    asked = {
        v.query for each in load_dashboards() for v in each.variables if v.kind == "datasource"
    }
    assert asked == kinds == {"prometheus", "loki", "tempo"}
    uids = {each["uid"] for each in sources}
    led = {
        value
        for each in sources
        for key, value in pairs(each["jsonData"])
        if key == "datasourceUid"
    }
    assert led == {"loki", "tempo"} <= uids
    (prometheus,) = (each for each in sources if each["type"] == "prometheus")
    assert prometheus["jsonData"]["timeInterval"] == load_durations()["fast"].scrape_interval


def pairs(body: object) -> list[tuple[str, object]]:
    """All keys with what they lead to, however deep."""
    if isinstance(body, dict):
        return [(k, v) for k, v in body.items()] + [p for v in body.values() for p in pairs(v)]
    return [p for each in body for p in pairs(each)] if isinstance(body, list) else []


def test_a_chart_gets_the_same() -> None:
    """All dashboards, and all stores but Prometheus, which it brings itself."""
    grafana = stack_values(CHARTS)["grafana"]
    (found,) = grafana["dashboards"].values()
    assert {f"{name}.json": each["json"] for name, each in found.items()} == {
        file.name: file.read_text(encoding="utf-8") for file in DASHBOARDS.glob("*.json")
    }
    sources = held(objects(), "grafana-datasources", "datasources.yaml")["datasources"]
    others = [each for each in sources if each["type"] != "prometheus"]
    assert grafana["additionalDataSources"] == others
