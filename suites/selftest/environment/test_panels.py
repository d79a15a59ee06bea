"""Pictures of dashboards: panels lie where Grafana would place them, and empty ones are marked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.image import imread

from fixtures.declared.dashboards import Dashboard, load_dashboards
from reports.panels import Line, draw_dashboard, unbroken
from reports.units import told

(SERVICE,) = (each for each in load_dashboards() if each.name == "service")

SPAN_S = (1_000.0, 1_060.0)
TIMES = tuple(SPAN_S[0] + 2 * step for step in range(31))
RISING = Line("requests", TIMES, tuple(float(step) for step in range(31)))


def drawn(
    folder: Path,
    shown: dict[str, list[Line]],
    elsewhere: dict[str, str] | None = None,
    dashboard: Dashboard = SERVICE,
) -> tuple[Path, Path]:
    """A picture, as PNG and as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = draw_dashboard(dashboard, shown, SPAN_S, folder / "board", elsewhere or {})
    return png, svg


def everything(line: Line) -> dict[str, list[Line]]:
    """The same series in all panels."""
    return {panel.title: [line] for panel in SERVICE.panels}


def test_it_is_drawn_in_both_forms(tmp_path: Path) -> None:
    """Wide enough to be read, as high as the grid is."""
    png, svg = drawn(tmp_path, everything(RISING))
    height, width = imread(png).shape[:2]
    assert width == 1500
    rows = max(each.place.y + each.place.height for each in SERVICE.panels)
    assert rows * 30 < height < rows * 45
    assert "<svg" in svg.read_text(encoding="utf-8")


def test_an_empty_panel_looks_otherwise(tmp_path: Path) -> None:
    """Where it lies, and nowhere else: the other panels are the same."""
    full, _ = drawn(tmp_path / "full", everything(RISING))
    empty, _ = drawn(tmp_path / "empty", everything(RISING) | {"Requests": []})
    before, after = imread(full), imread(empty)
    differs = (before != after).any(axis=(1, 2)).nonzero()[0]
    across = (before != after).any(axis=(0, 2)).nonzero()[0]
    first = SERVICE.panels[0].place
    assert across.max() <= 1500 * first.width / 24 + 3  # the edge of a box is a line wide
    assert differs.max() <= 75 + 36 * first.height
    red, green, blue = after[differs.min() + 60, 30, :3]
    assert red > green > blue, "it has no colour of its own"


def test_a_panel_of_another_store_isnt_marked_as_empty(tmp_path: Path) -> None:
    """It says where it is to be seen, in grey."""
    lacking = everything(RISING) | {"Latency": []}
    empty, _ = drawn(tmp_path / "empty", lacking)
    elsewhere, _ = drawn(tmp_path / "elsewhere", lacking, {"Latency": "asks Loki"})
    assert (imread(empty) != imread(elsewhere)).any()


def test_a_number_over_its_limit_is_red(tmp_path: Path) -> None:
    """And the same number below it isn't."""
    title = next(each.title for each in SERVICE.panels if each.limit == 0.05)
    pictures = []
    for value in (0.04, 0.06):
        line = Line("failed", TIMES, (value,) * len(TIMES))
        png, _ = drawn(tmp_path / str(value), everything(RISING) | {title: [line]})
        pictures.append(imread(png)[75:220, 375:750])
    well, ill = ((each[..., 0] - each[..., 1] > 0.4).sum() for each in pictures)
    assert ill > 50 > well


def test_lines_have_gaps_where_nothing_was(tmp_path: Path) -> None:
    """A line across a gap would say that something was measured there; one value is a point."""
    at_s: tuple[float, ...] = (0.0, 2.0, 4.0, 20.0, 22.0, 40.0)
    parts = unbroken(at_s)
    assert [at_s[part] for part in parts] == [(0.0, 2.0, 4.0), (20.0, 22.0), (40.0,)]
    assert unbroken((7.0,)) == [slice(0, 1)]
    many = [Line(f"a name that is far too long to be read {n}", TIMES, TIMES) for n in range(30)]
    png, _ = drawn(tmp_path, everything(RISING) | {"Latency": many, "Requests by route": many[:1]})
    assert imread(png).size


@pytest.mark.parametrize("unit", ["bytes", "none"])
def test_what_is_nothing_all_the_time_is_a_line(tmp_path: Path, unit: str) -> None:
    """It is no empty panel, and there is no scale that would fit it."""
    panels = tuple(replace(each, unit=unit, limit=None) for each in SERVICE.panels)
    board = replace(SERVICE, panels=panels)
    nothing = everything(Line("nothing", TIMES, (0.0,) * len(TIMES)))
    line, _ = drawn(tmp_path / "line", nothing, dashboard=board)
    empty, _ = drawn(tmp_path / "empty", {}, dashboard=board)
    assert (imread(line) != imread(empty)).any()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (0.0425, "s", "42.5 ms"),
        (3e-7, "s", "300 ns"),
        (1.5, "s", "1.5 s"),
        (0.05, "percentunit", "5 %"),
        (0.0, "percentunit", "0 %"),
        (1536.0, "bytes", "1.5 KiB"),
        (2.0**40 * 5000, "bytes", "5000 TiB"),
        (300.0, "binBps", "300 B/s"),
        (1234567.0, "none", "1.23M"),
        (-2.0, "none", "-2"),
        (0.75, "reqps", "0.75 req/s"),
        (1150.25, "currencyUSD", "$1,150.25"),
    ],
)
def test_values_are_told_in_their_unit(value: float, unit: str, text: str) -> None:
    """As Grafana would, in digits that are read at a glance."""
    assert told(value, unit) == text


def test_an_unknown_unit_is_no_number() -> None:
    """Whoever uses one first says here what it means."""
    with pytest.raises(KeyError):
        told(1.0, "furlongs")


def test_panels_lie_in_rows_without_holes() -> None:
    """From left to right, and then below: what is beside each other is as high."""
    rows: dict[int, list[tuple[int, int]]] = {}
    for panel in SERVICE.panels:
        rows.setdefault(panel.place.y, []).append((panel.place.x, panel.place.width))
    for row in rows.values():
        assert row[0][0] == 0
        assert sum(width for _, width in row) == 24
        assert all(before[0] + before[1] == after[0] for before, after in pairwise(row))
