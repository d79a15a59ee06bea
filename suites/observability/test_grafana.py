"""Grafana: it has the declared stores and dashboards, and each panel has what it asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from fixtures.declared.dashboards import PROMETHEUS, Dashboard, Panel, filled, load_dashboards
from fixtures.resources.dashboards import Grafana
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.panels import Viewer, label_of
from suites.support.traffic import Traffic

EVERY = load_dashboards()
PANELS = [(each, panel) for each in EVERY for panel in each.panels]

# By the kind of store that a panel asks: what Grafana knows it by.
SOURCES = {"prometheus": "prometheus", "loki": "loki", "tempo": "tempo"}

# A line waits for its collector, a trace for its store to write it.
TIMEOUT_S = 60.0


def test_it_is_well(grafana: Grafana) -> None:
    """By its own word: its data base answers."""
    assert grafana.health()["database"] == "ok"


@pytest.mark.parametrize("source", SOURCES)
def test_it_reaches_a_store(grafana: Grafana, source: str) -> None:
    """Each data source is there, of its kind, and answers by way of Grafana."""
    found = grafana.sources()[SOURCES[source]]
    assert found["type"] == source

    def look() -> None:
        told = grafana.get(f"api/datasources/uid/{SOURCES[source]}/health")
        if told["status"] != "OK":
            raise NotYetError(str(told))

    wait_for(
        look,
        deadline=Deadline.after(TIMEOUT_S),
        what=f"{source} to answer Grafana",
        retry_on=(requests.RequestException,),
    )


@pytest.mark.parametrize("dashboard", EVERY, ids=[each.name for each in EVERY])
def test_it_has_a_dashboard_as_declared(grafana: Grafana, dashboard: Dashboard) -> None:
    """Its panels and queries are those of the file; what Grafana adds to them is its own affair."""
    declared = json.loads(dashboard.file.read_text(encoding="utf-8"))
    found = grafana.dashboard(dashboard.uid)
    assert found["title"] == dashboard.title
    assert [asked_by(each) for each in found["panels"]] == [
        asked_by(each) for each in declared["panels"]
    ]


def asked_by(panel: dict[str, Any]) -> tuple[str, list[str]]:
    """A panel's title, and what it asks."""
    return panel["title"], [each.get("expr") or each["query"] for each in panel["targets"]]


@pytest.mark.parametrize(
    ("dashboard", "panel"), PANELS, ids=[label_of(each, panel) for each, panel in PANELS]
)
def test_a_panel_has_what_it_asks(
    grafana: Grafana, viewer: Viewer, traffic: Traffic, dashboard: Dashboard, panel: Panel
) -> None:
    """Every query that is for what there is comes back with values, through Grafana."""

    def look() -> None:
        empty = [
            dashboard.told(panel, query, "it is empty")
            for query in panel.queries
            if not (query.source == PROMETHEUS and viewer.foreign(dashboard, query))
            and not values_in(grafana.asked(body_of(viewer, dashboard, panel, query.ref), 300.0))
        ]
        if empty:
            traffic.send()
            raise NotYetError("; ".join(empty))

    wait_for(
        look,
        deadline=Deadline.after(TIMEOUT_S),
        what=f"{label_of(dashboard, panel)} to show something",
        retry_on=(requests.RequestException,),
    )


def body_of(viewer: Viewer, dashboard: Dashboard, panel: Panel, ref: str) -> dict[str, Any]:
    """A query as a browser sends it: with values for its variables, to one store."""
    (query,) = (each for each in panel.queries if each.ref == ref)
    body: dict[str, Any] = {
        "refId": ref,
        "datasource": {"type": query.source, "uid": SOURCES[query.source]},
        "maxDataPoints": 500,
        "intervalMs": 2000,
    }
    expr = filled(query.expr, viewer.values(dashboard))
    if query.source == "tempo":
        return body | {"queryType": "traceql", "query": expr, "limit": 20, "tableType": "traces"}
    kind = {"queryType": "range"} if query.source == "loki" else {"range": True, "instant": False}
    return body | {"expr": expr} | kind


def values_in(frames: list[dict[str, Any]]) -> int:
    """How many values frames hold."""
    return sum(len(column) for frame in frames for column in frame["data"]["values"])
