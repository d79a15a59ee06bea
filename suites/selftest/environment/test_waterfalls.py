"""Waterfalls: stages over what they may take, as PNG and as SVG."""

from __future__ import annotations

from pathlib import Path

from matplotlib.image import imread

from reports.waterfalls import Bar, draw_waterfall

BARS = (Bar("pending", 0.0, 2.5, 4.0), Bar("told", 2.5, 9.0, 1.0))


def test_each_stage_stands_there_with_what_it_took(tmp_path: Path) -> None:
    """Its name, and how long it took of how long it may."""
    png, svg = draw_waterfall(BARS, "an alert", "seconds since the cause", tmp_path / "alert")
    assert (png.name, svg.name) == ("alert.png", "alert.svg")
    text = svg.read_text()
    for said in ("an alert", "pending", "2.5 s of 4 s", "told", "6.5 s of 1 s", "seconds since"):
        assert said in text


def test_what_is_late_has_another_colour(tmp_path: Path) -> None:
    """One of the two is: the picture with it isn't the one without."""
    late, _ = draw_waterfall(BARS, "an alert", "s", tmp_path / "late")
    within, _ = draw_waterfall(
        (BARS[0], Bar("told", 2.5, 9.0, 6.5)), "an alert", "s", tmp_path / "within"
    )
    assert imread(late).shape == imread(within).shape
    assert (imread(late) != imread(within)).any()
