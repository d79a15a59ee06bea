"""Dashboards: what is wrong with one is told by file, panel and query, before anything starts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from fixtures.dashboards.files import texts
from fixtures.declared.dashboards import (
    DASHBOARDS,
    Dashboard,
    filled,
    load_dashboards,
    read_dashboard,
)
from fixtures.declared.expressions import needs_none
from fixtures.declared.promises import load_promises
from fixtures.declared.rules import load_rules, rule_files
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from reports.units import told
from suites.support.panels import load_still

EVERY = load_dashboards()
STILL = ROOT / "suites" / "observability" / "still.yaml"

Body = dict[str, Any]


def asked(body: Body, panel: int = 0) -> Body:
    """The first query of a panel."""
    found: Body = body["panels"][panel]["targets"][0]
    return found


def planted(folder: Path, change: Callable[[Body], object]) -> Path:
    """A copy of a dashboard, changed, in a folder of its own."""
    body = json.loads((DASHBOARDS / "service.json").read_text(encoding="utf-8"))
    changed = copy.deepcopy(body)
    change(changed)
    assert changed != body, "nothing was changed"
    file = folder / "planted.json"
    file.write_text(json.dumps(changed), encoding="utf-8")
    return file


def test_the_files_are_what_the_code_makes() -> None:
    """`make dashboards` would change nothing: who edits one edits where it is made."""
    assert {file.name for file in DASHBOARDS.glob("*.json")} == texts().keys()
    for name, text in texts().items():
        assert (DASHBOARDS / name).read_text(encoding="utf-8") == text, name


def test_five_are_there_and_each_is_in_the_config_map() -> None:
    """By name; one that isn't listed there wouldn't reach Grafana."""
    names = [each.name for each in EVERY]
    assert names == ["application", "broker", "cluster", "resources", "service"]
    listed = (DASHBOARDS / "kustomization.yaml").read_text(encoding="utf-8")
    assert all(f"- {name}.json\n" in listed for name in names)


@pytest.mark.parametrize("dashboard", EVERY, ids=[each.name for each in EVERY])
def test_runbooks_are_there_and_limits_are_promised(dashboard: Dashboard) -> None:
    """Each link leads to a page, and each limit is that of the alert whose page it is."""
    (runbooks,) = (each.query for each in dashboard.variables if each.name == "runbooks")
    promised = {each.name: each.when for each in load_promises().alerts}
    limited = 0
    for panel in dashboard.panels:
        assert (panel.limit is not None) == bool(panel.links), panel.title
        for url in panel.links.values():
            page = ROOT / filled(url, {"runbooks": runbooks})
            assert page.is_file(), url
            limit = float(promised[page.stem].rpartition(" ")[2])
            assert panel.limit == (limit or 1.0), panel.title
            limited += 1
    assert limited


@pytest.mark.parametrize("dashboard", EVERY, ids=[each.name for each in EVERY])
def test_each_unit_can_be_told(dashboard: Dashboard) -> None:
    """A picture has words for every unit that a panel has."""
    for panel in dashboard.panels:
        if panel.measured:
            assert told(1.5, panel.unit), panel.title


def test_records_that_panels_read_are_declared() -> None:
    """What isn't measured but recorded is recorded on every platform, by that name."""
    for env in ("local", "kind"):
        groups = load_rules(rule_files(env))
        recorded = {rule.record for group in groups for rule in group.rules}
        read = {
            name
            for dashboard in EVERY
            for panel in dashboard.panels
            for query in panel.queries
            for name in query.expr.replace("(", " ").replace("{", " ").replace(")", " ").split()
            if name.startswith(("platform:", "service:"))
        }
        assert read
        assert read <= recorded


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda b: asked(b).update(expr="sum(up) or vector(0)"), "would hide that there is none"),
        (lambda b: asked(b).update(expr="vector(1)"), "would hide that there is none"),
        (lambda b: asked(b).update(expr="absent(up)"), "would hide that there is none"),
        (lambda b: asked(b).update(expr='up{job="$nobody"}'), "there is no variable nobody"),
        (lambda b: asked(b).update(expr="sum(up"), "is no PromQL"),
        (
            lambda b: asked(b).update(
                datasource={"type": "prometheus", "uid": "PBFA97CFB590B2093"}
            ),
            "'PBFA97CFB590B2093' should be a variable",
        ),
    ],
)
def test_a_wrong_query_is_told_by_file_panel_and_query(
    tmp_path: Path, change: Callable[[Body], object], text: str
) -> None:
    """What can't be right, whatever the store has."""
    file = planted(tmp_path, change)
    with pytest.raises(UsageError) as refused:
        load_dashboards(tmp_path)
    query = asked(json.loads(file.read_text(encoding="utf-8")))
    assert f"{file}: panel 'Requests', query A ({query['expr']}): " in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda b: b["panels"][0].update(description=""), "panel 'Requests': has no description"),
        (lambda b: b["panels"][0].update(title=""), "panel '': has no title"),
        (lambda b: b["panels"][0].update(targets=[]), "panel 'Requests': has no query"),
        (
            lambda b: b["panels"][0]["fieldConfig"]["defaults"].pop("unit"),
            "panel 'Requests': has no unit",
        ),
        (lambda b: b["panels"][1].update(title="Requests"), "another panel has the same title"),
        (lambda b: b["panels"][1]["gridPos"].update(x=3), "lies over 'Requests'"),
        (lambda b: b["panels"][3]["gridPos"].update(w=9), "reaches over the grid's 24 columns"),
        (lambda b: b.update(description=""), "has no description"),
        (lambda b: b["templating"]["list"][1]["query"].update(query="up"), "isn't label_values"),
        (lambda b: b.pop("uid"), "lacks 'uid'"),
        (lambda b: b.update(panels=3), "is no dashboard"),
    ],
)
def test_a_wrong_shape_is_told_by_file_and_panel(
    tmp_path: Path, change: Callable[[Body], object], text: str
) -> None:
    """Titles, descriptions, units, places; and what is no dashboard at all."""
    file = planted(tmp_path, change)
    with pytest.raises(UsageError) as refused:
        read_dashboard(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert text in str(refused.value)


def test_what_is_no_json_is_told_by_line(tmp_path: Path) -> None:
    """As with every declaration; and so is one that isn't there, or no text."""
    file = tmp_path / "planted.json"
    file.write_text('{\n"uid": 1,\n}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"planted.json:\d: "):
        read_dashboard(file)
    file.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"planted.json:1: "):
        read_dashboard(file)
    with pytest.raises(UsageError, match="No such file"):
        read_dashboard(tmp_path / "none.json")


def test_two_of_the_same_uid_are_refused(tmp_path: Path) -> None:
    """Grafana would show one of them, and nobody knows which."""
    text = (DASHBOARDS / "service.json").read_text(encoding="utf-8")
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"two.json: its uid groundwork-service is that of .*one"):
        load_dashboards(tmp_path)


def test_panels_in_rows_are_read(tmp_path: Path) -> None:
    """A row is no panel, and what lies in it is."""
    file = planted(
        tmp_path,
        lambda b: b.update(panels=[{"type": "row", "title": "All", "panels": b["panels"]}]),
    )
    found = read_dashboard(file)
    assert [each.title for each in found.panels] == [
        each.title for each in read_dashboard(DASHBOARDS / "service.json").panels
    ]


@pytest.mark.parametrize(
    ("expr", "none"),
    [
        ("up", False),
        ("sum by (job) (rate(x[5m])) / (y > 0)", False),
        ("1 - avg(x)", False),
        ("x and on (instance) y", False),
        ("max_over_time(x[5m:1m])", False),
        ("-(x or y)", False),
        ("x unless vector(1)", False),
        ("x or 0 * y", False),
        ("x or vector(0)", True),
        ("sum(x or on () vector(0))", True),
        ("(vector(0) or x) * 3", True),
        ("clamp_min(x or vector(0), 1)", True),
        ("absent(x)", True),
        ("time()", True),
        ("1", True),
    ],
)
def test_an_expression_that_needs_no_series_is_known(expr: str, *, none: bool) -> None:
    """Wherever in it the part stands that would be there all the same."""
    assert needs_none(promql_parser.parse(expr)) == none


def test_panels_that_stand_still_are_few_and_there_are_such(tmp_path: Path) -> None:
    """Most panels must move; one that is renamed, or there twice, is told by line."""
    panels = sum(panel.measured for dashboard in EVERY for panel in dashboard.panels)
    assert 0 < len(load_still(STILL, EVERY)) < panels / 4
    file = tmp_path / "still.yaml"
    line = '  - {panel: "service: Instances", reason: nothing comes or goes}\n'
    file.write_text(f"still:\n{line.replace('Instances', 'Nothing')}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"still.yaml:2: there is no panel service: Nothing"):
        load_still(file, EVERY)
    file.write_text(f"still:\n{line}{line}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"still.yaml:3: service: Instances is there twice"):
        load_still(file, EVERY)
