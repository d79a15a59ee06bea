"""Dashboards: each panel shows something, which moves, and counts what was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from fixtures.declared.dashboards import (
    DASHBOARDS,
    PROMETHEUS,
    Dashboard,
    Panel,
    Variable,
    load_dashboards,
    metrics_of,
    read_dashboard,
)
from groundwork.base.errors import NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for
from reports.panels import draw_dashboard
from suites.support.panels import Viewer, label_of, load_still
from suites.support.seen import attach_pictures
from suites.support.traffic import ROUND, Traffic

EVERY = load_dashboards()
STILL = load_still(Path(__file__).parent / "still.yaml", EVERY)

MEASURED = [(each, panel) for each in EVERY for panel in each.panels if panel.measured]
ASKING = [(each, v) for each in EVERY for v in each.variables if v.label_of is not None]


@pytest.mark.parametrize(
    ("dashboard", "panel"), MEASURED, ids=[label_of(each, panel) for each, panel in MEASURED]
)
def test_a_panel_shows_what_moves(
    viewer: Viewer,
    traffic: Traffic,
    shown: Deadline,
    platform: str,
    dashboard: Dashboard,
    panel: Panel,
) -> None:
    """Each of its metrics is there, each query has series, and one of them isn't constant."""
    declared = STILL.get(label_of(dashboard, panel))
    still = declared is not None and platform in (declared.env or (platform,))
    await_panel(viewer, traffic, shown, dashboard, panel, still=still)


def await_panel(
    viewer: Viewer,
    traffic: Traffic,
    shown: Deadline,
    dashboard: Dashboard,
    panel: Panel,
    *,
    still: bool = False,
) -> None:
    """Wait until nothing is wrong with a panel; there is traffic meanwhile.

    Raises:
        WaitTimeoutError: Something still is, told with file, panel and query.
    """

    def look() -> None:
        faults = list(viewer.faults(dashboard, panel, still=still))
        if faults:
            traffic.send()
            raise NotYetError("; ".join(faults))

    wait_for(
        look,
        deadline=shown,
        what=f"{label_of(dashboard, panel)} to show something",
        retry_on=(requests.RequestException,),  # others may have killed the store a moment ago
    )


@pytest.mark.parametrize(
    ("dashboard", "variable"), ASKING, ids=[f"{each.name}: {v.name}" for each, v in ASKING]
)
def test_a_variable_has_a_value(
    viewer: Viewer, traffic: Traffic, shown: Deadline, dashboard: Dashboard, variable: Variable
) -> None:
    """There is something to choose."""
    del traffic

    def look() -> None:
        if not viewer.values_of(variable):
            raise NotYetError(
                f"{dashboard.file}: variable {variable.name}: {variable.query} is empty"
            )

    wait_for(
        look,
        deadline=shown,
        what=f"a value of {variable.name}",
        retry_on=(requests.RequestException,),
    )


# By what of a round each of them must go up; every one of them is a counter that a panel reads. A
# price is a message, too.
COUNTED = {
    'http_requests_total{job="hello-world",route="/hello/{name}",status="200"}': ("greetings",),
    'http_requests_total{job="hello-world",method="GET",status="404"}': ("strays",),
    'http_requests_total{job="hello-world",route="/messages",status="422"}': ("nonsense",),
    'messages_published_total{job="hello-world"}': ("messages", "prices"),
    'messages_consumed_total{job="hello-world"}': ("messages", "prices"),
    'market_data_received_total{job="hello-world"}': ("prices",),
}
RECORDS = {
    "kafka": 'kafka_server_brokertopicmetrics_messagesin_total{topic="market-data.trades"}',
    "redpanda": 'redpanda_kafka_max_offset{topic="market-data.trades"}',
}

ROUNDS = 3

# A record comes back in milliseconds; two scrapes (15 s each in production's profile) at the most.
COUNTED_TIMEOUT_S = 40.0


@pytest.mark.alone
def test_panels_count_what_was_sent(viewer: Viewer, traffic: Traffic, broker_kind: str) -> None:
    """Counters go up by exactly what was sent while nobody else sends anything."""
    counted = COUNTED | {RECORDS[broker_kind]: ("records",)}
    read = {name for board, p in MEASURED for q in p.queries for name in metrics_of(board, q)}
    unread = [each for each in counted if each.partition("{")[0] not in read]
    assert not unread, f"no panel reads {'; '.join(unread)}"
    since_s = time.time()
    before = {each: settled(viewer, each, since_s) for each in counted}
    for _ in range(ROUNDS):
        traffic.send()

    def look() -> None:
        wrong = []
        for selector, kinds in counted.items():
            sent = ROUNDS * sum(ROUND[kind] for kind in kinds)
            moved = value_of(viewer, selector) - before[selector]
            if moved != sent:
                wrong.append(f"{selector} has gone up by {moved:g}, and {sent} were sent")
        if wrong:
            raise NotYetError("; ".join(wrong))

    wait_for(look, deadline=Deadline.after(COUNTED_TIMEOUT_S), what="counters to have moved")


def value_of(viewer: Viewer, selector: str) -> float:
    """The sum of a counter's series.

    Raises:
        NotYetError: There is none.
    """
    found = viewer.prometheus.query(f"sum({selector})")
    if not found:
        raise NotYetError(f"{selector} has no series")
    return float(found[0]["value"][1])


def settled(viewer: Viewer, selector: str, since_s: float) -> float:
    """The value of a counter in a scrape that has begun after a moment."""

    def look() -> float:
        found = viewer.prometheus.query(f"min(timestamp({selector}))")
        if not found or float(found[0]["value"][1]) <= since_s:
            raise NotYetError(f"{selector} hasn't been scraped since")
        return value_of(viewer, selector)

    return wait_for(look, deadline=Deadline.after(COUNTED_TIMEOUT_S), what="a scrape")


Plant = Callable[[str], tuple[Dashboard, Panel]]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Plants a copy of a dashboard, one of whose panels asks for something else."""

    def planted(expr: str) -> tuple[Dashboard, Panel]:
        body = json.loads((DASHBOARDS / "service.json").read_text(encoding="utf-8"))
        body["panels"][0]["targets"][0]["expr"] = expr
        file = tmp_path / "planted.json"
        file.write_text(json.dumps(body), encoding="utf-8")
        made = read_dashboard(file)
        return made, made.panels[0]

    return planted


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (
            "sum(rate(http_request_total[$__rate_interval]))",
            "no series is called http_request_total",
        ),
        ('sum(http_requests_total{job="nobody"})', "it has no series"),
        ("sum(kafka_nothing or redpanda_nothing)", "nothing of it is for"),
        ('0 * up{job="prometheus"} + 7', "nothing moves: requests stands at"),
    ],
)
def test_a_panel_that_shows_nothing_fails_by_name(
    viewer: Viewer, traffic: Traffic, plant: Plant, expr: str, text: str
) -> None:
    """File, panel and query are told, and what is wrong; the same judgement as above."""
    dashboard, panel = plant(expr)
    with pytest.raises(WaitTimeoutError) as failed:
        await_panel(viewer, traffic, Deadline.after(0), dashboard, panel)
    for part in (str(dashboard.file), panel.title, text):
        assert part in str(failed.value)
    if "nothing of it" not in text:
        assert expr in str(failed.value)


@pytest.mark.parametrize("dashboard", EVERY, ids=[each.name for each in EVERY])
def test_a_picture_shows_every_panel(
    viewer: Viewer, traffic: Traffic, out_dir: Path, dashboard: Dashboard
) -> None:
    """As Grafana would place them; where the stores of logs and traces are others, it says so."""
    del traffic
    end_s = time.time()
    shown = {
        panel.title: [line for each in viewer.lines(dashboard, panel).values() for line in each]
        for panel in dashboard.panels
        if panel.measured
    }
    elsewhere = dict(kept_elsewhere(dashboard))
    folder = out_dir / "dashboards"
    folder.mkdir(exist_ok=True)
    span_s = (end_s - viewer.span_s, end_s)
    files = draw_dashboard(dashboard, shown, span_s, folder / dashboard.name, elsewhere)
    attach_pictures(files, dashboard.title)
    empty = [title for title, lines in shown.items() if not lines]
    assert not empty, f"{dashboard.file}: empty panels: {', '.join(empty)}"


def kept_elsewhere(dashboard: Dashboard) -> Iterator[tuple[str, str]]:
    """Panels of other stores than Prometheus, and why a picture has nothing of them."""
    for panel in dashboard.panels:
        for source in {each.source for each in panel.queries} - {PROMETHEUS}:
            yield panel.title, f"asks {source.capitalize()}: seen in Grafana alone"
