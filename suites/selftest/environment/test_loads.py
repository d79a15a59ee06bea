"""Loads as they are shown: line by line as they go, and in pictures when they are over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from reports.loads import Second, draw_percentiles, draw_seconds, nines_of
from suites.support.loads import followed

CURVES = {
    "at 20000 a second": [(0.0, 0.9), (50.0, 1.5), (99.0, 4.0), (99.9, 9.0), (99.95, 30.0)],
    "at 50000 a second": [(0.0, 1.1), (50.0, 2.5), (99.0, 60.0), (99.95, 400.0), (100.0, 900.0)],
}
CPU = {"generator": 85.0, "client": 20.0, "broker": 140.0}
ROWS = [Second(float(at), 1_000, 1_000 - at, 1.5, 4.0 + at, 30.0, 0.4, CPU) for at in range(10)]


# A look at a file comes twice a second.
LOOK_TIMEOUT_S = 10.0


def said(file: Path) -> set[str]:
    """The texts of a picture, which matplotlib leaves beside their outlines as comments."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return {line[5:-4] for line in lines if line.startswith("<!-- ") and line.endswith(" -->")}


def differ(left: Path, right: Path) -> bool:
    """Whether two pictures of the same size show different things."""
    assert imread(left).shape == imread(right).shape
    return bool((imread(left) != imread(right)).any())


def test_percentiles_have_an_axis_of_nines(tmp_path: Path) -> None:
    """As many as there are points for, and the name of each curve."""
    png, svg = draw_percentiles(CURVES, "two rates", tmp_path / "percentiles")
    assert (png.name, svg.name) == ("percentiles.png", "percentiles.svg")
    assert imread(png).size
    texts = said(svg)
    assert {"two rates", "percentile", "latency, ms", *CURVES} <= texts
    assert {"0 %", "90 %", "99 %", "99.9 %", "99.99 %"} <= texts
    assert "99.999 %" not in texts


@pytest.mark.parametrize(
    ("many", "name"), [(1, "90 %"), (2, "99 %"), (3, "99.9 %"), (9, "99.9999999 %")]
)
def test_nines_are_named_without_noise(many: int, name: str) -> None:
    """Not as 99.99999999999."""
    assert nines_of(many) == name


def test_another_curve_is_another_picture(tmp_path: Path) -> None:
    """With the same axes, labels and title."""
    first, _ = draw_percentiles(CURVES, "rates", tmp_path / "first")
    again, _ = draw_percentiles(CURVES, "rates", tmp_path / "again")
    moved = CURVES | {"at 20000 a second": [(0.0, 0.9), (50.0, 2.0), (99.95, 30.0)]}
    other, _ = draw_percentiles(moved, "rates", tmp_path / "other")
    assert not differ(first, again)
    assert differ(first, other)


def test_the_hundredth_percentile_is_left_out(tmp_path: Path) -> None:
    """It is infinitely far: the picture is the same without it."""
    with_it, _ = draw_percentiles(
        {"a": [(50.0, 1.0), (99.0, 2.0), (100.0, 3.0)]}, "t", tmp_path / "a"
    )
    without, _ = draw_percentiles({"a": [(50.0, 1.0), (99.0, 2.0)]}, "t", tmp_path / "b")
    assert not differ(with_it, without)


def test_seconds_say_what_their_lines_are(tmp_path: Path) -> None:
    """In three panels: the load, latency with lateness, and who was busy."""
    png, svg = draw_seconds(ROWS, "a run", tmp_path / "seconds")
    assert imread(png).size
    texts = said(svg)
    assert {"a run", "messages / s", "offered", "acknowledged"} <= texts
    assert {"latency, ms", "half within", "99 of 100 within", "slowest"} <= texts
    assert "99 of 100 sent late by" in texts
    assert {"CPU, % of one core", *CPU, "seconds since the load began"} <= texts
    assert "nobody has looked" not in texts


@pytest.mark.parametrize(
    "changed",
    [
        replace(ROWS[5], scheduled=900),
        replace(ROWS[5], acknowledged=900),
        replace(ROWS[5], p50_ms=2.0),
        replace(ROWS[5], p99_ms=6.0),
        replace(ROWS[5], max_ms=20.0),
        replace(ROWS[5], lateness_p99_ms=0.8),
        replace(ROWS[5], cpu=CPU | {"broker": 100.0}),
    ],
)
def test_everything_in_a_second_is_drawn(tmp_path: Path, changed: Second) -> None:
    """Where one number of one second is another, the picture is another."""
    first, _ = draw_seconds(ROWS, "a run", tmp_path / "first")
    other, _ = draw_seconds([*ROWS[:5], changed, *ROWS[6:]], "a run", tmp_path / "other")
    assert differ(first, other)


def test_what_nobody_has_looked_at_is_said(tmp_path: Path) -> None:
    """No line at zero, which would say that somebody was idle."""
    _, svg = draw_seconds([replace(each, cpu={}) for each in ROWS], "a run", tmp_path / "seconds")
    assert "nobody has looked" in said(svg)
    assert "broker" not in said(svg)


def test_silence_is_a_gap(tmp_path: Path) -> None:
    """A second in which nothing was acknowledged, or all, or no second: there are pictures."""
    silent = Second(3.0, 1_000, 0, 0.0, 0.0, 0.0, 0.0, {"broker": 1.0})
    for name, rows in (("one", [*ROWS[:3], silent, *ROWS[4:]]), ("all", [silent]), ("no", [])):
        assert all(each.is_file() for each in draw_seconds(rows, "a run", tmp_path / name))
    assert all(each.is_file() for each in draw_percentiles({}, "no run", tmp_path / "none"))
    assert all(each.is_file() for each in draw_percentiles({"a": []}, "none", tmp_path / "empty"))


def test_lines_are_told_whole_and_once(tmp_path: Path) -> None:
    """As they come, also the last before the end; what is half written is none yet."""
    file, told = tmp_path / "progress.txt", list[str]()

    def expect(*lines: str) -> None:
        if tuple(told) != lines:
            raise NotYetError(f"{told}")

    with followed(file, told.append), file.open("w", buffering=1) as writing:
        writing.write("one\ntw")
        writing.flush()
        wait_for(lambda: expect("one"), deadline=Deadline.after(LOOK_TIMEOUT_S), what="a line")
        writing.write("o\n")
        wait_for(lambda: expect("one", "two"), deadline=Deadline.after(LOOK_TIMEOUT_S), what="it")
        writing.write("three\n")
    assert told == ["one", "two", "three"]
